//! The several-records rule, as properties.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use clock::Timestamp;
use intune_core::{
    ComplianceState, EntraDeviceId, Finding, ManagedDevice, ManagementState, resolve_records,
};
use proptest::prelude::*;

const HOUR: u64 = 3600;

fn now() -> Timestamp {
    "2026-11-23T06:00:00Z".parse().unwrap()
}

fn asked() -> EntraDeviceId {
    "33333333-4444-4555-8666-777777777777".parse().unwrap()
}

fn other() -> EntraDeviceId {
    "33333333-4444-4555-8666-888888888888".parse().unwrap()
}

fn row(id: u16, state: ComplianceState, last_sync: Option<Timestamp>) -> ManagedDevice {
    let id = format!("11111111-2222-4333-8444-{:012x}", u32::from(id) + 1);
    let mut row = ManagedDevice::new(id.parse().unwrap());
    row.azure_ad_device_id = Some(asked());
    row.compliance_state = state;
    row.management_state = ManagementState::Managed;
    row.last_sync = last_sync;
    row
}

fn ago(seconds: u64) -> Option<Timestamp> {
    Some(now().saturating_sub(Duration::from_secs(seconds)))
}

fn ahead(seconds: u64) -> Option<Timestamp> {
    Some(now().saturating_add(Duration::from_secs(seconds)))
}

fn state_of(finding: Finding) -> Option<ComplianceState> {
    match finding {
        Finding::Device(device) => Some(device.state),
        Finding::NotFound | Finding::Conflicting { .. } => None,
    }
}

#[test]
fn no_rows_is_not_found() {
    assert_eq!(resolve_records(asked(), &[], now()), Finding::NotFound);
}

#[test]
fn an_old_record_does_not_outvote_the_newest() {
    let records = [
        row(1, ComplianceState::Noncompliant, ago(25 * HOUR)),
        row(2, ComplianceState::Compliant, ago(HOUR / 2)),
    ];
    let finding = resolve_records(asked(), &records, now());
    assert_eq!(state_of(finding), Some(ComplianceState::Compliant));
    assert!(matches!(finding, Finding::Device(device) if device.records == 2));
}

#[test]
fn records_within_a_day_of_the_newest_that_disagree_conflict() {
    for (first, second) in [
        (ComplianceState::Noncompliant, ComplianceState::Compliant),
        (ComplianceState::Compliant, ComplianceState::Noncompliant),
    ] {
        // Exactly 24 hours apart is still within.
        let records = [row(1, first, ago(HOUR)), row(2, second, ago(25 * HOUR))];
        let finding = resolve_records(asked(), &records, now());
        assert_eq!(finding, Finding::Conflicting { records: 2 });
    }
}

#[test]
fn records_that_disagree_on_removal_conflict() {
    let mut leaving = row(1, ComplianceState::Compliant, ago(2 * HOUR));
    leaving.management_state = ManagementState::WipePending;
    let staying = row(2, ComplianceState::Compliant, ago(HOUR));
    let finding = resolve_records(asked(), &[leaving, staying], now());
    assert_eq!(finding, Finding::Conflicting { records: 2 });
}

#[test]
fn a_check_in_in_the_future_beyond_skew_never_wins() {
    let records = [
        row(1, ComplianceState::Compliant, ahead(5 * 60 + 1)),
        row(2, ComplianceState::Noncompliant, ago(HOUR)),
    ];
    let finding = resolve_records(asked(), &records, now());
    assert_eq!(state_of(finding), Some(ComplianceState::Noncompliant));
}

#[test]
fn a_check_in_within_skew_is_believed() {
    let records = [
        row(1, ComplianceState::Compliant, ahead(5 * 60)),
        row(2, ComplianceState::Noncompliant, ago(30 * HOUR)),
    ];
    let finding = resolve_records(asked(), &records, now());
    assert_eq!(state_of(finding), Some(ComplianceState::Compliant));
}

#[test]
fn sentinel_dates_never_win() {
    for sentinel in [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00-08:00",
    ] {
        let records = [
            row(
                1,
                ComplianceState::Compliant,
                Some(sentinel.parse().unwrap()),
            ),
            row(2, ComplianceState::Noncompliant, ago(300 * 24 * HOUR)),
        ];
        let finding = resolve_records(asked(), &records, now());
        assert_eq!(
            state_of(finding),
            Some(ComplianceState::Noncompliant),
            "{sentinel}"
        );
    }
}

#[test]
fn a_lone_record_decides_but_an_unbelievable_check_in_is_no_evidence() {
    let finding = resolve_records(
        asked(),
        &[row(1, ComplianceState::Compliant, ahead(HOUR))],
        now(),
    );
    assert!(matches!(finding, Finding::Device(device) if device.last_check_in.is_none()));
}

#[test]
fn records_without_a_check_in_that_disagree_conflict() {
    let records = [
        row(1, ComplianceState::Compliant, None),
        row(2, ComplianceState::Noncompliant, Some(Timestamp::MIN)),
    ];
    let finding = resolve_records(asked(), &records, now());
    assert_eq!(finding, Finding::Conflicting { records: 2 });
}

fn any_state() -> impl Strategy<Value = ComplianceState> {
    prop_oneof![
        Just(ComplianceState::Compliant),
        Just(ComplianceState::Noncompliant),
        Just(ComplianceState::InGracePeriod),
        Just(ComplianceState::from_wire("somethingNew")),
    ]
}

