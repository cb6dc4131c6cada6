//! Identifiers, enumerations and the live source, through the public surface.

use std::{sync::Arc, time::Duration};

use clock::{Clock, ManualClock};
use intune_core::{
    AccordTemplate, Capability, ComplianceSource, ComplianceState, DirectoryCompliance,
    EntraDeviceId, Finding, Freshness, ManagementState, MockDeviceDirectory, Operation, Served,
    SourceFailure, SourceFailureKind,
};
use proptest::prelude::*;

#[test]
fn the_all_zero_guid_is_no_device_id() {
    assert!(
        "00000000-0000-0000-0000-000000000000"
            .parse::<EntraDeviceId>()
            .is_err()
    );
}

#[test]
fn only_the_hyphenated_form_is_read() {
    for text in [
        "",
        "33333333444445558666777777777777",
        "{33333333-4444-4555-8666-777777777777}",
        "urn:uuid:33333333-4444-4555-8666-777777777777",
        " 33333333-4444-4555-8666-777777777777",
        "33333333-4444-4555-8666-77777777777'",
    ] {
        assert!(text.parse::<EntraDeviceId>().is_err(), "{text:?}");
    }
}

#[test]
fn ids_in_either_case_are_the_same_id() {
    let lower: EntraDeviceId = "abcdefab-cdef-4abc-8def-abcdefabcdef".parse().unwrap();
    let upper: EntraDeviceId = "ABCDEFAB-CDEF-4ABC-8DEF-ABCDEFABCDEF".parse().unwrap();
    assert_eq!(lower, upper);
    assert_eq!(
        serde_json::to_string(&upper).unwrap(),
        "\"abcdefab-cdef-4abc-8def-abcdefabcdef\""
    );
}

#[test]
fn names_of_states_are_the_services() {
    for name in [
        "unknown",
        "compliant",
        "noncompliant",
        "conflict",
        "error",
        "inGracePeriod",
        "configManager",
    ] {
        let state = ComplianceState::from_wire(name);
        assert_eq!(state.as_str(), name);
        assert!(!matches!(state, ComplianceState::Unrecognized(_)));
    }
}

#[test]
fn operations_need_the_capability_that_the_table_names() {
    let capabilities =
        Operation::ALL.map(|operation| (operation.as_str(), operation.capability().as_str()));
    assert_eq!(
        capabilities,
        [
            ("list_devices", "READ"),
            ("get_device", "READ"),
            ("get_compliance", "READ"),
            ("sync_device", "PROPOSE"),
            ("remote_lock", "MUTATE"),
            ("retire_device", "MUTATE"),
            ("wipe_device", "MUTATE"),
        ]
    );
    for operation in Operation::ALL {
        assert_eq!(operation.as_str().parse(), Ok(operation));
        assert_eq!(serde_json::to_value(operation).unwrap(), operation.as_str());
    }
    for capability in Capability::ALL {
        assert_eq!(capability.as_str().parse(), Ok(capability));
        assert_eq!(
            serde_json::to_value(capability).unwrap(),
            capability.as_str()
        );
    }
    assert!("format_disk".parse::<Operation>().is_err());
}

#[test]
fn removal_is_what_is_pending_or_issued() {
    let removing = [
        "retirePending",
        "retireIssued",
        "wipePending",
        "wipeIssued",
        "deletePending",
    ];
    let staying = [
        "managed",
        "retireFailed",
        "retireCanceled",
        "wipeFailed",
        "wipeCanceled",
        "brandNew",
    ];
    assert!(
        removing
            .iter()
            .all(|name| ManagementState::from_wire(name).is_being_removed())
    );
    assert!(
        !staying
            .iter()
            .any(|name| ManagementState::from_wire(name).is_being_removed())
    );
}

#[tokio::test]
async fn the_live_source_passes_a_failure_on_and_asks_once() {
    let mut directory = MockDeviceDirectory::new();
    let failure = SourceFailure::new(SourceFailureKind::Throttled).with_status(429);
    let answer = failure.clone();
    directory
        .expect_records()
        .times(1)
        .returning(move |_| Err(answer.clone()));
    let source = DirectoryCompliance::new(Arc::new(directory));
    let now = ManualClock::new("2026-11-23T06:00:00Z".parse().unwrap()).now();
    let freshness = Freshness {
        now,
        max_age: Duration::ZERO,
    };
    let device = "33333333-4444-4555-8666-777777777777".parse().unwrap();
    assert_eq!(source.compliance(device, freshness).await, Err(failure));
}

#[tokio::test]
async fn the_live_source_judges_records_by_the_askers_present() {
    let device = "33333333-4444-4555-8666-777777777777".parse().unwrap();
    let id = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    let mut record = intune_core::ManagedDevice::new(id);
    record.azure_ad_device_id = Some(device);
    record.compliance_state = ComplianceState::Compliant;
    record.last_sync = Some("2026-11-23T05:59:00Z".parse().unwrap());
    let mut directory = MockDeviceDirectory::new();
    directory
        .expect_records()
        .returning(move |_| Ok(vec![record.clone()]));
    let source = DirectoryCompliance::new(Arc::new(directory));
    let now = ManualClock::new("2026-11-23T06:00:00Z".parse().unwrap()).now();
    let freshness = Freshness {
        now,
        max_age: Duration::ZERO,
    };
    let observation = source.compliance(device, freshness).await.unwrap();
    assert!(matches!(observation.finding, Finding::Device(found)
        if found.state == ComplianceState::Compliant && found.last_check_in.is_some()));
}

#[tokio::test]
async fn an_observation_is_as_old_as_the_question() {
    let mut directory = MockDeviceDirectory::new();
    directory.expect_records().returning(|_| Ok(vec![]));
    let source = DirectoryCompliance::new(Arc::new(directory));
    let now = ManualClock::new("2026-11-23T06:00:00Z".parse().unwrap()).now();
    let freshness = Freshness {
        now,
        max_age: Duration::ZERO,
    };
    let device = "33333333-4444-4555-8666-777777777777".parse().unwrap();
    let observation = source.compliance(device, freshness).await.unwrap();
    assert_eq!(
        (observation.observed_at, observation.served),
        (now, Served::Live)
    );
    assert_eq!(observation.finding, Finding::NotFound);
}

proptest! {
    #[test]
    fn no_other_text_is_a_known_state(text in "\\PC{0,40}") {
        let state = ComplianceState::from_wire(&text);
        let known = matches!(
            text.as_str(),
            "unknown" | "compliant" | "noncompliant" | "conflict" | "error" | "inGracePeriod" | "configManager"
        );
        prop_assert_eq!(matches!(state, ComplianceState::Unrecognized(_)), !known);
        prop_assert!(state.as_str().len() <= 18);
        prop_assert!(state.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
    }

    #[test]
    fn templates_follow_their_grammar(text in "[a-zA-Z0-9_./-]{0,70}") {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let expected = (1..=64).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('-');
        prop_assert_eq!(text.parse::<AccordTemplate>().is_ok(), expected);
    }
}
