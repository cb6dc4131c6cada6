use async_trait::async_trait;
use http::StatusCode;
use intune_core::{
    Acceptance, ActionOutcome, Capability, DeviceAction, DeviceActions, InvocationId,
    SourceFailure, SourceFailureKind, Target,
};

use crate::{
    answer::Answer,
    request,
    wire::{Effect, Wire},
};

/// The power to sync, lock, retire and wipe a tenant's devices, by Microsoft Graph.
///
/// Made by [`GraphClient::actions`](crate::GraphClient::actions), and meant to be given to an
/// [`IntuneConnector`](intune_core::IntuneConnector), which asks for leave before it uses it. It needs the
/// application permission `DeviceManagementManagedDevices.PrivilegedOperations.All`.
///
/// A request is sent once, whatever comes of it: not after a time-out, not with a new token, not on a new
/// connection. It carries the invocation's id as `client-request-id`, by which Microsoft finds it in its logs.
///
/// | what came back | outcome |
/// | --- | --- |
/// | 204; 200 or 202 without a body | accepted |
/// | 4xx but 408 and 429, or nothing was sent | rejected |
/// | 408, 429, 5xx, 3xx, anything else, no whole answer | unknown |
///
/// A 429 is among the unknown because Intune has been seen to do what it answered so, and a success with a body
/// because Graph documents none: it can be a proxy's page.
#[derive(Clone, Debug)]
pub struct GraphActions {
    wire: Wire,
}

impl GraphActions {
    pub(crate) const fn over(wire: Wire) -> Self {
        Self { wire }
    }

    pub(crate) const fn wire(&self) -> &Wire {
        &self.wire
    }
}

#[async_trait]
impl DeviceActions for GraphActions {
    async fn ready(&self, action: &DeviceAction) -> Result<(), SourceFailure> {
        self.wire.call().prepare_write(effect(action)).await
    }

    async fn perform(
        &self,
        action: &DeviceAction,
        target: &Target,
        invocation: InvocationId,
    ) -> ActionOutcome {
        let root = self.wire.root();
        let Ok(url) = request::action(root, target.managed_device_id, action) else {
            return ActionOutcome::Rejected(SourceFailure::new(SourceFailureKind::Refused));
        };
        let id = invocation.to_string();
        let mut call = self.wire.call();
        let answer = call.write(effect(action), id, |token, id| {
            request::act(&url, action, token, id)
        });
        match answer.await {
            Ok(answer) => outcome(&answer),
            Err(lost) if lost.may_have_been_received => ActionOutcome::Unknown(lost.failure),
            Err(lost) => ActionOutcome::Rejected(lost.failure),
        }
    }
}

const fn effect(action: &DeviceAction) -> Effect {
    match action.operation().capability() {
        Capability::Mutate => Effect::Write,
        Capability::Read | Capability::Propose => Effect::Propose,
    }
}

fn outcome(answer: &Answer) -> ActionOutcome {
    match answer.status() {
        status if status.is_success() && answer.is_held_for_approval() => {
            let failure = SourceFailure::new(SourceFailureKind::ApprovalRequired)
                .with_status(status.as_u16())
                .with_request_id(&answer.id());
            ActionOutcome::Unknown(failure)
        }
        status @ (StatusCode::OK | StatusCode::ACCEPTED | StatusCode::NO_CONTENT)
            if answer.is_empty() =>
        {
            ActionOutcome::Accepted(Acceptance::new(Some(status.as_u16()), Some(&answer.id())))
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            ActionOutcome::Unknown(answer.failure())
        }
        status if status.is_client_error() => ActionOutcome::Rejected(answer.failure()),
        _ => ActionOutcome::Unknown(answer.failure()),
    }
}
