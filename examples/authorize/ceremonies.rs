//! Decisions about ceremonies, each on record: an event type of this host's own.

use std::time::Duration;

use chronicle::{
    Event, EventType, Record, RecordId, Sink as _,
    events::{self, Target},
};
use intune_core::{Approvals as _, Approver, CeremonyId, DecideError, PendingCeremony};
use serde::Serialize;

use crate::{
    ac::ISSUER,
    host::{Host, Operations},
};

/// How long to wait for the Chronicle.
const DEADLINE: Duration = Duration::from_secs(10);

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

/// Why a vote doesn't count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// It may not be cast.
    Refused(DecideError),
    /// It can't be recorded.
    NotRecorded,
}

/// `CEREMONY_VOTED`: somebody says yes or no to a ceremony (`intent`), and what came of that (`outcome`).
#[derive(Clone, Serialize)]
struct CeremonyVoted {
    ceremony_id: String,
    phase: &'static str,
    vote: Vote,
    by: events::Principal,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
}

impl Event for CeremonyVoted {
    const TYPE: EventType = EventType::new("CEREMONY_VOTED");
}

/// Records a vote, and casts it: nobody's yes is used before it is on record. An intent without an outcome may have
/// counted.
///
/// # Errors
///
/// Why it doesn't count.
pub async fn decide(
    host: &Host,
    operations: &Operations,
    id: CeremonyId,
    approver: &Approver,
    vote: Vote,
    reason: &str,
) -> Result<PendingCeremony, Undecided> {
    let ceremonies = &operations.ceremonies;
    let mut event = CeremonyVoted {
        ceremony_id: id.to_string(),
        phase: "intent",
        vote,
        by: approver.principal().into(),
        result: None,
        operation: None,
        target: None,
    };
    let recorded = record(host, &event).await;
    recorded.map_err(|_| Undecided::NotRecorded)?;
    let decided = match vote {
        Vote::Approve => ceremonies.approve(id, approver, reason).await,
        Vote::Deny => ceremonies.deny(id, approver, reason).await,
    };
    event.phase = "outcome";
    match &decided {
        Ok(decided) => {
            let target = &decided.request.target;
            event.result = Some("counted");
            event.operation = Some(decided.request.operation.as_str());
            event.target = Some(Target {
                managed_device_id: target.managed_device_id.to_string(),
                entra_device_id: target.entra_device_id.map(|id| id.to_string()),
            });
        }
        Err(error) => event.result = Some(error.as_str()),
    }
    if let Err(error) = record(host, &event).await {
        tracing::error!(%error, ceremony = %id, "what came of a vote is not on record");
    }
    decided.map_err(Undecided::Refused)
}

async fn record(
    host: &Host,
    event: &CeremonyVoted,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let now = host.clock.now().wall;
    let record = Record::new(event, &ISSUER.parse()?, RecordId::generate(now), now)?
        .subject(event.ceremony_id.clone());
    let appended = host.chronicle.append(record);
    tokio::select! {
        appended = appended => appended.map(drop).map_err(Into::into),
        () = host.clock.sleep(DEADLINE) => Err("the chronicle did not answer in time".into()),
    }
}
