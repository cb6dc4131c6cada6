use super::{Entry, IntuneConnector, OperationError, attempt::Attempt};
use crate::{
    ActionOutcome, CeremonyId, DeviceAction, InvocationContext, InvocationId, ManagedDeviceId,
    Target, WipeOptions,
};

/// What came of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invoked {
    /// The id under which the invocation is on record.
    pub invocation: InvocationId,
    /// The device.
    pub target: Target,
    /// What the service said, if anything.
    pub outcome: ActionOutcome,
    /// Whether the outcome is on record. The intent is; without an outcome it reads as unknown.
    pub is_outcome_recorded: bool,
}

impl IntuneConnector {
    /// Asks a device to check in. Takes `PROPOSE`.
    ///
    /// # Errors
    ///
    /// [`OperationError`]: it was refused, and nothing was sent. What came of a request that was sent is in
    /// [`Invoked::outcome`].
    ///
    /// # Cancel safety
    ///
    /// The request may have been sent. Its intent is on record, without an outcome, and caches are
    /// invalidated.
    pub async fn sync_device(
        &self,
        context: &InvocationContext,
        device: ManagedDeviceId,
        ceremony: Option<CeremonyId>,
    ) -> Result<Invoked, OperationError> {
        let action = DeviceAction::Sync;
        self.perform(context, device, action, ceremony).await
    }

    /// Locks a device. Takes `MUTATE` and, unless the host opted out, a ceremony: the first try opens one.
    ///
    /// # Errors
    ///
    /// As [`sync_device`](Self::sync_device).
    ///
    /// # Cancel safety
    ///
    /// As [`sync_device`](Self::sync_device).
    pub async fn remote_lock(
        &self,
        context: &InvocationContext,
        device: ManagedDeviceId,
        ceremony: Option<CeremonyId>,
    ) -> Result<Invoked, OperationError> {
        let action = DeviceAction::RemoteLock;
        self.perform(context, device, action, ceremony).await
    }

    /// Removes the organisation's data from a device and ends its management. Takes `MUTATE` and, unless the
    /// host opted out, a ceremony.
    ///
    /// # Errors
    ///
    /// As [`sync_device`](Self::sync_device).
    ///
    /// # Cancel safety
    ///
    /// As [`sync_device`](Self::sync_device).
    pub async fn retire_device(
        &self,
        context: &InvocationContext,
        device: ManagedDeviceId,
        ceremony: Option<CeremonyId>,
    ) -> Result<Invoked, OperationError> {
        let action = DeviceAction::Retire;
        self.perform(context, device, action, ceremony).await
    }

    /// Resets a device to factory settings. Takes `MUTATE` and, unless the host opted out, a ceremony.
    ///
    /// # Errors
    ///
    /// As [`sync_device`](Self::sync_device).
    ///
    /// # Cancel safety
    ///
    /// As [`sync_device`](Self::sync_device).
    pub async fn wipe_device(
        &self,
        context: &InvocationContext,
        device: ManagedDeviceId,
        options: WipeOptions,
        ceremony: Option<CeremonyId>,
    ) -> Result<Invoked, OperationError> {
        let action = DeviceAction::Wipe(options);
        self.perform(context, device, action, ceremony).await
    }

    async fn perform(
        &self,
        context: &InvocationContext,
        device: ManagedDeviceId,
        action: DeviceAction,
        ceremony: Option<CeremonyId>,
    ) -> Result<Invoked, OperationError> {
        let inner = &*self.inner;
        let invocation = InvocationId::generate(inner.clock.now().wall);
        let mut attempt = Attempt {
            inner,
            context,
            invocation,
            action: &action,
            entry: Entry::new(context, invocation, action.operation())
                .device(device, None)
                .parameters(action.parameters_digest()),
        };
        match attempt.prepare(device, ceremony).await {
            Ok(ready) => Ok(attempt.carry_out(ready).await),
            Err(kind) => Err(inner.refuse(invocation, attempt.entry, kind).await),
        }
    }
}
