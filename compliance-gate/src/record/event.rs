//! The payload of a decision's record.

use std::borrow::Cow;

use chronicle::events::{self, DeviceComplianceChecked};
use intune_core::{Finding, Observation, Served, SourceFailure};

use crate::{
    Decision, DeviceOf, EffectivePolicy, GateRequest, Layer, Setting,
    decide::is_of_user,
    decision::{age_ms, grace_expiry},
};

pub(super) fn checked(request: &GateRequest<'_>, decision: &Decision) -> DeviceComplianceChecked {
    DeviceComplianceChecked {
        decision_id: decision.id().to_string(),
        outcome: decision.outcome().as_str().into(),
        enforced: decision.is_enforced(),
        would: decision.would().map(|would| would.as_str().into()),
        reason: decision.reason().as_str().into(),
        would_reason: decision.would_reason.map(|reason| reason.as_str().into()),
        retryable: decision.is_retryable(),
        accord_template: request.template.to_string(),
        principal: request.principal.into(),
        identity: Some(identity(request)),
        device: device(decision),
        compliance: decision
            .observation
            .and_then(|observation| compliance(request, decision, &observation)),
        policy: policy(&decision.policy),
        source_error: decision
            .failure
            .as_ref()
            .map(|failure| source_error(request, decision, failure)),
    }
}

fn identity(request: &GateRequest<'_>) -> events::Identity {
    events::Identity {
        own: request.device.as_str().into(),
        delegator: request
            .delegator_device()
            .map(|device| device.as_str().into()),
    }
}

pub(super) fn device(decision: &Decision) -> Option<events::Device> {
    let entra_device_id = decision.device?.to_string();
    let finding = decision.observation.map(|it| it.finding);
    let (managed_device_id, records) = match finding {
        Some(Finding::Device(found)) => (Some(found.managed_device_id.to_string()), found.records),
        Some(Finding::Conflicting { records }) => (None, records),
        Some(Finding::NotFound) | None => (None, 0),
    };
    // Of a device, `compliance` says these.
    let undecided = decision.observation.filter(|_| managed_device_id.is_none());
    Some(events::Device {
        entra_device_id,
        managed_device_id,
        records: records.into(),
        of: not_own(decision.device_of).map(Into::into),
        served: undecided.map(|it| it.served.as_str().into()),
        age_ms: undecided.map(|it| age_ms(decision.said.made_at, it.observed_at)),
    })
}

/// Says whose device it is, if it isn't the asker's own.
pub(crate) fn not_own(device_of: DeviceOf) -> Option<&'static str> {
    match device_of {
        DeviceOf::Asker => None,
        DeviceOf::Delegator => Some("delegator"),
    }
}

fn compliance(
    request: &GateRequest<'_>,
    decision: &Decision,
    observation: &Observation,
) -> Option<events::Compliance> {
    let Finding::Device(found) = observation.finding else {
        return None;
    };
    Some(events::Compliance {
        state: found.state.to_string().into(),
        observed_at: observation.observed_at.wall,
        age_ms: age_ms(decision.said.made_at, observation.observed_at),
        last_check_in: found.last_check_in,
        grace_expires_at: grace_expiry(&found),
        served: observation.served.as_str().into(),
        user_matches: Some(is_of_user(&found, request.principal.object_id())),
        being_removed: found.being_removed,
    })
}

/// The policy in force, and which layer made each setting.
pub(crate) fn policy(policy: &EffectivePolicy) -> events::Policy {
    let provenance = policy.provenance();
    let always = [Setting::Mode, Setting::Required, Setting::Strict];
    let layers = Setting::ALL.iter().map(|it| (it, provenance.of(*it)));
    let layers = layers.filter(|(it, layer)| *layer != Layer::BuiltIn || always.contains(it));
    events::Policy {
        digest: policy.digest().to_owned(),
        required: policy.policy().required,
        strict: policy.policy().strict,
        mode: policy.policy().mode.as_str().into(),
        layers: layers
            .map(|(it, layer)| (it.as_str().to_owned(), layer.as_str().to_owned()))
            .collect(),
        loosened: policy.is_loosened(),
    }
}

fn source_error(
    request: &GateRequest<'_>,
    decision: &Decision,
    failure: &SourceFailure,
) -> events::SourceError {
    let last_known = failure.last_known();
    let last_known = last_known.map(|observation| observation.served(Served::LastKnownGood));
    events::SourceError {
        kind: Cow::Borrowed(failure.kind().as_str()),
        status: failure.status(),
        request_id: failure.request_id().map(str::to_owned),
        last_known: last_known.and_then(|it| compliance(request, decision, &it)),
    }
}
