//! `$filter` as Intune evaluates it.

use intune_sim::Device;
use proptest::prelude::*;

use crate::client::Harness;

const A: &str = "aaaaaaaa-0000-4000-8000-00000000000a";
const B: &str = "bbbbbbbb-0000-4000-8000-00000000000b";

/// Three devices: A is compliant and runs Windows, B is noncompliant and runs iOS, C is neither.
async fn three() -> Harness {
    let harness = Harness::empty().await;
    let put = |device| harness.sim.put_device(device);
    put(Device::new("A")
        .entra_id(A)
        .last_sync("2026-11-20T00:00:00Z")
        .with("osVersion", "10.0.26100")
        .with("userPrincipalName", "a@contoso.example"));
    put(Device::new("B")
        .entra_id(B.to_uppercase())
        .compliance_state("noncompliant")
        .last_sync("2026-11-21T00:00:00Z")
        .with("operatingSystem", "iOS")
        .with("userPrincipalName", "o'brien@contoso.example"));
    put(Device::new("C")
        .compliance_state("unknown")
        .last_sync("2026-11-22T00:00:00Z")
        .with("operatingSystem", "macOS"));
    harness
}

#[tokio::test]
async fn what_a_filter_finds() {
    let harness = three().await;
    let id = |id: &str| format!("azureADDeviceId eq '{id}'");
    let cases = [
        // Supported.
        (id(A), "A"),
        (id(&A.to_uppercase()), "A"),
        (id(B), "B"),
        (id("cccccccc-0000-4000-8000-00000000000c"), ""),
        ("complianceState eq 'compliant'".into(), "A"),
        (
            "complianceState eq 'compliant' or complianceState eq 'unknown'".into(),
            "AC",
        ),
        (
            "(complianceState eq 'compliant' or (complianceState eq 'unknown'))".into(),
            "AC",
        ),
        (
            "operatingSystem eq 'iOS' and complianceState eq 'noncompliant'".into(),
            "B",
        ),
        (
            "operatingSystem eq 'iOS' and complianceState eq 'compliant'".into(),
            "",
        ),
        ("deviceName eq 'A'".into(), "A"),
        ("contains(deviceName,'B')".into(), "B"),
        (
            "contains(osVersion, '26100') and deviceName eq 'A'".into(),
            "A",
        ),
        ("lastSyncDateTime gt 2026-11-20T12:00:00Z".into(), "BC"),
        ("lastSyncDateTime lt 2026-11-20T12:00:00.5Z".into(), "A"),
        (
            "lastSyncDateTime gt 2026-11-20T12:00:00Z and lastSyncDateTime lt 2026-11-21T12:00:00Z"
                .into(),
            "B",
        ),
        (
            "userPrincipalName eq 'o''brien@contoso.example'".into(),
            "B",
        ),
        ("userPrincipalName ne 'a@contoso.example'".into(), "BC"),
        // Not supported: answered with every device.
        ("userId eq 'x'".into(), "ABC"),
        ("wiFiMacAddress eq 'x'".into(), "ABC"),
        ("skuFamily eq 'x'".into(), "ABC"),
        ("userPrincipalName eq ''".into(), "ABC"),
        ("startswith(deviceName,'A')".into(), "ABC"),
        ("contains(serialNumber,'x')".into(), "ABC"),
        ("not (complianceState eq 'compliant')".into(), "ABC"),
        (
            "complianceState eq 'compliant' or operatingSystem eq 'iOS'".into(),
            "ABC",
        ),
        ("deviceName eq 'A' or deviceName eq 'B'".into(), "ABC"),
        (format!("{} and userId eq 'x'", id(A)), "ABC"),
        ("deviceName gt 'A'".into(), "ABC"),
        ("isEncrypted eq true".into(), "ABC"),
        // Wrong, and not ignored.
        (format!("{} or {}", id(A), id(B)), "A"),
        (format!("{} or {}", id(B), id(A)), "B"),
        ("operatingSystem ne 'iOS'".into(), "B"),
    ];
    for (filter, expected) in cases {
        assert_eq!(harness.names(&filter).await.concat(), expected, "{filter}");
    }
}

