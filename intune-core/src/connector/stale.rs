use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{ComplianceSource, Invalidation, Target};

/// What is cached of the device, which the action makes wrong: forgotten when this is dropped, so also if the
/// caller goes away while the request is under way.
pub(super) struct Stale<'a> {
    pub(super) compliance: &'a Arc<dyn ComplianceSource>,
    pub(super) target: &'a Target,
    pub(super) is_stale: bool,
}

impl Drop for Stale<'_> {
    fn drop(&mut self) {
        if !self.is_stale {
            return;
        }
        let target = self.target;
        // Under its own id, since it may be known under several in Entra; and under the one it has there,
        // where it may be one of several records.
        let ids = [
            Some(Invalidation::ManagedDevice(target.managed_device_id)),
            target.entra_device_id.map(Invalidation::Device),
        ];
        for what in ids.into_iter().flatten() {
            // A panic while another unwinds would end the process.
            let invalidated = catch_unwind(AssertUnwindSafe(|| self.compliance.invalidate(what)));
            if invalidated.is_err() {
                tracing::error!(?what, "a compliance source panicked when told to forget");
            }
        }
    }
}
