//! What a decision leaves in the chronicle.

use std::{borrow::Cow, collections::BTreeMap, error::Error, panic::AssertUnwindSafe, sync::Arc};

use chronicle::{
    Receipt, Record, RecordId, Sink, Source,
    events::{self, DeviceComplianceChecked},
};
use futures_util::FutureExt as _;
use intune_core::{Finding, Observation, SourceFailure};

use crate::{
    Decision, EffectivePolicy, GateRequest,
    decision::{age_ms, grace_expiry},
};

#[derive(Debug)]
pub(crate) struct Recorder {
    sink: Arc<dyn Sink>,
    source: Source,
}

impl Recorder {
    pub(crate) fn new(sink: Arc<dyn Sink>, source: Source) -> Self {
        Self { sink, source }
    }

    /// Appends the decision's event; whether it was taken.
    pub(crate) async fn append(&self, request: &GateRequest<'_>, decision: &Decision) -> bool {
        let appended = AssertUnwindSafe(self.try_append(request, decision))
            .catch_unwind()
            .await;
        match appended {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                let cause = error.source().map(ToString::to_string);
                tracing::error!(decision = %decision.id, %error, cause, "the decision was not recorded");
                false
            }
            Err(_) => {
                tracing::error!(decision = %decision.id, "the chronicle panicked");
                false
            }
        }
    }

    async fn try_append(
        &self,
        request: &GateRequest<'_>,
        decision: &Decision,
    ) -> Result<Receipt, Box<dyn Error + Send + Sync>> {
        let time = decision.made_at.wall;
        let event = event(request, decision);
        let mut record = Record::new(&event, &self.source, RecordId::generate(time), time)?;
        if let Some(device) = decision.device {
            record = record.subject(device.to_string());
        }
        if let Some(traceparent) = &request.traceparent {
            record = record.traceparent(traceparent.clone());
        }
        Ok(self.sink.append(record).await?)
    }
}

fn event(request: &GateRequest<'_>, decision: &Decision) -> DeviceComplianceChecked {
    DeviceComplianceChecked {
        decision_id: decision.id.to_string(),
        outcome: decision.outcome.as_str().into(),
        enforced: decision.is_enforced(),
        would: decision.would.map(|would| would.as_str().into()),
        reason: decision.reason.as_str().into(),
        retryable: decision.is_retryable(),
        accord_template: request.template.to_string(),
        principal: request.principal.into(),
        device: device(decision),
        compliance: decision
            .observation
            .and_then(|observation| compliance(decision, &observation)),
        policy: policy(&decision.policy),
        source_error: decision.failure.as_ref().map(source_error),
    }
}

fn device(decision: &Decision) -> Option<events::Device> {
    let entra_device_id = decision.device?.to_string();
    let (managed_device_id, records) = match decision
        .observation
        .map(|observation| observation.finding)
    {
        Some(Finding::Device(found)) => (Some(found.managed_device_id.to_string()), found.records),
        Some(Finding::Conflicting { records }) => (None, records),
        Some(Finding::NotFound) | None => (None, 0),
    };
    Some(events::Device {
        entra_device_id,
        managed_device_id,
        records: records.into(),
    })
}

fn compliance(decision: &Decision, observation: &Observation) -> Option<events::Compliance> {
    let Finding::Device(found) = observation.finding else {
        return None;
    };
    Some(events::Compliance {
        state: found.state.to_string().into(),
        observed_at: observation.observed_at.wall,
        age_ms: age_ms(decision.made_at, observation.observed_at),
        last_check_in: found.last_check_in,
        grace_expires_at: grace_expiry(&found),
        served: observation.served.as_str().into(),
    })
}

/// The policy in force, and which layer made each setting.
pub(crate) fn policy(policy: &EffectivePolicy) -> events::Policy {
    let provenance = policy.provenance();
    let layers = [
        ("mode", provenance.mode),
        ("required", provenance.required),
        ("strict", provenance.strict),
    ];
    events::Policy {
        digest: policy.digest().to_owned(),
        required: policy.policy().required,
        strict: policy.policy().strict,
        mode: policy.policy().mode.as_str().into(),
        layers: BTreeMap::from(
            layers.map(|(name, layer)| (name.to_owned(), layer.as_str().to_owned())),
        ),
        loosened: policy.is_loosened(),
    }
}

fn source_error(failure: &SourceFailure) -> events::SourceError {
    events::SourceError {
        kind: Cow::Borrowed(failure.kind().as_str()),
        status: failure.status(),
        request_id: failure.request_id().map(str::to_owned),
    }
}
