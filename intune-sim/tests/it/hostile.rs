//! Answers that are slow, large or deep, and pages that lead astray.

use std::collections::BTreeSet;

use intune_sim::{Device, Fault, FaultKind, Route, SimConfig};
use serde_json::{Value, json};

use crate::client::{Harness, texts};

fn inject(harness: &Harness, kind: FaultKind) {
    harness
        .sim
        .inject(Fault::new(Route::ListDevices, kind).always());
}

async fn one_device() -> Harness {
    let harness = Harness::empty().await;
    harness.sim.put_device(Device::new("A"));
    harness
}

#[tokio::test]
async fn a_dripped_body_is_whole_in_the_end() {
    let harness = one_device().await;
    inject(
        &harness,
        FaultKind::Drip {
            millis: 1,
            bytes: Some(20),
        },
    );
    let text = harness.get("managedDevices").await.text().await.unwrap();
    assert_eq!(text.len() - text.trim_start().len(), 20);
    let page: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(texts(&page, "deviceName"), ["A"]);
}

#[tokio::test]
async fn a_drip_without_end_ends_when_released_or_stopped() {
    let harness = one_device().await;
    inject(
        &harness,
        FaultKind::Drip {
            millis: 1,
            bytes: None,
        },
    );
    let mut response = harness.get("managedDevices").await;
    assert_eq!(response.status(), 200);
    for _ in 0..5 {
        assert_eq!(response.chunk().await.unwrap().unwrap().trim_ascii(), b"");
    }
    harness.sim.release();
    assert!(response.json::<Value>().await.unwrap()["value"].is_array());

    let mut response = harness.get("managedDevices").await;
    response.chunk().await.unwrap();
    harness.sim.stop().await;
    let rest = async {
        while response.chunk().await?.is_some() {}
        Ok::<(), reqwest::Error>(())
    };
    assert!(rest.await.is_err());
}

#[tokio::test]
async fn a_small_stream_is_a_large_body() {
    let harness = one_device().await;
    let plain = reqwest::Client::builder()
        .no_proxy()
        .no_gzip()
        .build()
        .unwrap();
    let url = format!(
        "{}v1.0/deviceManagement/managedDevices",
        harness.sim.graph()
    );
    // The odd sizes meet each place where a run of blanks can end.
    for bytes in [0, 100, 29 + 258, 1000, 65_537, 10_000_003] {
        inject(&harness, FaultKind::GzipBomb { bytes });
        let raw = plain.get(&url).send().await.unwrap();
        assert_eq!(raw.headers()["content-encoding"], "gzip");
        let raw = raw.bytes().await.unwrap().len() as u64;
        assert!(raw < 500 + bytes / 1000, "{raw}");
        let text = harness.get("managedDevices").await.text().await.unwrap();
        assert_eq!(text.len() as u64, bytes.max(30), "{bytes}");
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap()["value"],
            json!([])
        );
        harness.sim.clear_faults();
    }
    // A gigabyte is made in no time.
    inject(&harness, FaultKind::GzipBomb { bytes: 1 << 30 });
    let raw = plain.get(&url).send().await.unwrap().bytes().await.unwrap();
    assert!((1_000_000..1_100_000).contains(&raw.len()), "{}", raw.len());
}

#[tokio::test]
async fn json_is_as_deep_as_asked() {
    let harness = one_device().await;
    inject(&harness, FaultKind::DeepJson { depth: 100_000 });
    let text = harness.get("managedDevices").await.text().await.unwrap();
    assert_eq!(text.matches('[').count(), 100_000);
    assert_eq!(text.matches(']').count(), 100_000);
    let error = serde_json::from_str::<Value>(&text).unwrap_err();
    assert!(error.to_string().contains("recursion limit"), "{error}");
    harness.sim.clear_faults();
    inject(&harness, FaultKind::DeepJson { depth: 3 });
    let page: Value = harness.json("managedDevices").await;
    assert_eq!(page, json!({ "value": [[[]]] }));
}

#[tokio::test]
async fn a_header_is_as_long_as_asked() {
    let harness = one_device().await;
    inject(&harness, FaultKind::OversizedHeader { bytes: 50_000 });
    let response = harness.get("managedDevices").await;
    assert_eq!(response.headers()["x-ms-oversized"].len(), 50_000);
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_page_holds_as_many_rows_as_asked() {
    let harness = one_device().await;
    inject(&harness, FaultKind::HugePage { rows: 5000 });
    let filter = "$filter=complianceState%20eq%20'error'&$top=1&$select=id,azureADDeviceId";
    let page = harness.json(&format!("managedDevices?{filter}")).await;
    assert_eq!(page["@odata.nextLink"], Value::Null);
    let ids: BTreeSet<String> = texts(&page, "id").into_iter().collect();
    assert_eq!(ids.len(), 5000);
    assert_eq!(page["value"][0].as_object().unwrap().len(), 2);
}

/// The names and the next link of a page.
async fn page(harness: &Harness, url: &str) -> (Vec<String>, String) {
    let request = harness.http.get(url).bearer_auth(&harness.token);
    let page: Value = request.send().await.unwrap().json().await.unwrap();
    let next = page["@odata.nextLink"].as_str().unwrap().to_owned();
    (texts(&page, "deviceName"), next)
}

#[tokio::test]
async fn pages_follow_without_end() {
    let harness = one_device().await;
    inject(&harness, FaultKind::EndlessPages);
    let mut url = format!(
        "{}v1.0/deviceManagement/managedDevices",
        harness.sim.graph()
    );
    let (mut names, mut links) = (Vec::new(), BTreeSet::new());
    for _ in 0..20 {
        let (mut found, next) = page(&harness, &url).await;
        names.append(&mut found);
        assert!(links.insert(next.clone()), "a link was given twice");
        url = next;
    }
    // Neither rows nor links repeat: only a count of the pages tells.
    assert_eq!(names, ["A"]);
}

#[tokio::test]
async fn two_pages_name_each_other() {
    for (devices, size) in [(4, 2), (1, 1000)] {
        let config = SimConfig::default().devices(devices).page_size(size);
        let harness = Harness::start(config).await;
        inject(&harness, FaultKind::PagePair);
        let query = "$select=id,deviceName";
        let first = format!(
            "{}v1.0/deviceManagement/managedDevices?{query}",
            harness.sim.graph()
        );
        let (rows, second) = page(&harness, &first).await;
        let (others, back) = page(&harness, &second).await;
        assert_eq!(back, first);
        assert_ne!(second, first);
        assert_eq!(rows == others, devices == 1);
        assert_eq!(page(&harness, &back).await, (rows, second));
    }
}
