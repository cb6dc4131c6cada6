//! A property that can't be read is not known, and spoils nothing else.

use intune_core::{
    ComplianceState, ManagedDevice, ManagedDeviceOwnerType, ManagementAgent, ManagementState,
};
use serde_json::{Value, json};

use crate::support::*;

async fn read(row: Value) -> ManagedDevice {
    Graph::of(vec![row])
        .await
        .records()
        .await
        .unwrap()
        .remove(0)
}

#[tokio::test]
async fn a_row_is_read_whole() {
    let mut expected = ManagedDevice::new(record_id());
    expected.azure_ad_device_id = Some(device_id());
    expected.device_name = Some("LAPTOP-0042".into());
    expected.serial_number = Some("SN-0042".into());
    expected.manufacturer = Some("Contoso".into());
    expected.model = Some("Book 7".into());
    expected.operating_system = Some("Windows".into());
    expected.os_version = Some("10.0.26100.2314".into());
    expected.user_id = Some("55555555-6666-4777-8888-999999999999".parse().unwrap());
    expected.user_principal_name = Some("adele@contoso.example".into());
    expected.compliance_state = ComplianceState::Compliant;
    expected.compliance_grace_period_expiration = Some("9999-12-31T23:59:59Z".parse().unwrap());
    expected.last_sync = Some("2026-11-23T13:58:46.715Z".parse().unwrap());
    expected.enrolled = Some("2026-01-02T03:04:05Z".parse().unwrap());
    expected.management_state = ManagementState::Managed;
    expected.management_agent = ManagementAgent::Mdm;
    expected.owner_type = ManagedDeviceOwnerType::Company;
    expected.is_encrypted = Some(true);
    expected.jail_broken = Some("Unknown".into());
    assert_eq!(read(row(RECORD)).await, expected);
}

#[tokio::test]
async fn undeclared_members_of_enumerations_are_kept_and_never_taken_for_compliant() {
    let device = read(row_with(json!({
        "complianceState": "mostlyCompliant",
        "managementState": "unknownFutureValue",
        "managementAgent": "intuneAosp",
        "managedDeviceOwnerType": "family",
        "deviceEnrollmentType": "androidEnterpriseDedicatedDevice",
    })))
    .await;
    assert!(matches!(
        device.compliance_state,
        ComplianceState::Unrecognized(_)
    ));
    assert_eq!(device.compliance_state.as_str(), "mostlyCompliant");
    assert_eq!(device.management_state.as_str(), "unknownFutureValue");
    assert_eq!(device.management_agent.as_str(), "intuneAosp");
    assert_eq!(device.owner_type.as_str(), "family");
}

#[tokio::test]
async fn only_the_exact_name_is_compliant() {
    for state in [
        json!("Compliant"),
        json!("COMPLIANT"),
        json!(" compliant"),
        json!("compliant "),
        json!("compliant\u{0}"),
        json!("compliant,error"),
        json!("nonCompliant"),
        json!(""),
        json!(1),
        json!(true),
        json!(null),
        json!(["compliant"]),
        json!({"value": "compliant"}),
        json!(1.5),
        json!(-1),
    ] {
        let device = read(row_with(json!({"complianceState": state}))).await;
        assert!(
            matches!(device.compliance_state, ComplianceState::Unrecognized(_)),
            "{state}"
        );
    }
    let mut without = row(RECORD);
    without.as_object_mut().unwrap().remove("complianceState");
    let device = read(without).await;
    assert!(matches!(
        device.compliance_state,
        ComplianceState::Unrecognized(_)
    ));
}

#[tokio::test]
async fn values_of_other_types_are_not_known() {
    let names: Vec<String> = row(RECORD)
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| !["id", "azureADDeviceId"].contains(&name.as_str()))
        .cloned()
        .collect();
    let nothing = read(json!({"id": RECORD, "azureADDeviceId": DEVICE})).await;
    assert_eq!(nothing.device_name, None);
    assert_eq!(nothing.last_sync, None);
    assert_eq!(nothing.is_encrypted, None);
    for value in [
        json!(null),
        json!(0),
        json!(u64::MAX),
        json!(-3),
        json!(0.5),
        json!({}),
        json!([]),
        json!(""),
        json!({"a": {"b": [1, null, {"c": "compliant"}]}}),
        json!([[["compliant"]]]),
    ] {
        let mut odd = json!({"id": RECORD, "azureADDeviceId": DEVICE});
        for name in &names {
            odd[name] = value.clone();
        }
        assert_eq!(read(odd).await, nothing, "{value}");
    }
    let swapped = read(row_with(json!({"isEncrypted": "true", "deviceName": true}))).await;
    assert_eq!((swapped.is_encrypted, swapped.device_name), (None, None));
}

#[tokio::test]
async fn dates_are_read_in_every_form_that_is_seen() {
    for (text, expected) in [
        ("2026-11-23T06:10:00Z", Some("2026-11-23T06:10:00.000Z")),
        (
            "2016-12-31T23:58:46.7156189-08:00",
            Some("2017-01-01T07:58:46.715Z"),
        ),
        (
            "2026-11-23T06:10:00.1+05:30",
            Some("2026-11-23T00:40:00.100Z"),
        ),
        ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00.000Z")),
        ("9999-12-31T23:59:59Z", Some("9999-12-31T23:59:59.000Z")),
        (
            "9999-12-31T23:59:59.9999999Z",
            Some("9999-12-31T23:59:59.999Z"),
        ),
        // Beyond what a timestamp holds, and so its first and last moment.
        (
            "0001-01-01T00:00:00+05:00",
            Some("0001-01-01T00:00:00.000Z"),
        ),
        (
            "9999-12-31T23:59:59-08:00",
            Some("9999-12-31T23:59:59.999Z"),
        ),
        ("2026-11-23T06:10:00", None),
        ("2026-11-23", None),
        ("2026-02-30T06:10:00Z", None),
        ("23.11.2026 06:10", None),
        ("yesterday", None),
        ("", None),
    ] {
        let device = read(row_with(json!({
            "lastSyncDateTime": text,
            "enrolledDateTime": text,
            "complianceGracePeriodExpirationDateTime": text,
        })))
        .await;
        let expected = expected.map(|text| text.parse().unwrap());
        assert_eq!(device.last_sync, expected, "{text}");
        assert_eq!(device.enrolled, expected, "{text}");
        assert_eq!(
            device.compliance_grace_period_expiration, expected,
            "{text}"
        );
    }
    let unix = read(row_with(json!({"lastSyncDateTime": 1_795_000_000}))).await;
    assert_eq!(unix.last_sync, None);
}

#[tokio::test]
async fn one_odd_row_spoils_no_other() {
    let odd = json!({"id": [], "azureADDeviceId": {}, "complianceState": 5, "isEncrypted": "x", "new": [{}]});
    let graph = Graph::of(vec![odd, json!({}), row(RECORD)]).await;
    assert_eq!(graph.records().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_user_that_is_no_guid_is_not_known() {
    for user in [
        json!(""),
        json!(null),
        json!("adele"),
        json!("00000000-0000-0000-0000-000000000000"),
    ] {
        assert_eq!(
            read(row_with(json!({"userId": user}))).await.user_id,
            None,
            "{user}"
        );
    }
}

#[tokio::test]
async fn texts_in_any_script_arrive_unchanged() {
    let device = read(row_with(
        json!({"deviceName": "Ноутбук \u{1f4bb} \"q\" \\ \u{7}"}),
    ))
    .await;
    assert_eq!(
        device.device_name.unwrap(),
        "Ноутбук \u{1f4bb} \"q\" \\ \u{7}"
    );
}
