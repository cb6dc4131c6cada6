//! What every request carries.

use std::collections::HashSet;

use uuid::Uuid;

use crate::support::*;

#[tokio::test]
async fn every_request_carries_bearer_accept_and_a_fresh_id() {
    let graph = Graph::pages(vec![others(1), others(1), vec![row(RECORD)]]).await;
    graph.records().await.unwrap();
    graph.page(None).await.unwrap();
    let received = graph.received();
    let mut ids = HashSet::new();
    for request in &received {
        assert_eq!(request.method, "GET");
        assert_eq!(request.header("authorization"), "Bearer canary-token-1");
        assert_eq!(request.header("accept"), "application/json");
        assert_eq!(request.header("prefer"), "include-unknown-enum-members");
        assert!(request.header("user-agent").starts_with("intune-graph/"));
        assert!(request.headers.get("sdkversion").is_none());
        let id: Uuid = request.header("client-request-id").parse().unwrap();
        assert_eq!(id.get_version_num(), 4);
        ids.insert(id);
    }
    assert_eq!(ids.len(), received.len());
}

#[tokio::test]
async fn a_root_below_a_path_or_with_a_version_is_kept() {
    for root in ["", "/", "/v1.0", "/v1.0/", "/proxy", "/proxy/v1.0/"] {
        let graph = Graph::of(Vec::new()).await;
        let client = client(&format!("{}{root}", graph.url));
        intune_core::DeviceDirectory::records(&client, device_id())
            .await
            .unwrap();
        let prefix = if root.contains("proxy") { "/proxy" } else { "" };
        assert_eq!(
            graph.received()[0].path(),
            format!("{prefix}{LIST}"),
            "{root}"
        );
    }
}
