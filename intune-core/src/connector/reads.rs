use std::future::Future;

use super::{Entry, Inner, IntuneConnector, OperationError, OperationErrorKind};
use crate::{
    CeremonyRefusal, Cursor, DeviceQuery, EntraDeviceId, Finding, Freshness, InvocationContext,
    InvocationId, ManagedDevice, ManagedDeviceId, Observation, Operation, Page, SourceFailure,
};

impl IntuneConnector {
    /// Lists one page of the devices that match. Takes `READ`; leaves a record per page.
    ///
    /// # Errors
    ///
    /// [`OperationError`], if the scope doesn't allow it, the devices can't be read, or the reading can't be
    /// recorded.
    ///
    /// # Cancel safety
    ///
    /// Devices may have been read without a record; nobody has seen them then.
    pub async fn list_devices(
        &self,
        context: &InvocationContext,
        query: &DeviceQuery,
        cursor: Option<Cursor>,
    ) -> Result<Page<ManagedDevice>, OperationError> {
        let inner = &self.inner;
        let read = Read::new(inner, context, Operation::ListDevices);
        read.carry_out(
            || inner.directory.page(query, cursor),
            |entry, page| entry.returned(page.items.len()),
        )
        .await
    }

    /// Reads the device with this Intune id; `None` if there is none. Takes `READ`.
    ///
    /// # Errors
    ///
    /// As [`list_devices`](Self::list_devices).
    ///
    /// # Cancel safety
    ///
    /// As [`list_devices`](Self::list_devices).
    pub async fn get_device(
        &self,
        context: &InvocationContext,
        id: ManagedDeviceId,
    ) -> Result<Option<ManagedDevice>, OperationError> {
        let inner = &self.inner;
        let read = Read::new(inner, context, Operation::GetDevice);
        let read = read.of(|entry| entry.device(id, None));
        read.carry_out(
            || inner.device(id),
            |entry, found| match found {
                Some(device) => entry.device(id, device.azure_ad_device_id).returned(1),
                None => entry.returned(0),
            },
        )
        .await
    }

    /// Finds out about a device's compliance, from the cache where that is fresh enough. Takes `READ`.
    ///
    /// # Errors
    ///
    /// As [`list_devices`](Self::list_devices). That no record has the id is an observation, not an error.
    ///
    /// # Cancel safety
    ///
    /// As [`list_devices`](Self::list_devices).
    pub async fn get_compliance(
        &self,
        context: &InvocationContext,
        device: EntraDeviceId,
    ) -> Result<Observation, OperationError> {
        let inner = &self.inner;
        let read = Read::new(inner, context, Operation::GetCompliance);
        let read = read.of(|entry| entry.entra_device(device));
        let freshness = Freshness {
            now: inner.clock.now(),
            max_age: inner.max_age,
        };
        read.carry_out(
            || inner.compliance.compliance(device, freshness),
            |entry, observation| match observation.finding {
                Finding::Device(found) => entry
                    .device(found.managed_device_id, Some(device))
                    .returned(1),
                Finding::Conflicting { .. } => entry.returned(1),
                Finding::NotFound => entry.returned(0),
            },
        )
        .await
    }
}

/// An invocation that changes nothing.
pub(super) struct Read<'a> {
    inner: &'a Inner,
    context: &'a InvocationContext,
    invocation: InvocationId,
    operation: Operation,
    entry: Entry<'a>,
}

impl<'a> Read<'a> {
    pub(super) fn new(
        inner: &'a Inner,
        context: &'a InvocationContext,
        operation: Operation,
    ) -> Self {
        let invocation = InvocationId::generate(inner.clock.now().wall);
        Self {
            inner,
            context,
            invocation,
            operation,
            entry: Entry::new(context, invocation, operation),
        }
    }

    pub(super) const fn invocation(&self) -> InvocationId {
        self.invocation
    }

    /// Says in the record what it is of.
    pub(super) fn of(self, describe: impl FnOnce(Entry<'a>) -> Entry<'a>) -> Self {
        Self {
            entry: describe(self.entry),
            ..self
        }
    }

    /// Reads, if the scope allows it, and hands out what was read once that is on record.
    pub(super) async fn carry_out<T, F: Future<Output = Result<T, SourceFailure>>>(
        self,
        read: impl FnOnce() -> F,
        describe: impl FnOnce(Entry<'a>, &T) -> Entry<'a>,
    ) -> Result<T, OperationError> {
        let Self {
            inner,
            context,
            invocation,
            operation,
            entry,
        } = self;
        let allowed = inner.within_scope(context, operation).and_then(|()| {
            // Nobody can be asked to approve a read, and what its scope asks for can't be passed over.
            match context.scope().requires_ceremony(operation) {
                true => Err(OperationErrorKind::CeremonyRefused(
                    CeremonyRefusal::ReadOnly,
                )),
                false => Ok(()),
            }
        });
        if let Err(kind) = allowed {
            return Err(inner.refuse(invocation, entry, kind).await);
        }
        let began = inner.clock.now();
        let answer = inner.bounded.wait_for(read).await;
        let answer = answer.unwrap_or_else(|lost| Err(lost.into()));
        let now = inner.clock.now();
        let took = millis(now.monotonic.since(began.monotonic));
        let entry = match &answer {
            Ok(read) => describe(entry.outcome(took, "succeeded"), read),
            Err(failure) => entry.outcome(took, "rejected").failed(failure),
        };
        let recorded = inner.recorder.append(entry, now.wall).await;
        let kind = match (answer, recorded) {
            (Ok(read), Ok(())) => return Ok(read),
            (Err(failure), Ok(())) => OperationErrorKind::SourceFailed(failure),
            // A failure, too: it may carry the last observation.
            (_, Err(_)) => OperationErrorKind::AuditUnavailable,
        };
        Err(OperationError { invocation, kind })
    }
}

/// A duration as records have it.
pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
