//! Ports: what this domain asks of the world.

mod compliance_source;
mod device_directory;

#[cfg(feature = "test-util")]
pub use compliance_source::MockComplianceSource;
pub use compliance_source::{ComplianceSource, Freshness, Invalidation};
#[cfg(feature = "test-util")]
pub use device_directory::MockDeviceDirectory;
pub use device_directory::{Cursor, DeviceDirectory, DeviceQuery, Page};
