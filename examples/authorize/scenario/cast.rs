//! The devices and people of the scenario.

use std::time::Duration;

use clock::{Clock, SystemClock, Timestamp};
use intune_sim::{Device, Sim, UserToken};

use crate::args::Args;

const ADELE: &str = "aaaaaaaa-0000-4000-8000-0000000000a1";
const SOMEBODY_ELSE: &str = "aaaaaaaa-0000-4000-8000-0000000000b2";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Adds a device of Adele's that has just checked in.
pub(super) fn device(sim: &Sim, name: &str, state: &str) -> Device {
    let device = Device::new(name).compliance_state(state).user_id(ADELE);
    sim.put_device(device.clone());
    device
}

/// Adds a device in grace, until so long from now; in the past if `over`.
pub(super) fn in_grace(sim: &Sim, name: &str, over: bool) -> Device {
    let expiry = if over {
        now().saturating_sub(DAY)
    } else {
        now().saturating_add(DAY)
    };
    let device = device(sim, name, "inGracePeriod").grace_expires(expiry.to_string());
    sim.put_device(device.clone());
    device
}

/// Adds a device that has two records which contradict each other.
pub(super) fn contradicting(sim: &Sim) -> Device {
    let device = device(sim, "LAB-07", "compliant");
    let twin = Device::new("LAB-07-OLD")
        .entra_id(device.entra_device_id())
        .user_id(ADELE);
    sim.put_device(twin.compliance_state("noncompliant"));
    device
}

/// Adds a device that is about to be wiped.
pub(super) fn leaving(sim: &Sim) -> Device {
    let device = device(sim, "PHONE-12", "compliant").management_state("wipePending");
    sim.put_device(device.clone());
    device
}

/// Adds a device that belongs to somebody else.
pub(super) fn borrowed(sim: &Sim) -> Device {
    let device = device(sim, "LAPTOP-BEN", "compliant").user_id(SOMEBODY_ELSE);
    sim.put_device(device.clone());
    device
}

/// Adds a phone of somebody else's, and a token of theirs that names it.
pub(super) fn bens_phone(sim: &Sim) -> (Device, String) {
    let device = device(sim, "PHONE-BEN", "compliant").user_id(SOMEBODY_ELSE);
    sim.put_device(device.clone());
    let token = UserToken::entra()
        .subject("ben")
        .claim("oid", SOMEBODY_ELSE)
        .device(device.entra_device_id());
    (device, sim.mint(token))
}

/// Adds a device that hasn't checked in for two months.
pub(super) fn forgotten(sim: &Sim) -> Device {
    let last_sync = now().saturating_sub(60 * DAY).to_string();
    let device = device(sim, "TABLET-03", "compliant").last_sync(last_sync);
    sim.put_device(device.clone());
    device
}

/// A token of Adele's that names no device.
pub(super) fn token() -> UserToken {
    UserToken::entra().subject("adele").claim("oid", ADELE)
}

/// A token of Adele's that names this device.
pub(super) fn on(device: &Device) -> UserToken {
    token().device(device.entra_device_id())
}

/// A token of somebody who may decide about ceremonies, and has just signed in.
pub(super) fn approver(sim: &Sim, subject: &str) -> String {
    let token = UserToken::entra()
        .subject(subject)
        .claim("scp", "access_as_user")
        .claim("roles", vec![Args::APPROVER_ROLE])
        .claim("auth_time", now().unix_seconds());
    sim.mint(token)
}

fn now() -> Timestamp {
    SystemClock::new().now().wall
}
