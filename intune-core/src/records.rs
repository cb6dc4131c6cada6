//! One device, several records: which of them decides.

use std::{cmp::Reverse, time::Duration};

use clock::Timestamp;

use crate::{DeviceCompliance, EntraDeviceId, Finding, ManagedDevice, ManagedDeviceId};

/// How far ahead of our clock a check-in may lie and still be believed.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);
/// Records whose check-ins are this close to the newest are about equally recent.
const RECENT: Duration = Duration::from_secs(24 * 60 * 60);

/// Finds what the `records` of a device say together, as seen at `now`.
///
/// Re-imaged and re-enrolled devices leave old records behind, and a filter that the service ignores
/// returns the whole tenant. So:
///
/// 1. Rows that aren't of `device` don't count.
/// 2. The newest check-in decides. One that lies more than five minutes in the future, is missing, or is a
///    sentinel date is no check-in; a record without one decides only if no record has one.
/// 3. If a record whose check-in is within 24 hours of the newest disagrees with it on the state, or on
///    whether the device is being removed, the finding is [`Finding::Conflicting`].
///
/// The order of `records` has no influence.
///
/// ```
/// use clock::Timestamp;
/// use intune_core::{ComplianceState, Finding, ManagedDevice, resolve_records};
///
/// let device = "33333333-4444-4555-8666-777777777777".parse()?;
/// let now: Timestamp = "2026-11-23T06:00:00Z".parse()?;
///
/// let mut reimaged = ManagedDevice::new("11111111-2222-4333-8444-555555555555".parse()?);
/// reimaged.azure_ad_device_id = Some(device);
/// reimaged.compliance_state = ComplianceState::Compliant;
/// reimaged.last_sync = Some("2026-11-23T05:00:00Z".parse()?);
///
/// let mut stale = reimaged.clone();
/// stale.id = "11111111-2222-4333-8444-666666666666".parse()?;
/// stale.compliance_state = ComplianceState::Noncompliant;
/// stale.last_sync = Some("2026-09-01T05:00:00Z".parse()?);
///
/// let finding = resolve_records(device, &[stale, reimaged], now);
/// assert!(matches!(finding, Finding::Device(found) if found.state == ComplianceState::Compliant));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn resolve_records(
    device: EntraDeviceId,
    records: &[ManagedDevice],
    now: Timestamp,
) -> Finding {
    let of_device = || {
        let rows = records
            .iter()
            .filter(|row| row.azure_ad_device_id == Some(device));
        rows.map(|row| Candidate {
            row,
            check_in: believable_check_in(row, now),
        })
    };
    // `None` is less than any check-in. The rest makes the choice among equals independent of order: one row
    // can come twice, from two pages between which it changed.
    let newest = of_device().max_by_key(|candidate| {
        let row = candidate.row;
        let grace = Reverse(row.compliance_grace_period_expiration);
        (candidate.check_in, row.id, grace, row.user_id)
    });
    let Some(newest) = newest else {
        return Finding::NotFound;
    };
    let count = distinct(of_device().map(|candidate| candidate.row.id));
    let disagrees =
        of_device().any(|other| other.is_as_recent_as(newest) && other.says() != newest.says());
    if disagrees {
        return Finding::Conflicting { records: count };
    }
    Finding::Device(DeviceCompliance {
        managed_device_id: newest.row.id,
        user_id: newest.row.user_id,
        state: newest.row.compliance_state,
        grace_expires_at: newest.row.compliance_grace_period_expiration,
        last_check_in: newest.check_in,
        being_removed: newest.row.management_state.is_being_removed(),
        records: count,
    })
}

#[derive(Clone, Copy)]
struct Candidate<'a> {
    row: &'a ManagedDevice,
    check_in: Option<Timestamp>,
}

impl Candidate<'_> {
    fn is_as_recent_as(self, newest: Candidate<'_>) -> bool {
        match (self.check_in, newest.check_in) {
            (Some(own), Some(newest)) => newest.since(own) <= RECENT,
            (own, newest) => own == newest,
        }
    }

    fn says(self) -> (crate::ComplianceState, bool) {
        (
            self.row.compliance_state,
            self.row.management_state.is_being_removed(),
        )
    }
}

fn believable_check_in(row: &ManagedDevice, now: Timestamp) -> Option<Timestamp> {
    // The sentinel for "never" is the first moment of year 1, give or take an offset; the other one,
    // the end of year 9999, lies in the future.
    let first_plausible = Timestamp::MIN.saturating_add(Duration::from_secs(2 * 24 * 60 * 60));
    row.last_sync
        .filter(|&check_in| check_in >= first_plausible && check_in.since(now) <= CLOCK_SKEW)
}

fn distinct(ids: impl Iterator<Item = ManagedDeviceId>) -> u16 {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    u16::try_from(ids.len()).unwrap_or(u16::MAX)
}
