use super::{Entry, Inner, IntuneConnector, OperationError, OperationErrorKind, reads::Read};
use crate::{
    Capability, CeremonyRefusal, DeviceAction, InvocationContext, ManagedDevice, ManagedDeviceId,
    Operation, Target,
};

/// What would come of an action, as far as the connector decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DryRun {
    /// The device that it would be.
    pub target: Target,
    /// Whether somebody else would have to approve.
    pub needs_ceremony: bool,
    /// Why it would be refused, if it would.
    pub obstacle: Option<OperationErrorKind>,
}

impl IntuneConnector {
    /// Says what would come of an action, and does nothing of it: no ceremony is opened, no budget spent. Takes
    /// `READ`, and leaves the record of a `get_device` with the reason `dry_run`.
    ///
    /// # Errors
    ///
    /// As [`get_device`](Self::get_device); and there is no device of that id.
    ///
    /// # Cancel safety
    ///
    /// Without effect.
    pub async fn dry_run(
        &self,
        context: &InvocationContext,
        device: ManagedDeviceId,
        action: &DeviceAction,
    ) -> Result<DryRun, OperationError> {
        let inner = &*self.inner;
        let read = Read::new(inner, context, Operation::GetDevice);
        let invocation = read.invocation();
        let found = read
            .of(|entry| {
                entry
                    .device(device, None)
                    .parameters(action.parameters_digest())
            })
            .carry_out(
                || inner.device(device),
                |entry, found| describe(entry, found.as_ref()),
            )
            .await?;
        let found = found.ok_or(OperationError {
            invocation,
            kind: OperationErrorKind::DeviceNotFound,
        })?;
        Ok(DryRun {
            target: Target::of(&found),
            needs_ceremony: inner.needs_ceremony(context, action.operation()),
            obstacle: inner.obstacle(context, action, &found).err(),
        })
    }
}

fn describe<'a>(entry: Entry<'a>, found: Option<&ManagedDevice>) -> Entry<'a> {
    let entry = entry.reason("dry_run");
    match found {
        Some(device) => entry.target(&Target::of(device)).returned(1),
        None => entry.returned(0),
    }
}

impl Inner {
    fn obstacle(
        &self,
        context: &InvocationContext,
        action: &DeviceAction,
        device: &ManagedDevice,
    ) -> Result<(), OperationErrorKind> {
        let operation = action.operation();
        self.may_act(context, operation)?;
        if self.actions.is_none() {
            return Err(OperationErrorKind::OperationsOff);
        }
        if self.is_forbidden(context, action, device) {
            return Err(OperationErrorKind::OwnDevice);
        }
        if self.ceremonies.is_none() && self.needs_ceremony(context, operation) {
            let nobody = CeremonyRefusal::Unavailable;
            return Err(OperationErrorKind::CeremonyRefused(nobody));
        }
        if operation.capability() == Capability::Mutate {
            let left = self.ledger.check(context.principal());
            left.map_err(OperationErrorKind::BudgetExhausted)?;
        }
        Ok(())
    }
}
