//! Where the next page is: the bearer follows a link home, and nowhere else.

use std::net::Ipv4Addr;

use intune_core::{Cursor, DeviceDirectory as _, DeviceQuery, SourceFailureKind};
use serde_json::{Value, json};

use crate::support::*;

/// A Graph whose first page names `link` as the next, and that would answer there, too.
async fn linking_to(link: impl Fn(&str) -> Value + Clone + Send + Sync + 'static) -> Graph {
    Graph::start(move |request, own| match request.option("$select") {
        Some(_) => ok(page(&[row(RECORD)], Some(link(own)))),
        None => ok(page(&[row(SECOND_RECORD)], None)),
    })
    .await
}

#[tokio::test]
async fn a_link_to_elsewhere_is_not_followed() {
    let port = Bystander::new();
    let host = Bystander::at(Ipv4Addr::new(127, 0, 0, 2));
    let (near, far) = (port.address(), host.address());
    let links: Vec<String> = vec![
        format!("http://{near}{LIST}"),
        format!("http://{far}{LIST}"),
        format!("http://localhost:{}{LIST}", port.port()),
        format!("//{near}{LIST}"),
        format!("http:\\\\{near}{LIST}"),
        format!(" http://{near}{LIST}"),
        format!("https://{near}{LIST}"),
        // Our own address, as somebody's name and password.
        format!("OWN@{near}{LIST}"),
        format!("OWN%2F@{near}{LIST}"),
        format!("OWN:x@{near}{LIST}"),
        format!("OWN@{far}{LIST}"),
        // Our own address, under another name or scheme.
        format!("http://localhost:PORT{LIST}"),
        format!("https://127.0.0.1:PORT{LIST}"),
        format!("ftp://127.0.0.1:PORT{LIST}"),
        // Home, with a password that the server didn't get from us.
        format!("http://user:secret@127.0.0.1:PORT{LIST}"),
        format!("http://user@127.0.0.1:PORT{LIST}"),
    ];
    for link in links {
        let template = link.clone();
        let graph = linking_to(move |own| {
            let port = own.rsplit(':').next().unwrap();
            template.replace("OWN", own).replace("PORT", port).into()
        })
        .await;
        assert_malformed(&graph.failure().await, Some("nextLink"));
        assert_eq!(graph.count(), 1, "{link}");
        let failure = graph.page(None).await.unwrap_err();
        assert_malformed(&failure, Some("nextLink"));
        assert_eq!(graph.count(), 2, "{link}");
    }
    port.assert_left_alone();
    host.assert_left_alone();
}

#[tokio::test]
async fn a_link_that_is_no_absolute_url_is_not_followed() {
    for link in [
        "",
        "?$skiptoken=1",
        "managedDevices?$skiptoken=1",
        LIST,
        "next",
        "http://",
        "http:",
    ] {
        let graph = linking_to(move |_| link.into()).await;
        assert_malformed(&graph.failure().await, Some("nextLink"));
        assert_eq!(graph.count(), 1, "{link}");
    }
    for link in [json!(1), json!(true), json!(["x"]), json!({"href": "x"})] {
        let graph = linking_to(move |_| link.clone()).await;
        assert_eq!(
            graph.failure().await.kind(),
            SourceFailureKind::MalformedAnswer
        );
        assert_eq!(graph.count(), 1);
    }
}

#[tokio::test]
async fn a_link_that_no_request_can_hold_is_the_answers_fault() {
    let graph =
        linking_to(|own| format!("{own}{LIST}?$skiptoken={}", "x".repeat(70_000)).into()).await;
    assert_malformed(&graph.failure().await, Some("nextLink"));
    assert_eq!(graph.count(), 1);
}

#[tokio::test]
async fn no_link_and_a_null_one_end_the_list() {
    let graph = linking_to(|_| Value::Null).await;
    assert_eq!(graph.records().await.unwrap().len(), 1);
    assert_eq!(graph.page(None).await.unwrap().next, None);
}

#[tokio::test]
async fn a_link_is_followed_as_it_is() {
    let query = "$skiptoken=LastDeviceName%3d%27O%27%27Brien+%26%20co%27%2cLastDeviceId%3D%27x%27&$SELECT=id&&x";
    let graph = linking_to(move |own| format!("{own}/v1.0/elsewhere('a')/b?{query}").into()).await;
    assert_eq!(graph.records().await.unwrap().len(), 2);
    let next = graph.received().remove(1);
    assert_eq!(next.target, format!("/v1.0/elsewhere('a')/b?{query}"));
    assert_eq!(next.header("authorization"), "Bearer canary-token-1");
    assert_eq!(next.header("accept"), "application/json");
}

#[tokio::test]
async fn the_same_place_in_another_spelling_is_home() {
    let graph = linking_to(|own| own.replace("http://127.0.0.1", "HTTP://127.1").into()).await;
    assert_eq!(graph.records().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Bystander::new();
        let target = format!("http://{}{LIST}", elsewhere.address());
        let graph = Graph::saying(status, &[("location", &target)], "").await;
        let failure = graph.failure().await;
        assert_malformed(&failure, None);
        assert_eq!(failure.status(), Some(status));
        assert_malformed(&graph.device().await.unwrap_err(), None);
        assert_eq!(graph.count(), 2);
        elsewhere.assert_left_alone();
    }
    // Nor to where the bearer could go.
    let graph = Graph::saying(302, &[("location", "/v1.0/here")], "").await;
    assert_malformed(&graph.failure().await, None);
    assert_eq!(graph.count(), 1);
}

#[tokio::test]
async fn a_forged_cursor_leads_nowhere() {
    let elsewhere = Bystander::new();
    let graph = Graph::pages(vec![vec![row(RECORD)], Vec::new()]).await;
    let genuine = graph.page(None).await.unwrap().next.unwrap();
    let forge = |link: &str| Cursor::new(genuine.as_str().replace(&page_link(&graph.url, 1), link));
    let host = graph.url.strip_prefix("http://").unwrap();
    for forged in [
        format!("http://{}{LIST}", elsewhere.address()),
        format!("http://{host}@{}{LIST}", elsewhere.address()),
        format!("https://{host}{LIST}"),
        format!("http://user@{host}{LIST}"),
        // Home, but not the listing: our token could read anything there.
        format!("http://{host}/v1.0/users?$top=999"),
        format!("http://{host}{LIST}/../../users"),
        format!(
            "http://localhost:{}{LIST}",
            host.rsplit(':').next().unwrap()
        ),
        LIST.to_owned(),
        "2".to_owned(),
        String::new(),
    ] {
        for cursor in [forge(&forged), Cursor::new(forged.clone())] {
            let failure = graph.page(Some(cursor)).await.unwrap_err();
            assert_malformed(&failure, Some("nextLink"));
            assert_eq!(graph.count(), 1, "{forged}");
        }
    }
    let page = graph.page(Some(forge(&page_link(&graph.url, 1)))).await;
    assert_eq!(page.unwrap().items, []);
    elsewhere.assert_left_alone();
}

#[tokio::test]
async fn a_bearer_for_https_never_travels_over_http() {
    // Host and port are home; the scheme isn't.
    let graph = Graph::pages(vec![Vec::new(); 2]).await;
    let downgraded = graph.page(None).await.unwrap().next.unwrap();
    let client = client(&graph.url.replace("http:", "https:"));
    let failure = client
        .page(&DeviceQuery::new(), Some(downgraded))
        .await
        .unwrap_err();
    assert_malformed(&failure, Some("nextLink"));
    assert_eq!(graph.count(), 1);
}
