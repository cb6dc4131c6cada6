//! The governed way to a tenant's devices.

mod actions;
mod attempt;
mod bounded;
mod builder;
mod dry_run;
mod error;
mod limits;
mod reads;
mod recorder;
mod stale;

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use clock::Clock;

pub use actions::Invoked;
use bounded::Bounded;
pub use builder::{BuildConnectorError, IntuneConnectorBuilder};
pub use dry_run::DryRun;
pub use error::{OperationError, OperationErrorKind};
use limits::Ledger;
pub use limits::{MutationBudget, OperationsSwitch};
use recorder::{Entry, Recorder};

use crate::{
    Ceremonies, ComplianceSource, DeviceAction, DeviceActions, DeviceDirectory, InvocationContext,
    InvocationId, ManagedDevice, ManagedDeviceId, Operation, SourceFailure, SourceFailureKind,
};

/// The seven operations on a tenant's devices, each within the caller's scope, and each on record. Clones
/// share everything.
///
/// | operation | takes | |
/// | --- | --- | --- |
/// | [`list_devices`](Self::list_devices), [`get_device`](Self::get_device) | `READ` | live |
/// | [`get_compliance`](Self::get_compliance) | `READ` | from the same source as the gate's, cached |
/// | [`sync_device`](Self::sync_device) | `PROPOSE` | |
/// | [`remote_lock`](Self::remote_lock), [`retire_device`](Self::retire_device), [`wipe_device`](Self::wipe_device) | `MUTATE` | a ceremony, unless the host opted out |
///
/// An action is prepared in this order, and refused at the first obstacle: the scope has not ended and gives
/// the capability, and nobody has stopped operations; the device is resolved; the ceremony, where one is
/// required, approves exactly this; one is left of the [`MutationBudget`]; the adapter could send
/// ([`DeviceActions::ready`]); the intent is recorded; the approval is consumed. Then the request is sent, once; what it may have made wrong
/// in caches is invalidated; the outcome is recorded. Refusals are recorded, too.
///
/// A read leaves one record, with what came of it, and hands nothing out if that can't be kept.
#[derive(Clone)]
pub struct IntuneConnector {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Arc<dyn DeviceDirectory>,
    compliance: Arc<dyn ComplianceSource>,
    actions: Option<Arc<dyn DeviceActions>>,
    ceremonies: Option<Arc<dyn Ceremonies>>,
    /// What needs a ceremony, whatever the scope says.
    floor: BTreeSet<Operation>,
    tenant: Option<String>,
    ledger: Ledger,
    switch: OperationsSwitch,
    /// Whether somebody may wipe the device in their own hands.
    allows_own_device: bool,
    recorder: Recorder,
    clock: Arc<dyn Clock>,
    bounded: Bounded,
    action_bound: Bounded,
    max_age: Duration,
}

impl IntuneConnector {
    /// Starts a connector that reads `directory`, and answers `get_compliance` from `compliance`: give it the
    /// gate's own source, so that both say the same.
    pub fn builder(
        directory: Arc<dyn DeviceDirectory>,
        compliance: Arc<dyn ComplianceSource>,
        clock: Arc<dyn Clock>,
    ) -> IntuneConnectorBuilder {
        IntuneConnectorBuilder::new(directory, compliance, clock)
    }

    /// Whether it can act on devices at all.
    #[must_use]
    pub fn has_actions(&self) -> bool {
        self.inner.actions.is_some()
    }
}

impl Inner {
    /// Whether the scope lets the caller do this now.
    fn within_scope(
        &self,
        context: &InvocationContext,
        operation: Operation,
    ) -> Result<(), OperationErrorKind> {
        let scope = context.scope();
        if scope.is_expired(self.clock.now().wall) {
            return Err(OperationErrorKind::ScopeExpired(scope.expires_at()));
        }
        if !scope.allows(operation) {
            return Err(OperationErrorKind::CapabilityMissing(operation));
        }
        Ok(())
    }

    /// The device with this id, and no other, whatever the directory says.
    async fn device(&self, id: ManagedDeviceId) -> Result<Option<ManagedDevice>, SourceFailure> {
        match self.directory.device(id).await? {
            Some(other) if other.id != id => {
                Err(SourceFailure::new(SourceFailureKind::MalformedAnswer))
            }
            found => Ok(found),
        }
    }

    /// Whether the caller may act on a device now, whichever it is.
    fn may_act(
        &self,
        context: &InvocationContext,
        operation: Operation,
    ) -> Result<(), OperationErrorKind> {
        self.within_scope(context, operation)?;
        if self.switch.is_stopped() {
            return Err(OperationErrorKind::OperationsStopped);
        }
        Ok(())
    }

    /// Whether this would wipe the requester's own device, and the host doesn't allow that.
    fn is_forbidden(
        &self,
        context: &InvocationContext,
        action: &DeviceAction,
        device: &ManagedDevice,
    ) -> bool {
        let is_users = context.principal().object_id().is_some()
            && context.principal().object_id() == device.user_id;
        let is_askers = context.device.is_some() && context.device == device.azure_ad_device_id;
        let is_wipe = matches!(action, DeviceAction::Wipe(_));
        is_wipe && !self.allows_own_device && (is_users || is_askers)
    }

    /// Whether the caller needs an approval.
    fn needs_ceremony(&self, context: &InvocationContext, operation: Operation) -> bool {
        self.floor.contains(&operation) || context.scope().requires_ceremony(operation)
    }

    /// Puts a refusal on record. What can't be recorded is refused all the same.
    async fn refuse(
        &self,
        invocation: InvocationId,
        entry: Entry<'_>,
        kind: OperationErrorKind,
    ) -> OperationError {
        tracing::info!(%invocation, reason = kind.as_str(), "an operation was refused");
        let now = self.clock.now().wall;
        let _ = self.recorder.append(entry.refused(&kind), now).await;
        OperationError { invocation, kind }
    }
}

impl fmt::Debug for IntuneConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntuneConnector")
            .field("directory", &self.inner.directory)
            .field("compliance", &self.inner.compliance)
            .field("actions", &self.inner.actions)
            .field("ceremonies", &self.inner.ceremonies)
            .finish_non_exhaustive()
    }
}
