//! Device actions: which took effect, and what follows from them as time passes.

pub(crate) mod carry_out;
mod schedule;

use std::{collections::BTreeMap, fmt, time::SystemTime};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};

use crate::time;
use schedule::Schedule;

/// An action on a managed device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Action {
    /// `syncDevice`: the device checks in, and its compliance is evaluated anew.
    SyncDevice,
    /// `remoteLock`: the device locks its screen.
    RemoteLock,
    /// `retire`: the device leaves management, and keeps its user's data.
    Retire,
    /// `wipe`: the device is reset.
    Wipe,
}

impl Action {
    /// The name in Graph's addresses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Action::SyncDevice => "syncDevice",
            Action::RemoteLock => "remoteLock",
            Action::Retire => "retire",
            Action::Wipe => "wipe",
        }
    }

    /// The action of a short or qualified name.
    pub(crate) fn named(segment: &str) -> Option<Self> {
        let name = segment.strip_prefix("microsoft.graph.").unwrap_or(segment);
        [
            Action::SyncDevice,
            Action::RemoteLock,
            Action::Retire,
            Action::Wipe,
        ]
        .into_iter()
        .find(|action| action.name() == name)
    }

    fn removes(self) -> bool {
        matches!(self, Action::Retire | Action::Wipe)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An action that took effect, whatever was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PerformedAction {
    /// The device, by Intune's id.
    pub device: String,
    /// What was done to it.
    pub action: Action,
    /// When, in simulated time; RFC 3339 in JSON.
    #[serde(serialize_with = "wire_date")]
    pub at: SystemTime,
    /// The client id of the application that asked for it.
    pub client_id: String,
}

fn wire_date<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time::wire_date(DateTime::<Utc>::from(*at)))
}

/// An action accepted from an application.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) device: String,
    pub(crate) action: Action,
    pub(crate) client_id: String,
    /// Of a wipe: the device stays enrolled.
    pub(crate) keep_enrollment: bool,
}

/// What took effect, and what is still to come.
#[derive(Debug)]
pub(crate) struct ActionBook {
    pub(crate) performed: Vec<PerformedAction>,
    /// Compliance states that the next check-in of a device brings, by lower-case id.
    staged: BTreeMap<String, String>,
    schedule: Schedule,
}

impl ActionBook {
    pub(crate) fn new(delays: Delays) -> Self {
        Self {
            performed: Vec::new(),
            staged: BTreeMap::new(),
            schedule: Schedule::new(delays),
        }
    }

    pub(crate) fn stage(&mut self, device: &str, compliance_state: String) {
        self.staged
            .insert(device.to_ascii_lowercase(), compliance_state);
    }

    /// Forgets what is to come for a device: it's another one now, or none.
    pub(crate) fn forget(&mut self, device: &str) {
        self.staged.remove(&device.to_ascii_lowercase());
        self.schedule.forget(device, |_| true);
    }
}

/// How long devices take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delays {
    /// From an action to the check-in that brings it to the device.
    pub(crate) check_in: std::time::Duration,
    /// From that check-in to the end of a retirement or wipe.
    pub(crate) removal: std::time::Duration,
}
