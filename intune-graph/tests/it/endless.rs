//! Lists that don't end.

use serde_json::Value;

use crate::support::*;

/// A Graph whose page `n` names page `next(n)`.
async fn paging(next: impl Fn(usize) -> usize + Clone + Send + Sync + 'static) -> Graph {
    Graph::start(move |request, own| {
        let number = request
            .option("$skiptoken")
            .map_or(0, |number| number.parse().unwrap());
        let rows = if number == 0 {
            vec![row(RECORD)]
        } else {
            Vec::new()
        };
        ok(page(&rows, Some(Value::from(page_link(own, next(number))))))
    })
    .await
}

#[tokio::test]
async fn a_page_that_names_itself_ends_the_reading() {
    let graph = Graph::start(|request, own| {
        ok(page(
            &[row(RECORD)],
            Some(format!("{own}{}", request.target).into()),
        ))
    })
    .await;
    assert_malformed(&graph.failure().await, Some("nextLink_repeats"));
    assert_eq!(graph.count(), 1);
    let failure = graph.page(None).await.unwrap_err();
    assert_malformed(&failure, Some("nextLink_repeats"));
    assert_eq!(graph.count(), 2);
}

#[tokio::test]
async fn a_link_that_repeats_ends_the_reading() {
    let graph = paging(|_| 1).await;
    assert_malformed(&graph.failure().await, Some("nextLink_repeats"));
    assert_eq!(graph.count(), 2);
}

#[tokio::test]
async fn a_cycle_of_two_pages_ends_the_reading() {
    let graph = paging(|number| if number == 1 { 2 } else { 1 }).await;
    assert_malformed(&graph.failure().await, Some("nextLink_repeats"));
    assert!(graph.count() <= 3, "{}", graph.count());
}

#[tokio::test]
async fn a_list_of_ever_new_pages_ends_after_a_hundred() {
    let graph = paging(|number| number + 1).await;
    assert_malformed(&graph.failure().await, Some("too_many_pages"));
    assert_eq!(graph.count(), 100);
}

#[tokio::test]
async fn a_hundred_pages_are_read() {
    let mut pages = vec![Vec::new(); 99];
    pages.push(vec![row(RECORD)]);
    let graph = Graph::pages(pages).await;
    assert_eq!(graph.records().await.unwrap().len(), 1);
    assert_eq!(graph.count(), 100);
}

/// A Graph with this many rows, without a property, on its one page.
async fn rows(count: usize) -> Graph {
    let rows = vec!["{}"; count].join(",");
    Graph::saying(200, &[], format!(r#"{{"value":[{rows}]}}"#)).await
}

#[tokio::test]
async fn a_page_of_more_rows_than_any_page_has_is_none() {
    assert_eq!(rows(10_000).await.records().await.unwrap(), []);
    assert_malformed(&rows(10_001).await.failure().await, None);
    // Nine megabytes on the wire that would be a gigabyte of rows.
    assert_malformed(&rows(3_000_000).await.failure().await, None);
}
