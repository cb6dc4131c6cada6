//! What is known of a device, as the words that a table keeps.

use std::sync::OnceLock;

use clock::{Moment, Monotonic, Timestamp};
use intune_core::{
    ComplianceState, DeviceCompliance, Finding, ManagedDeviceId, Observation, Served, UserId,
};

use super::table::Value;

/// The names of states that were not known when this was written, each once, so that what is kept of a device
/// has no need of room for one.
///
/// A device with yet another is not kept. It is denied anyway; then it is looked up each time.
#[derive(Default)]
pub(super) struct Names([OnceLock<ComplianceState>; 32]);

impl Names {
    /// Only one at a time may ask for the number of a name.
    fn number(&self, state: ComplianceState) -> Option<u64> {
        let known = |name: &OnceLock<ComplianceState>| *name.get_or_init(|| state) == state;
        self.0.iter().position(known).map(|number| number as u64)
    }

    #[cold]
    fn state(&self, number: u64) -> Option<ComplianceState> {
        let number = usize::try_from(number).ok()?;
        self.0.get(number)?.get().copied()
    }
}

const CONFLICTING: u64 = 1 << 8;
const BEING_REMOVED: u64 = 1 << 9;
const DENIED: u64 = 1 << 10;
const RECORDS: u32 = 16;
/// No date.
const NEVER: u64 = 0;

/// Packs an observation of a device; there is none if it found no device, or if the names are full.
pub(super) fn pack(observation: &Observation, names: &Names) -> Option<Value> {
    let Moment { wall, monotonic } = observation.observed_at;
    let at = [wall.to_bits(), nanos(monotonic)];
    let found = match observation.finding {
        Finding::NotFound => return None,
        Finding::Conflicting { records } => {
            let bits = CONFLICTING | DENIED | u64::from(records) << RECORDS;
            return Some([at[0], at[1], bits, 0, 0, 0, 0, NEVER, NEVER]);
        }
        Finding::Device(found) => found,
    };
    let (state, denied) = match found.state {
        ComplianceState::Compliant => (0, 0),
        ComplianceState::InGracePeriod => (1, 0),
        ComplianceState::Noncompliant => (2, DENIED),
        ComplianceState::Conflict => (3, DENIED),
        ComplianceState::Error => (4, DENIED),
        ComplianceState::Unknown => (5, DENIED),
        ComplianceState::ConfigManager => (6, DENIED),
        other @ ComplianceState::Unrecognized(_) => (7 + names.number(other)?, DENIED),
    };
    let being_removed = match found.being_removed {
        true => BEING_REMOVED | DENIED,
        false => 0,
    };
    let bits = state | denied | being_removed | u64::from(found.records) << RECORDS;
    let [managed_high, managed_low] = halves(found.managed_device_id.to_bits());
    let [user_high, user_low] = halves(found.user_id.map_or(0, UserId::to_bits));
    Some([
        at[0],
        at[1],
        bits,
        managed_high,
        managed_low,
        user_high,
        user_low,
        date(found.grace_expires_at),
        date(found.last_check_in),
    ])
}

/// The observation, as one from a cache.
#[inline]
pub(super) fn unpack(value: &Value, names: &Names) -> Option<Observation> {
    let [
        ..,
        bits,
        managed_high,
        managed_low,
        user_high,
        user_low,
        grace,
        check_in,
    ] = *value;
    if bits & CONFLICTING != 0 {
        return unpack_conflict(value);
    }
    Some(cached(
        value,
        Finding::Device(DeviceCompliance {
            managed_device_id: ManagedDeviceId::from_bits(whole(managed_high, managed_low))?,
            user_id: UserId::from_bits(whole(user_high, user_low)),
            state: match bits & 0xff {
                0 => ComplianceState::Compliant,
                1 => ComplianceState::InGracePeriod,
                2 => ComplianceState::Noncompliant,
                3 => ComplianceState::Conflict,
                4 => ComplianceState::Error,
                5 => ComplianceState::Unknown,
                6 => ComplianceState::ConfigManager,
                other => names.state(other - 7)?,
            },
            grace_expires_at: Timestamp::from_bits(grace),
            last_check_in: Timestamp::from_bits(check_in),
            being_removed: bits & BEING_REMOVED != 0,
            records: (bits >> RECORDS) as u16,
        }),
    ))
}

/// Apart, so that the two findings aren't put together from what they have in common, byte by byte.
#[cold]
#[inline(never)]
fn unpack_conflict(value: &Value) -> Option<Observation> {
    let [_, _, bits, ..] = *value;
    let records = (bits >> RECORDS) as u16;
    Some(cached(value, Finding::Conflicting { records }))
}

#[inline]
fn cached(value: &Value, finding: Finding) -> Observation {
    Observation {
        observed_at: observed_at(value),
        served: Served::Cache,
        finding,
    }
}

/// When it was observed.
#[inline]
pub(super) fn observed_at(value: &Value) -> Moment {
    let [wall, monotonic, ..] = *value;
    Moment {
        // None was packed that is none; the beginning of time is too old for anybody.
        wall: Timestamp::from_bits(wall).unwrap_or(Timestamp::MIN),
        monotonic: Monotonic::from_nanos(monotonic),
    }
}

/// Whether it is of a kind that is denied unless a policy says otherwise.
#[inline]
pub(super) fn is_denied(value: &Value) -> bool {
    let [_, _, bits, ..] = *value;
    bits & DENIED != 0
}

fn nanos(reading: Monotonic) -> u64 {
    reading.nanos_since(Monotonic::from_nanos(0))
}

fn date(date: Option<Timestamp>) -> u64 {
    date.map_or(NEVER, Timestamp::to_bits)
}

fn halves(bits: u128) -> [u64; 2] {
    [(bits >> 64) as u64, bits as u64]
}

#[inline]
fn whole(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}
