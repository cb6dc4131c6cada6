//! Lists that don't end.

use intune_core::{Cursor, DeviceDirectory as _, DeviceQuery, SourceFailure};
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
    assert_eq!(rows(2_000).await.records().await.unwrap(), []);
    assert_malformed(&rows(2_001).await.failure().await, None);
    // Four megabytes on the wire that would be half a gigabyte of rows.
    assert_malformed(&rows(1_390_000).await.failure().await, None);
}

/// Lists by cursors alone, as one who keeps no other state, and each page with a new client.
async fn list(graph: &Graph) -> Result<usize, SourceFailure> {
    let (mut pages, mut cursor) = (0, None);
    loop {
        let page = graph.page(cursor).await?;
        pages += 1;
        let Some(next) = page.next else {
            return Ok(pages);
        };
        cursor = Some(Cursor::new(next.as_str().to_owned()));
    }
}

#[tokio::test]
async fn a_circle_is_seen_by_the_cursor_alone() {
    for (circle, at_most) in [(1, 2), (2, 6), (3, 9), (10, 30)] {
        let graph = paging(move |number| (number + 1) % circle).await;
        let failure = list(&graph).await.unwrap_err();
        assert_malformed(&failure, Some("nextLink_repeats"));
        assert!(graph.count() <= at_most, "{circle}: {}", graph.count());
    }
}

#[tokio::test]
async fn a_listing_has_at_most_a_thousand_pages() {
    let graph = paging(|number| number + 1).await;
    let client = graph.client();
    let (mut cursor, mut longest) = (None, 0);
    for _ in 0..1_000 {
        let page = client.page(&DeviceQuery::new(), cursor).await.unwrap();
        cursor = page.next;
        longest = longest.max(cursor.as_ref().unwrap().as_str().len());
    }
    let failure = client.page(&DeviceQuery::new(), cursor).await.unwrap_err();
    assert_malformed(&failure, Some("too_many_pages"));
    assert_eq!(graph.count(), 1_000);
    assert!(
        longest < page_link(&graph.url, 1_000).len() + 40,
        "{longest}"
    );
}