#[tokio::test]
async fn malformed_filters_are_refused() {
    let harness = three().await;
    for filter in [
        "",
        "azureADDeviceId",
        "azureADDeviceId eq",
        "azureADDeviceId eq 'x",
        "azureADDeviceId eq 'x' and",
        "azureADDeviceId eq 'x' 'y'",
        "(azureADDeviceId eq 'x'",
        "azureADDeviceId = 'x'",
        "azureADDeviceId eq 'o'brien'",
        "azureADDeviceId eq aaaaaaaa-0000-4000-8000-00000000000a",
        "lastSyncDateTime gt '2026-11-20T12:00:00Z'",
        "contains(deviceName",
        "'x'",
    ] {
        // A property alone is a condition, if it's boolean: well-formed, ignored.
        let expected = if filter == "azureADDeviceId" {
            200
        } else {
            400
        };
        let query = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect::<String>();
        let response = harness
            .get(&format!("managedDevices?$filter={query}"))
            .await;
        assert_eq!(response.status(), expected, "{filter}");
        if expected == 400 {
            let body: serde_json::Value = response.json().await.unwrap();
            assert_eq!(body["error"]["code"], "BadRequest");
        }
    }
}

#[tokio::test]
async fn ge_on_a_date_is_an_internal_error() {
    let harness = three().await;
    let response = harness
        .get("managedDevices?$filter=lastSyncDateTime%20ge%202026-11-20T12:00:00Z")
        .await;
    assert_eq!(response.status(), 500);
}

#[tokio::test]
async fn a_space_may_be_written_either_way() {
    let harness = three().await;
    for query in [
        "$filter=deviceName%20eq%20%27A%27",
        "%24filter=deviceName+eq+'A'",
    ] {
        let page = harness.json(&format!("managedDevices?{query}")).await;
        assert_eq!(page["value"].as_array().unwrap().len(), 1, "{query}");
    }
}

#[tokio::test]
async fn only_the_filter_fault_overrides_a_supported_filter() {
    use intune_sim::{Fault, FaultKind, Route};
    let harness = three().await;
    harness
        .sim
        .inject(Fault::new(Route::ListDevices, FaultKind::IgnoreFilter));
    assert_eq!(harness.names("deviceName eq 'A'").await.concat(), "ABC");
    assert_eq!(harness.names("deviceName eq 'A'").await.concat(), "A");
}

/// Runs a property against one simulator.
fn with_harness(check: impl Fn(&tokio::runtime::Runtime, &Harness)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let harness = runtime.block_on(Harness::empty());
    check(&runtime, &harness);
}

#[test]
fn any_text_is_answered() {
    with_harness(|runtime, harness| {
        let words = prop::sample::select(vec![
            "azureADDeviceId",
            "eq",
            "ne",
            "and",
            "or",
            "not",
            "(",
            ")",
            ",",
            "'",
            "'x'",
            "contains",
            "lastSyncDateTime",
            "gt",
            "2026-11-20T12:00:00Z",
            "null",
            "1",
            " ",
            "é",
            "''",
        ]);
        let made = prop::collection::vec(words, 0..20).prop_map(|words| words.join(" "));
        let filter = prop_oneof![
            any::<String>(),
            made,
            Just("(".repeat(5000)),
            Just("not ".repeat(500))
        ];
        proptest!(|(filter in filter)| {
            let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
            let response = runtime.block_on(harness.get(&format!("managedDevices?$filter={query}")));
            prop_assert!([200, 400, 500].contains(&response.status().as_u16()));
        });
    });
}

#[test]
fn every_name_is_found_by_its_quoted_self() {
    with_harness(|runtime, harness| {
        proptest!(|(name in "\\PC{1,20}")| {
            let device = Device::new(name.as_str());
            harness.sim.put_device(device.clone());
            let filter = format!("deviceName eq '{}'", name.replace('\'', "''"));
            let found = runtime.block_on(harness.names(&filter));
            prop_assert_eq!(found, vec![name]);
            harness.sim.remove_device(device.id()).unwrap();
        });
    });
}
