use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    ComplianceSource, DeviceDirectory, EntraDeviceId, Freshness, Observation, SourceFailure,
    resolve_records,
};

/// The live source: reads all records of a device from a directory and lets them decide together.
///
/// It keeps nothing, so it has nothing to forget; put a cache around it.
#[derive(Clone, Debug)]
pub struct DirectoryCompliance {
    directory: Arc<dyn DeviceDirectory>,
}

impl DirectoryCompliance {
    /// Makes a source that reads `directory`.
    #[must_use]
    pub fn new(directory: Arc<dyn DeviceDirectory>) -> Self {
        Self { directory }
    }
}

#[async_trait]
impl ComplianceSource for DirectoryCompliance {
    async fn compliance(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        let records = self.directory.records(device).await?;
        let finding = resolve_records(device, &records, freshness.now.wall);
        // The asker's present is no later than the start of the request, so no age is understated.
        Ok(Observation::live(freshness.now, finding))
    }
}
