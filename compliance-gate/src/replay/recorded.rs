//! A record, read back into what the table asks for.

use std::time::Duration;

use chronicle::events::{Compliance, DeviceComplianceChecked};
use clock::{Moment, Monotonic, Timestamp};
use intune_core::{
    AccordTemplate, ComplianceState, DeviceCompliance, EntraDeviceId, Finding, ManagedDeviceId,
    Observation, Principal, Served, SourceFailureKind,
};

use super::{Missing, Ruling};
use crate::{DeviceIdentity, DeviceOf, Outcome, Reason};

/// Every kind that records name.
const KINDS: [SourceFailureKind; 10] = [
    SourceFailureKind::CredentialRejected,
    SourceFailureKind::PermissionMissing,
    SourceFailureKind::ApprovalRequired,
    SourceFailureKind::LicenceMissing,
    SourceFailureKind::Throttled,
    SourceFailureKind::Unavailable,
    SourceFailureKind::TimedOut,
    SourceFailureKind::MalformedAnswer,
    SourceFailureKind::Refused,
    SourceFailureKind::Interrupted,
];
const SERVED: [Served; 4] = [
    Served::Live,
    Served::Cache,
    Served::Snapshot,
    Served::LastKnownGood,
];
/// Stands for a device, and for a person, of whom only that they are there is known.
pub(super) const SOME: &str = "ffffffff-ffff-4fff-8fff-ffffffffffff";

/// What a record says.
pub(super) struct Recorded {
    pub(super) template: AccordTemplate,
    pub(super) principal: Principal,
    pub(super) ruling: Ruling,
    pub(super) now: Moment,
    pub(super) own: DeviceIdentity,
    pub(super) delegator: Option<DeviceIdentity>,
    pub(super) device_of: DeviceOf,
    pub(super) source: Source,
}

/// What the source answered.
#[derive(Clone)]
pub(super) enum Source {
    NotAsked,
    Observed(Observation, Option<bool>),
    Failed(SourceFailureKind, Option<(Observation, Option<bool>)>),
}

impl Recorded {
    pub(super) fn read(
        event: &DeviceComplianceChecked,
        made_at: Timestamp,
    ) -> Result<Self, Missing> {
        let readable = |reason: &str| reason.parse::<Reason>().map_err(|_| Missing::Readable);
        let reason = readable(&event.reason)?;
        let would = event.would.as_deref().map(outcome).transpose()?;
        let principal = &event.principal;
        let delegate = principal.delegate.as_deref();
        let principal = Principal::new(&*principal.issuer, &*principal.subject);
        // The table's own reason says how far it came.
        let table = match &event.would_reason {
            Some(would_reason) => readable(would_reason)?,
            None => reason,
        };
        let is_delegators = event.device.as_ref().is_some_and(|it| it.of.is_some());
        let (own, delegator) = identities(event, table, is_delegators)?;
        Ok(Self {
            template: event
                .accord_template
                .parse()
                .map_err(|_| Missing::Readable)?,
            principal: match delegate {
                Some(delegate) => principal.with_delegate(delegate),
                None => principal,
            },
            ruling: Ruling {
                outcome: outcome(&event.outcome)?,
                enforced: event.enforced,
                would,
                reason,
            },
            now: at(made_at),
            own,
            delegator,
            device_of: match is_delegators {
                true => DeviceOf::Delegator,
                false => DeviceOf::Asker,
            },
            source: source(event, table, made_at)?,
        })
    }
}

fn outcome(word: &str) -> Result<Outcome, Missing> {
    let mut outcomes = [Outcome::Allow, Outcome::Deny].into_iter();
    let outcome = outcomes.find(|it| it.as_str() == word);
    outcome.ok_or(Missing::Readable)
}

fn at(wall: Timestamp) -> Moment {
    let monotonic = Monotonic::from_nanos(u64::MAX);
    Moment { wall, monotonic }
}

