use intune_core::{ActionOutcome, Invoked};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::device::Device;
use crate::rate::seconds;

/// What a caller gets: data, and a sentence about it in which nothing is that anybody else wrote.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) structured: Value,
    pub(crate) text: String,
    pub(crate) is_error: bool,
}

impl Answer {
    pub(super) fn new(data: &impl Serialize, text: String, is_error: bool) -> Self {
        Self {
            // Structs of texts and numbers: they always can be written.
            structured: serde_json::to_value(data).unwrap_or_default(),
            text,
            is_error,
        }
    }
}

/// A page of a listing.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct DeviceList {
    /// The devices of this page, of which there may be none.
    devices: Vec<Device>,
    /// Where the next page begins: give it back as `cursor`. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl DeviceList {
    pub(super) const fn new(devices: Vec<Device>, next_cursor: Option<String>) -> Self {
        Self {
            devices,
            next_cursor,
        }
    }
}

impl From<DeviceList> for Answer {
    fn from(list: DeviceList) -> Self {
        let count = match list.devices.len() {
            1 => "1 device on this page".to_owned(),
            count => format!("{count} devices on this page"),
        };
        let text = match list.next_cursor {
            Some(_) => format!(
                "{count}, and there may be more: repeat the call with `cursor` set to `next_cursor`."
            ),
            None => format!("{count}, which is the last."),
        };
        Self::new(&list, text, false)
    }
}

/// What came of an action that was sent.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ActionResult {
    /// What Intune said, if anything.
    outcome: Outcome,
    /// The id under which the invocation is on record.
    invocation_id: String,
    /// The device.
    managed_device_id: String,
    /// The device's id in Entra ID, if it is registered there.
    #[serde(skip_serializing_if = "Option::is_none")]
    entra_device_id: Option<String>,
    /// Whether the outcome is on record. The intent is.
    is_outcome_recorded: bool,
    /// Why it wasn't accepted, such as `throttled` or `unavailable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// How long Intune asked to be left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
    /// What the outcome means.
    note: &'static str,
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// Intune took the request. That is not to say that it is done.
    Accepted,
    /// Certainly not done.
    Rejected,
    /// It may have been received.
    Unknown,
}

impl ActionResult {
    pub(super) fn new(invoked: Invoked) -> Self {
        let (outcome, note) = match &invoked.outcome {
            ActionOutcome::Accepted(_) => (
                Outcome::Accepted,
                "Intune took the request. Accepted is not done: the device acts when it is next reached, \
                 if ever.",
            ),
            ActionOutcome::Rejected(_) => (
                Outcome::Rejected,
                "Intune refused the request, or was never reached: certainly nothing was done. An \
                 approval that was given is used up.",
            ),
            ActionOutcome::Unknown(_) => (
                Outcome::Unknown,
                "The request was sent once and its answer is lost: it may have taken effect. Don't \
                 repeat it; look at the device first.",
            ),
        };
        let failure = invoked.outcome.failure();
        let wait = failure.and_then(intune_core::SourceFailure::retry_after);
        Self {
            outcome,
            invocation_id: invoked.invocation.to_string(),
            managed_device_id: invoked.target.managed_device_id.to_string(),
            entra_device_id: invoked.target.entra_device_id.map(|id| id.to_string()),
            is_outcome_recorded: invoked.is_outcome_recorded,
            reason: failure.map(|failure| failure.kind().as_str()),
            retry_after_seconds: wait.map(seconds),
            note,
        }
    }
}

impl From<ActionResult> for Answer {
    fn from(result: ActionResult) -> Self {
        let is_error = matches!(result.outcome, Outcome::Rejected);
        Self::new(&result, result.note.to_owned(), is_error)
    }
}
