use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use clock::Moment;

use crate::{EntraDeviceId, ManagedDeviceId, Observation, SourceFailure};

/// Where the compliance of devices is known.
///
/// Caches, batchers and snapshots are decorators: they implement the port around another source. Deny
/// `clippy::missing_trait_methods` on such an implementation, so that it forgets no method.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait ComplianceSource: Debug + Send + Sync {
    /// Finds out about a device, no older than `freshness` allows.
    ///
    /// # Errors
    ///
    /// A [`SourceFailure`] if the source can't tell. That no record has the id is an observation, not a
    /// failure.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up waiting. Others who wait for the same look-up are not disturbed.
    async fn compliance(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure>;

    /// What is at hand without waiting, for hot paths.
    fn peek(&self, _device: EntraDeviceId, _freshness: Freshness) -> Option<Observation> {
        None
    }

    /// Finds out about several devices; answers are in the order of `devices`.
    ///
    /// # Cancel safety
    ///
    /// As [`compliance`](Self::compliance).
    async fn compliance_many(
        &self,
        devices: &[EntraDeviceId],
        freshness: Freshness,
    ) -> Vec<Result<Observation, SourceFailure>> {
        let mut answers = Vec::with_capacity(devices.len());
        for &device in devices {
            answers.push(self.compliance(device, freshness).await);
        }
        answers
    }

    /// Forgets what is known, and voids look-ups under way: they can't bring the old state back.
    fn invalidate(&self, _what: Invalidation) {}
}

/// How old an observation may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The asker's present.
    pub now: Moment,
    /// An observation of this age or older won't do. Zero: only a live one will.
    pub max_age: Duration,
}

impl Freshness {
    /// Whether something observed at `observed_at` is fresh enough.
    #[inline]
    #[must_use]
    pub fn accepts(self, observed_at: Moment) -> bool {
        let max_age = u64::try_from(self.max_age.as_nanos()).unwrap_or(u64::MAX);
        self.now.nanos_since(observed_at) < max_age
    }
}

/// What a source must forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalidation {
    /// All about the device with this Entra id.
    Device(EntraDeviceId),
    /// All about the device with this Intune id.
    ManagedDevice(ManagedDeviceId),
    /// Everything.
    All,
}
