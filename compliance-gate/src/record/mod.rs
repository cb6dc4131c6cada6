//! What a gate leaves in the chronicle.

mod buffer;
mod event;

use std::{
    error::Error as _, future::Future, num::NonZeroUsize, panic::AssertUnwindSafe, pin::pin,
    sync::Arc,
};

use chronicle::{Event, Record, RecordError, RecordId, Sink, Source, events};
use clock::{Sleep, Timestamp};
use futures_util::{
    FutureExt as _,
    future::{Either, select},
};
use tracing::field::display;

use crate::{BreakGlass, Decision, DecisionId, GateRequest, ReloadOrigin, Reloaded};

use buffer::Buffer;
pub use buffer::Unwritten;
pub(crate) use buffer::Writer;
pub(crate) use event::{not_own, policy};

#[derive(Debug)]
pub(crate) struct Recorder {
    sink: Arc<dyn Sink>,
    source: Source,
    buffer: Option<Box<Buffer>>,
}

/// Whether a decision's record is taken before `deadline`.
pub(crate) async fn in_time(
    appended: impl Future<Output = bool>,
    deadline: Sleep,
    decision: DecisionId,
) -> bool {
    match select(pin!(appended), deadline).await {
        Either::Left((taken, _)) => taken,
        Either::Right(((), _)) => {
            tracing::error!(
                name: "compliance_gate.record_failed",
                target: "compliance_gate",
                %decision,
                "the chronicle did not answer in time"
            );
            false
        }
    }
}

impl Recorder {
    pub(crate) fn new(sink: Arc<dyn Sink>, source: Source) -> Self {
        Self {
            sink,
            source,
            buffer: None,
        }
    }

    /// Lets records of decisions wait, so many at most.
    pub(crate) fn buffered(mut self, capacity: NonZeroUsize) -> Self {
        self.buffer = Some(Box::new(Buffer::new(capacity)));
        self
    }

    /// Where records of decisions wait, if they do.
    #[inline]
    pub(crate) fn buffer(&self) -> Option<&Buffer> {
        self.buffer.as_deref()
    }

    /// Appends the decision's event; whether it was taken.
    pub(crate) async fn append(&self, request: &GateRequest<'_>, decision: &Decision) -> bool {
        let id = RecordId::generate(decision.made_at());
        self.append_as(id, request, decision).await
    }

    async fn append_as(
        &self,
        id: RecordId,
        request: &GateRequest<'_>,
        decision: &Decision,
    ) -> bool {
        let event = event::checked(request, decision);
        let record = self.about(&event, id, request, decision);
        self.take(record, Some(decision.id())).await
    }

    /// Appends the event of an entry that breaks a decision; whether it was taken.
    pub(crate) async fn append_break_glass(
        &self,
        request: &GateRequest<'_>,
        decision: &Decision,
        entry: &BreakGlass,
    ) -> bool {
        let would_reason = decision.would_reason.unwrap_or(decision.reason());
        let event = events::BreakGlassUsed {
            decision_id: decision.id().to_string(),
            accord_template: request.template.to_string(),
            principal: request.principal.into(),
            would_reason: would_reason.as_str().into(),
            device: event::device(decision),
            entry_reason: entry.reason().to_owned(),
            entry_starts_at: entry.starts_at(),
            entry_expires_at: entry.expires_at(),
            policy_digest: decision.policy.digest().to_owned(),
        };
        let id = RecordId::generate(decision.made_at());
        let record = self.about(&event, id, request, decision);
        self.take(record, Some(decision.id())).await
    }

    /// Appends the event of another policy; whether it was taken.
    pub(crate) async fn append_reload(
        &self,
        reloaded: &Reloaded,
        origin: ReloadOrigin<'_>,
        now: Timestamp,
    ) -> bool {
        let event = events::PolicyReloaded {
            old_digest: reloaded.old_digest.clone(),
            new_digest: reloaded.new_digest.clone(),
            source: origin.source.to_owned(),
            requested_by: origin.requested_by.to_owned(),
        };
        let record = Record::new(&event, &self.source, RecordId::generate(now), now);
        self.take(record, None).await
    }

    fn about(
        &self,
        event: &impl Event,
        id: RecordId,
        request: &GateRequest<'_>,
        decision: &Decision,
    ) -> Result<Record, RecordError> {
        let mut record = Record::new(event, &self.source, id, decision.made_at())?;
        if let Some(device) = decision.device {
            record = record.subject(device.to_string());
        }
        if let Some(traceparent) = &request.traceparent {
            record = record.traceparent(traceparent.clone());
        }
        Ok(record)
    }

    /// Appends a record, of a decision or of none; whether it was taken.
    async fn take(
        &self,
        record: Result<Record, RecordError>,
        decision: Option<DecisionId>,
    ) -> bool {
        let decision = decision.map(display);
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                tracing::error!(
                    name: "compliance_gate.record_failed",
                    target: "compliance_gate",
                    decision,
                    %error,
                    "a record could not be made"
                );
                return false;
            }
        };
        let (id, event) = (record.id(), record.event_type().name());
        let appended = AssertUnwindSafe(async { self.sink.append(record).await });
        match appended.catch_unwind().await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                let cause = error.source().map(ToString::to_string);
                tracing::error!(
                    name: "compliance_gate.record_failed",
                    target: "compliance_gate",
                    decision,
                    record = %id,
                    event,
                    %error,
                    cause,
                    "a record was not taken"
                );
                false
            }
            Err(_) => {
                tracing::error!(
                    name: "compliance_gate.record_failed",
                    target: "compliance_gate",
                    decision,
                    record = %id,
                    event,
                    "the chronicle panicked"
                );
                false
            }
        }
    }
}
