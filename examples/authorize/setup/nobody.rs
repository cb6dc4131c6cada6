//! A source for a gate that is off.

use async_trait::async_trait;
use intune_core::{
    ComplianceSource, EntraDeviceId, Freshness, Observation, SourceFailure, SourceFailureKind,
};

/// Knows of no device, and says so.
#[derive(Debug)]
pub(super) struct Nobody;

#[async_trait]
impl ComplianceSource for Nobody {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        _: Freshness,
    ) -> Result<Observation, SourceFailure> {
        Err(SourceFailure::new(SourceFailureKind::Unavailable))
    }
}