/// Whether the tokens named devices. Records of before this was kept say so by how far the table came.
fn identities(
    event: &DeviceComplianceChecked,
    table: Reason,
    is_delegators: bool,
) -> Result<(DeviceIdentity, Option<DeviceIdentity>), Missing> {
    let device = match &event.device {
        Some(device) => Some(
            device
                .entra_device_id
                .parse()
                .map_err(|_| Missing::Readable)?,
        ),
        None => None,
    };
    let some: Option<EntraDeviceId> = SOME.parse().ok();
    let named = |word: &str, device: Option<EntraDeviceId>| match (word, device.or(some)) {
        ("absent", _) => Ok(DeviceIdentity::Absent),
        ("invalid", _) => Ok(DeviceIdentity::Invalid),
        ("present", Some(device)) => Ok(DeviceIdentity::Present(device)),
        _ => Err(Missing::Readable),
    };
    match (&event.identity, device, table) {
        (Some(identity), ..) => {
            let theirs = device.filter(|_| is_delegators);
            let delegator = identity.delegator.as_deref();
            let delegator = delegator.map(|word| named(word, theirs)).transpose()?;
            Ok((named(&identity.own, device)?, delegator))
        }
        (None, Some(device), _) => Ok((DeviceIdentity::Present(device), None)),
        (None, None, Reason::InvalidDeviceIdentity) => Ok((DeviceIdentity::Invalid, None)),
        (None, None, Reason::NoDeviceIdentity) => Ok((DeviceIdentity::Absent, None)),
        (None, None, _) => Err(Missing::Identity),
    }
}

fn source(
    event: &DeviceComplianceChecked,
    table: Reason,
    made_at: Timestamp,
) -> Result<Source, Missing> {
    // Records of before it was kept say so by their reason.
    let is_removal = table == Reason::DeviceBeingRemoved;
    let managed = event
        .device
        .as_ref()
        .and_then(|it| it.managed_device_id.as_deref());
    let read = |compliance: &Compliance| {
        let being_removed = compliance.being_removed || is_removal;
        let observation = observation(compliance, managed, being_removed, made_at)?;
        Ok((observation, compliance.user_matches))
    };
    if let Some(error) = &event.source_error {
        let kind = KINDS.into_iter().find(|kind| kind.as_str() == error.kind);
        let last_known = error.last_known.as_ref().or(event.compliance.as_ref());
        let last_known = last_known.map(read).transpose()?;
        return Ok(Source::Failed(kind.ok_or(Missing::Readable)?, last_known));
    }
    if let Some(compliance) = &event.compliance {
        let (observation, matches) = read(compliance)?;
        return Ok(Source::Observed(observation, matches));
    }
    let device = event.device.as_ref();
    let finding = match table {
        Reason::DeviceNotFound => Finding::NotFound,
        Reason::ConflictingRecords => Finding::Conflicting {
            records: device.map_or(2, |it| u16::try_from(it.records).unwrap_or(u16::MAX)),
        },
        _ => return Ok(Source::NotAsked),
    };
    let served = device.and_then(|it| it.served.as_deref());
    // Of before this was kept: as old as can be.
    let served = served.unwrap_or(Served::Cache.as_str());
    let age_ms = device.and_then(|it| it.age_ms).unwrap_or(u64::MAX);
    let observation = observed(made_at, age_ms, served, finding)?;
    Ok(Source::Observed(observation, Some(true)))
}

fn observation(
    compliance: &Compliance,
    managed_device_id: Option<&str>,
    being_removed: bool,
    made_at: Timestamp,
) -> Result<Observation, Missing> {
    let managed_device_id = managed_device_id.unwrap_or(SOME).parse::<ManagedDeviceId>();
    let found = DeviceCompliance {
        managed_device_id: managed_device_id.map_err(|_| Missing::Readable)?,
        user_id: None,
        state: ComplianceState::from_wire(&compliance.state),
        grace_expires_at: compliance.grace_expires_at,
        last_check_in: compliance.last_check_in,
        being_removed,
        records: 1,
    };
    let finding = Finding::Device(found);
    observed(made_at, compliance.age_ms, &compliance.served, finding)
}

/// An observation that is so old by either clock, whichever it was by then.
fn observed(
    made_at: Timestamp,
    age_ms: u64,
    served: &str,
    finding: Finding,
) -> Result<Observation, Missing> {
    let age = Duration::from_millis(age_ms);
    let nanos = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
    let observed_at = Moment {
        wall: made_at.saturating_sub(age),
        monotonic: Monotonic::from_nanos(u64::MAX.saturating_sub(nanos)),
    };
    let served = SERVED.into_iter().find(|it| it.as_str() == served);
    let observation = Observation::live(observed_at, finding);
    Ok(observation.served(served.ok_or(Missing::Readable)?))
}
