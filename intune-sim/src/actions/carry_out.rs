//! What an action does to a device, at once and later.

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{Action, Order, PerformedAction, schedule::Step};
use crate::{Device, tenant::State, time::wire_date};

const STATE: &str = "managementState";
const RESULTS: &str = "deviceActionResults";

/// Accepts an order for a device that exists: this is when it takes effect.
pub(crate) fn accept(state: &mut State, device: &Device, order: Order, now: DateTime<Utc>) {
    let book = &mut state.actions;
    book.performed.push(PerformedAction {
        device: order.device.clone(),
        action: order.action,
        at: now.into(),
        client_id: order.client_id.clone(),
    });
    // The latest order of a kind counts, and retiring and wiping exclude each other.
    book.schedule.forget(&order.device, |earlier| {
        earlier.action == order.action || (earlier.action.removes() && order.action.removes())
    });
    let mut device = device.clone();
    note(&mut device, order.action, "pending", now, None);
    if let Some(pending) = pending(order.action) {
        device = device.management_state(pending);
    }
    book.schedule.plan(order, Step::CheckIn, now);
    state.devices.put(device);
}

/// Does everything that is due.
pub(crate) fn settle(state: &mut State, now: DateTime<Utc>) {
    while let Some((at, order, step)) = state.actions.schedule.pop(now) {
        if let Some(device) = state.devices.get(&order.device) {
            let device = Device::clone(device);
            match step {
                Step::CheckIn => check_in(state, device, order, at),
                Step::Leave => leave(state, device, &order, at),
            }
        }
    }
}

fn check_in(state: &mut State, mut device: Device, order: Order, at: DateTime<Utc>) {
    match order.action {
        Action::SyncDevice => {
            device = device.last_sync(wire_date(at));
            let staged = state
                .actions
                .staged
                .remove(&order.device.to_ascii_lowercase());
            if let Some(compliance_state) = staged {
                device = device.compliance_state(compliance_state);
            }
            note(&mut device, order.action, "done", at, None);
        }
        Action::RemoteLock => {
            // The others are unlocked with what their user knows.
            let mac = device.text("operatingSystem") == "macOS";
            let pin = mac.then(|| pin(&device, at));
            note(&mut device, order.action, "done", at, pin);
        }
        Action::Retire | Action::Wipe => {
            // A test may have cancelled it by another state.
            if Some(device.text(STATE)) != pending(order.action) {
                return;
            }
            device = device.management_state(issued(order.action));
            state.actions.schedule.plan(order, Step::Leave, at);
        }
    }
    state.devices.put(device);
}

fn leave(state: &mut State, mut device: Device, order: &Order, at: DateTime<Utc>) {
    if device.text(STATE) != issued(order.action) {
        return;
    }
    if order.keep_enrollment {
        device = device.management_state("managed");
        note(&mut device, order.action, "done", at, None);
        state.devices.put(device);
    } else {
        state.devices.remove(&order.device);
        state.actions.forget(&order.device);
    }
}

fn pending(action: Action) -> Option<&'static str> {
    match action {
        Action::Retire => Some("retirePending"),
        Action::Wipe => Some("wipePending"),
        Action::SyncDevice | Action::RemoteLock => None,
    }
}

fn issued(action: Action) -> &'static str {
    match action {
        Action::Retire => "retireIssued",
        _ => "wipeIssued",
    }
}

/// Notes how far an action is: one entry of each action, the latest.
fn note(
    device: &mut Device,
    action: Action,
    state: &str,
    at: DateTime<Utc>,
    unlock_pin: Option<String>,
) {
    let mut results = match device.get(RESULTS) {
        Some(Value::Array(results)) => results.clone(),
        _ => Vec::new(),
    };
    let earlier = results
        .iter()
        .position(|result| result.get("actionName") == Some(&json!(action.name())))
        .map(|place| results.remove(place));
    let started = earlier
        .filter(|_| state != "pending")
        .and_then(|earlier| earlier.get("startDateTime").cloned())
        .unwrap_or_else(|| wire_date(at).into());
    let mut result = Map::new();
    if action == Action::RemoteLock {
        result.insert(
            "@odata.type".to_owned(),
            "#microsoft.graph.remoteLockActionResult".into(),
        );
        result.insert("unlockPin".to_owned(), json!(unlock_pin));
    }
    result.insert("actionName".to_owned(), action.name().into());
    result.insert("actionState".to_owned(), state.into());
    result.insert("startDateTime".to_owned(), started);
    result.insert("lastUpdatedDateTime".to_owned(), wire_date(at).into());
    results.push(Value::Object(result));
    *device = device.clone().with(RESULTS, results);
}

/// Six digits, the same for the same device and time.
fn pin(device: &Device, at: DateTime<Utc>) -> String {
    let seed = format!("unlock\n{}\n{}", device.id(), wire_date(at));
    let digest = digest::digest(&digest::SHA256, seed.as_bytes());
    let digits = digest.as_ref().iter().take(6);
    digits.map(|byte| char::from(b'0' + byte % 10)).collect()
}