fn any_check_in() -> impl Strategy<Value = Option<Timestamp>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Timestamp::MIN)),
        1 => Just(Some(Timestamp::MAX)),
        6 => (0..60 * HOUR).prop_map(ago),
        2 => (0..HOUR).prop_map(ahead),
    ]
}

fn any_row() -> impl Strategy<Value = ManagedDevice> {
    (
        0..6_u16,
        any_state(),
        any_check_in(),
        any::<bool>(),
        0..4_u8,
    )
        .prop_map(|(id, state, check_in, leaving, whose)| {
            let mut row = row(id, state, check_in);
            if leaving {
                row.management_state = ManagementState::RetireIssued;
            }
            row.azure_ad_device_id = match whose {
                0 => None,
                1 => Some(other()),
                _ => Some(asked()),
            };
            row
        })
}

proptest! {
    #[test]
    fn order_has_no_influence(
        (records, shuffled) in prop::collection::vec(any_row(), 0..6)
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))
    ) {
        let (one, two) = (
            resolve_records(asked(), &records, now()),
            resolve_records(asked(), &shuffled, now()),
        );
        // Two rows with the same id and date can differ in details that don't disagree.
        prop_assert_eq!(state_of(one), state_of(two));
        prop_assert_eq!(std::mem::discriminant(&one), std::mem::discriminant(&two));
    }

    #[test]
    fn rows_of_other_devices_have_no_influence(records in prop::collection::vec(any_row(), 0..8)) {
        let own: Vec<_> = records.iter().filter(|r| r.azure_ad_device_id == Some(asked())).cloned().collect();
        prop_assert_eq!(resolve_records(asked(), &records, now()), resolve_records(asked(), &own, now()));
        prop_assert_eq!(own.is_empty(), resolve_records(asked(), &own, now()) == Finding::NotFound);
    }

    /// Written the other way round from the code: whenever a device is found compliant, no row may say
    /// otherwise that is at least as recent as a day before the newest believable check-in.
    #[test]
    fn compliant_is_never_found_against_a_recent_row(records in prop::collection::vec(any_row(), 0..8)) {
        let finding = resolve_records(asked(), &records, now());
        let Some(ComplianceState::Compliant) = state_of(finding) else { return Ok(()) };
        let horizon = now().saturating_add(Duration::from_secs(300));
        let believable = |row: &&ManagedDevice| {
            row.azure_ad_device_id == Some(asked())
                && row.last_sync.is_some_and(|t| t > Timestamp::MIN && t <= horizon)
        };
        let newest = records.iter().filter(believable).filter_map(|row| row.last_sync).max();
        for row in records.iter().filter(believable) {
            let recent = newest.unwrap().since(row.last_sync.unwrap()) <= Duration::from_secs(24 * HOUR);
            prop_assert!(!recent || row.compliance_state == ComplianceState::Compliant);
        }
    }
}

#[test]
fn the_record_that_decides_is_told_whole() {
    let user = "aaaaaaaa-0000-4000-8000-000000000001".parse().unwrap();
    let mut decides = row(1, ComplianceState::InGracePeriod, ago(HOUR));
    decides.user_id = Some(user);
    decides.compliance_grace_period_expiration = ahead(HOUR);
    decides.management_state = ManagementState::RetireIssued;
    let stale = row(2, ComplianceState::Compliant, ago(90 * HOUR));
    let finding = resolve_records(asked(), &[stale, decides.clone()], now());
    let expected = intune_core::DeviceCompliance {
        managed_device_id: decides.id,
        user_id: Some(user),
        state: ComplianceState::InGracePeriod,
        grace_expires_at: ahead(HOUR),
        last_check_in: ago(HOUR),
        being_removed: true,
        records: 2,
    };
    assert_eq!(finding, Finding::Device(expected));
}

#[test]
fn records_are_counted_once_each() {
    let row = |id, state| row(id, state, ago(HOUR));
    let twice = [
        row(1, ComplianceState::Compliant),
        row(2, ComplianceState::Compliant),
        row(3, ComplianceState::Noncompliant),
        row(3, ComplianceState::Noncompliant),
    ];
    assert_eq!(
        resolve_records(asked(), &twice, now()),
        Finding::Conflicting { records: 3 }
    );
}

#[test]
fn among_equals_neither_order_nor_luck_decides() {
    let first = row(1, ComplianceState::Compliant, ago(HOUR));
    let second = row(2, ComplianceState::Compliant, ago(HOUR));
    let one = resolve_records(asked(), &[first.clone(), second.clone()], now());
    assert_eq!(one, resolve_records(asked(), &[second, first], now()));

    // The same record from two pages, between which its grace period was cut short.
    let mut long = row(1, ComplianceState::InGracePeriod, ago(HOUR));
    long.compliance_grace_period_expiration = ahead(9 * HOUR);
    let mut short = long.clone();
    short.compliance_grace_period_expiration = ahead(HOUR);
    for rows in [[long.clone(), short.clone()], [short, long]] {
        let finding = resolve_records(asked(), &rows, now());
        assert!(matches!(finding, Finding::Device(found) if found.grace_expires_at == ahead(HOUR)));
    }
}

#[test]
fn the_sentinel_ends_where_dates_begin() {
    let day = 24 * HOUR;
    let after = |seconds| Some(Timestamp::MIN.saturating_add(Duration::from_secs(seconds)));
    for (date, is_check_in) in [(after(2 * day - 1), false), (after(2 * day), true)] {
        let finding = resolve_records(asked(), &[row(1, ComplianceState::Compliant, date)], now());
        let known = matches!(finding, Finding::Device(found) if found.last_check_in.is_some());
        assert_eq!(known, is_check_in, "{date:?}");
    }
}
