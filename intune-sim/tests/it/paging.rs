//! Pages.

use std::collections::BTreeSet;

use intune_sim::{Device, Fault, FaultKind, Route, SimConfig, Throttling};
use proptest::prelude::*;

use crate::client::{Harness, texts};

#[test]
fn every_device_is_visited_once_in_order() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let harness = runtime.block_on(Harness::start(
        SimConfig::default().devices(0).throttling(Throttling::Off),
    ));
    let names = prop::collection::vec("[-'A-Cé, %+&=]{0,4}", 0..30);
    let config = ProptestConfig {
        cases: 48,
        ..ProptestConfig::default()
    };
    proptest!(config, |(names in names, size in 1_usize..8, sparse: bool)| {
        harness.sim.devices().iter().for_each(|device| {
            harness.sim.remove_device(device.id()).unwrap();
        });
        for (index, name) in names.iter().enumerate() {
            // Many devices share a name: the id decides between them.
            let id = format!("00000000-0000-4000-8000-{index:012}");
            harness.sim.put_device(Device::new(name.as_str()).managed_id(id));
        }
        harness.sim.set_page_size(size);
        harness.sim.set_sparse_pages(sparse);
        let pages = runtime.block_on(harness.pages("managedDevices?$select=id,deviceName"));
        prop_assert_eq!(pages.len(), names.len().div_ceil(size).max(1));
        let seen: Vec<String> = pages.iter().flat_map(|page| texts(page, "id")).collect();
        let mut expected: Vec<(String, String)> = harness
            .sim
            .devices()
            .iter()
            .map(|device| (device.name().to_owned(), device.id().to_owned()))
            .collect();
        expected.sort();
        prop_assert_eq!(seen, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>());
    });
}

#[tokio::test]
async fn the_next_link_repeats_the_options_and_names_the_last_row() {
    let harness = Harness::empty().await;
    for name in ["LAPTOP-1", "LAPTOP-2", "LAPTOP-3"] {
        harness.sim.put_device(Device::new(name));
    }
    let query = "$top=2&$select=deviceName,id&$filter=operatingSystem%20eq%20%27Windows%27";
    let page = harness.json(&format!("managedDevices?{query}")).await;
    let last = page["value"][1]["id"].as_str().unwrap();
    assert_eq!(
        page["@odata.nextLink"],
        format!(
            "{}v1.0/deviceManagement/managedDevices?{query}&$skiptoken=LastDeviceName%3d%27LAPTOP-2%27\
             %2cLastDeviceId%3d%27{last}%27",
            harness.sim.graph()
        )
    );
    assert_eq!(page["@odata.count"], 2);
}

#[tokio::test]
async fn a_page_holds_a_thousand_rows_at_most() {
    let harness = Harness::start(SimConfig::default().devices(1001)).await;
    for path in [
        "managedDevices?$select=id",
        "managedDevices?$select=id&$top=5000",
    ] {
        let pages = harness.pages(path).await;
        let sizes: Vec<usize> = pages.iter().map(|page| texts(page, "id").len()).collect();
        assert_eq!(sizes, [1000, 1], "{path}");
    }
}

#[tokio::test]
async fn sparse_pages_spread_a_filtered_answer() {
    let harness = Harness::empty().await;
    for name in ["A", "B", "C", "D", "E"] {
        let state = if matches!(name, "A" | "E") {
            "error"
        } else {
            "compliant"
        };
        harness
            .sim
            .put_device(Device::new(name).compliance_state(state));
    }
    harness.sim.set_page_size(2);
    let path = "managedDevices?$filter=complianceState%20eq%20%27error%27";
    let sizes = |pages: &[serde_json::Value]| -> Vec<usize> {
        pages.iter().map(|page| texts(page, "id").len()).collect()
    };
    assert_eq!(sizes(&harness.pages(path).await), [2]);
    harness.sim.set_sparse_pages(true);
    assert_eq!(sizes(&harness.pages(path).await), [1, 0, 1]);
}

#[tokio::test]
async fn skip_gives_an_empty_page_with_a_next_link() {
    let harness = Harness::start(SimConfig::default()).await;
    let page = harness.json("managedDevices?$skip=3&$top=5").await;
    assert_eq!(page["value"], serde_json::json!([]));
    assert!(page["@odata.nextLink"].is_string());
    let pages = harness.pages("managedDevices?$skip=3&$top=5").await;
    let ids: BTreeSet<String> = pages.iter().flat_map(|page| texts(page, "id")).collect();
    assert_eq!(ids.len(), 12);
}

#[tokio::test]
async fn bad_options_are_refused() {
    let harness = Harness::start(SimConfig::default()).await;
    for query in [
        "$top=x",
        "$top=-1",
        "$skip=x",
        "$skiptoken=x",
        "$select=id,nothing",
    ] {
        assert_eq!(
            harness
                .get(&format!("managedDevices?{query}"))
                .await
                .status(),
            400,
            "{query}"
        );
    }
}

#[tokio::test]
async fn next_links_can_lead_astray() {
    let harness = Harness::start(SimConfig::default()).await;
    harness.sim.set_page_size(5);
    let elsewhere = "https://attacker.example/v1.0/deviceManagement/managedDevices?$skiptoken=x";
    let fault = FaultKind::NextLinkTo {
        url: elsewhere.to_owned(),
    };
    harness.sim.inject(Fault::new(Route::ListDevices, fault));
    let page = harness.json("managedDevices").await;
    assert_eq!(page["@odata.nextLink"], elsewhere);

    harness
        .sim
        .inject(Fault::new(Route::ListDevices, FaultKind::PageLoop).always());
    let first = harness.json("managedDevices").await;
    let link = first["@odata.nextLink"].as_str().unwrap();
    let path = link.split_once("deviceManagement/").unwrap().1;
    let second = harness.json(path).await;
    assert_eq!(second["@odata.nextLink"], link);
    assert_eq!(second["value"], first["value"]);
}
