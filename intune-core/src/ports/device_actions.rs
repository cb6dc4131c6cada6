use std::fmt::Debug;

use async_trait::async_trait;

use crate::{ActionOutcome, DeviceAction, InvocationId, SourceFailure, Target};

/// The power to act on devices. Held by the [`IntuneConnector`](crate::IntuneConnector), which asks for
/// leave first; who holds it otherwise is ungoverned.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait DeviceActions: Debug + Send + Sync {
    /// Waits until the action could be sent, if that isn't long: before an approval is used up for it.
    ///
    /// # Errors
    ///
    /// What stands in its way: no token, a pause that the service asked for, a budget of requests.
    ///
    /// # Cancel safety
    ///
    /// Without effect at the service.
    async fn ready(&self, _action: &DeviceAction) -> Result<(), SourceFailure> {
        Ok(())
    }

    /// Asks the service for the action, once. An implementation never sends a request twice.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the answer up. The service may have received the request: the outcome is
    /// [unknown](ActionOutcome::Unknown) then.
    async fn perform(
        &self,
        action: &DeviceAction,
        target: &Target,
        invocation: InvocationId,
    ) -> ActionOutcome;
}
