//! What an invocation leaves in the chronicle.

use std::{error::Error, sync::Arc};

use chronicle::{
    Record, RecordId, Sink, Source, TraceParent,
    events::{self, ConnectorInvoked},
};
use clock::Timestamp;

use super::{OperationErrorKind, bounded::Bounded};
use crate::{
    ActionOutcome, CeremonyId, EntraDeviceId, InvocationContext, InvocationId, ManagedDeviceId,
    Operation, ParametersDigest, Principal, SourceFailure, Target,
};

const CONNECTOR: &str = "intune";

#[derive(Debug)]
pub(super) struct Recorder {
    sink: Arc<dyn Sink>,
    source: Source,
    bounded: Bounded,
}

/// The record wasn't taken, or not in time.
#[derive(Debug)]
pub(super) struct NotRecorded;

impl Recorder {
    pub(super) fn new(sink: Arc<dyn Sink>, source: Source, bounded: Bounded) -> Self {
        Self {
            sink,
            source,
            bounded,
        }
    }

    pub(super) async fn append(&self, entry: Entry<'_>, now: Timestamp) -> Result<(), NotRecorded> {
        let invocation = entry.event.invocation_id.clone();
        let appended = self.bounded.wait_for(|| self.try_append(entry, now)).await;
        match appended {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                let cause = error.source().map(ToString::to_string);
                tracing::error!(invocation, %error, cause, "the invocation was not recorded");
                Err(NotRecorded)
            }
            Err(lost) => {
                tracing::error!(invocation, ?lost, "the chronicle gave no answer");
                Err(NotRecorded)
            }
        }
    }

    async fn try_append(
        &self,
        entry: Entry<'_>,
        now: Timestamp,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut record = Record::new(&entry.event, &self.source, RecordId::generate(now), now)?;
        if let Some(subject) = entry.subject {
            record = record.subject(subject);
        }
        if let Some(traceparent) = entry.traceparent {
            record = record.traceparent(traceparent.clone());
        }
        self.sink.append(record).await?;
        Ok(())
    }
}

/// A record in the making.
#[derive(Clone)]
pub(super) struct Entry<'a> {
    event: ConnectorInvoked,
    subject: Option<String>,
    traceparent: Option<&'a TraceParent>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(
        context: &'a InvocationContext,
        invocation: InvocationId,
        operation: Operation,
    ) -> Self {
        Self {
            event: ConnectorInvoked {
                invocation_id: invocation.to_string(),
                phase: "refused".into(),
                connector: CONNECTOR.into(),
                operation: operation.as_str().into(),
                capability: operation.capability().as_str().into(),
                principal: context.principal().into(),
                accord_template: context.accord_template.as_ref().map(ToString::to_string),
                authorization_context: context
                    .authorization_context
                    .as_ref()
                    .map(ToString::to_string),
                target: None,
                parameters_digest: None,
                ceremony: None,
                result: None,
                reason: None,
                status: None,
                request_id: None,
                duration_ms: None,
                returned: None,
            },
            subject: None,
            traceparent: context.traceparent.as_ref(),
        }
    }

    /// Of the device with this id of Intune's, and, once it is known, its id in Entra.
    pub(super) fn device(mut self, id: ManagedDeviceId, entra_id: Option<EntraDeviceId>) -> Self {
        self.event.target = Some(events::Target {
            managed_device_id: id.to_string(),
            entra_device_id: entra_id.map(|id| id.to_string()),
        });
        self.subject.get_or_insert_with(|| id.to_string());
        self
    }

    pub(super) fn target(self, target: &Target) -> Self {
        self.device(target.managed_device_id, target.entra_device_id)
    }

    /// Of the device with this id in Entra.
    pub(super) fn entra_device(mut self, id: EntraDeviceId) -> Self {
        self.subject = Some(id.to_string());
        self
    }

    pub(super) fn parameters(mut self, digest: Option<ParametersDigest>) -> Self {
        self.event.parameters_digest = digest.map(|digest| digest.to_string());
        self
    }

    /// By this ceremony; without approvers if it doesn't count.
    pub(super) fn ceremony(mut self, id: CeremonyId, approvers: &[Principal]) -> Self {
        self.event.ceremony = Some(events::Ceremony {
            id: id.to_string(),
            approvers: approvers.iter().map(Into::into).collect(),
        });
        self
    }

    pub(super) fn refused(mut self, kind: &OperationErrorKind) -> Self {
        self.event.phase = "refused".into();
        self.event.reason = Some(kind.as_str().into());
        match kind {
            OperationErrorKind::SourceFailed(failure) => self.failed(failure),
            _ => self,
        }
    }

    pub(super) fn intent(mut self) -> Self {
        self.event.phase = "intent".into();
        self
    }

    pub(super) fn outcome(mut self, duration_ms: u64, result: &'static str) -> Self {
        self.event.phase = "outcome".into();
        self.event.result = Some(result.into());
        self.event.duration_ms = Some(duration_ms);
        self
    }

    pub(super) fn action(self, duration_ms: u64, outcome: &ActionOutcome) -> Self {
        let mut entry = self.outcome(duration_ms, outcome.as_str());
        match outcome {
            ActionOutcome::Accepted(acceptance) => {
                entry.event.status = acceptance.status;
                entry.event.request_id.clone_from(&acceptance.request_id);
                entry
            }
            ActionOutcome::Rejected(failure) | ActionOutcome::Unknown(failure) => {
                entry.failed(failure)
            }
        }
    }

    pub(super) fn reason(mut self, reason: &'static str) -> Self {
        self.event.reason = Some(reason.into());
        self
    }

    pub(super) fn returned(mut self, items: usize) -> Self {
        self.event.returned = u64::try_from(items).ok();
        self
    }

    pub(super) fn failed(mut self, failure: &SourceFailure) -> Self {
        self.event.reason = Some(failure.kind().as_str().into());
        self.event.status = failure.status();
        self.event.request_id = failure.request_id().map(str::to_owned);
        self
    }
}
