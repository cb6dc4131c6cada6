//! Ports: what this domain asks of the world.

mod approvals;
mod ceremonies;
mod compliance_source;
mod device_actions;
mod device_directory;

pub use approvals::Approvals;
pub use ceremonies::Ceremonies;
#[cfg(feature = "test-util")]
pub use ceremonies::MockCeremonies;

#[cfg(feature = "test-util")]
pub use compliance_source::MockComplianceSource;
pub use compliance_source::{ComplianceSource, Freshness, Invalidation};
pub use device_actions::DeviceActions;
#[cfg(feature = "test-util")]
pub use device_actions::MockDeviceActions;
#[cfg(feature = "test-util")]
pub use device_directory::MockDeviceDirectory;
pub use device_directory::{Cursor, DeviceDirectory, DeviceQuery, Page};
