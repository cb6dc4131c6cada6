use std::fmt::Debug;

use async_trait::async_trait;

use crate::{ActionOutcome, DeviceAction, InvocationId, Target};

/// The power to act on devices. Held by the [`IntuneConnector`](crate::IntuneConnector), which asks for
/// leave first; who holds it otherwise is ungoverned.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait DeviceActions: Debug + Send + Sync {
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
