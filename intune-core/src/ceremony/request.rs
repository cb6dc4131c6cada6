use clock::Timestamp;

use crate::{
    AccordTemplate, AuthorizationContextId, CeremonyId, DeviceAction, InvocationContext, Operation,
    ParametersDigest, Principal, Target,
};

use super::Mismatch;

/// The one exact thing that a ceremony approves: who wants to do what to which device, with which parameters,
/// under which grant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CeremonyRequest {
    /// What is to be done.
    pub operation: Operation,
    /// Its parameters, for the approver's eyes: canonical JSON, with `true` for an unlock code.
    pub parameters: Option<String>,
    /// The digest of its parameters, which binds the approval to them.
    pub parameters_digest: Option<ParametersDigest>,
    /// To which device, as it was seen when the approval was asked for.
    pub target: Target,
    /// Of which tenant.
    pub tenant: Option<String>,
    /// Who asks, and through which agent.
    pub requester: Principal,
    /// The accord that the requester acts under.
    pub accord_template: Option<AccordTemplate>,
    /// The Authorization Context that the requester acts under.
    pub authorization_context: Option<AuthorizationContextId>,
    /// When the requester's scope ends: a later approval could not be used.
    pub scope_expires_at: Timestamp,
}

impl CeremonyRequest {
    /// The approval that this action needs.
    #[must_use]
    pub fn new(
        context: &InvocationContext,
        action: &DeviceAction,
        target: &Target,
        tenant: Option<&str>,
    ) -> Self {
        Self {
            operation: action.operation(),
            parameters: action.parameters(),
            parameters_digest: action.parameters_digest(),
            target: target.clone(),
            tenant: tenant.map(str::to_owned),
            requester: context.principal.clone(),
            accord_template: context.accord_template.clone(),
            authorization_context: context.authorization_context.clone(),
            scope_expires_at: context.scope.expires_at(),
        }
    }

    /// What of `other` isn't what was approved here. The device's name and serial are for the approver's eyes:
    /// a device that was renamed is still the device.
    #[must_use]
    pub fn mismatch(&self, other: &Self) -> Option<Mismatch> {
        let ids = |target: &Target| (target.managed_device_id, target.entra_device_id);
        let state = |target: &Target| (target.user_id, target.management_state.clone());
        if self.requester != other.requester {
            Some(Mismatch::Requester)
        } else if self.operation != other.operation {
            Some(Mismatch::Operation)
        } else if ids(&self.target) != ids(&other.target) || self.tenant != other.tenant {
            Some(Mismatch::Device)
        } else if state(&self.target) != state(&other.target) {
            Some(Mismatch::DeviceChanged)
        } else if self.parameters_digest != other.parameters_digest {
            Some(Mismatch::Parameters)
        } else if self.accord_template != other.accord_template
            || self.authorization_context != other.authorization_context
        {
            Some(Mismatch::AuthorizationContext)
        } else {
            None
        }
    }
}

/// A ceremony that waits for its approver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCeremony {
    /// Its id, to be shown to the approver and given back with the next try.
    pub id: CeremonyId,
    /// When it ends, approved or not.
    pub expires_at: Timestamp,
}

/// A ceremony that was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its id.
    pub id: CeremonyId,
    /// Who approved.
    pub approvers: Vec<Principal>,
}

impl Approval {
    /// Whether it is one of this ceremony and for this request: by somebody, and not by the requester.
    pub(crate) fn counts_for(&self, id: CeremonyId, request: &CeremonyRequest) -> bool {
        let mut approvers = self.approvers.iter();
        let by_requester = |approver: &Principal| approver.is_same_person(&request.requester);
        self.id == id && !self.approvers.is_empty() && !approvers.any(by_requester)
    }
}
