#![doc = include_str!("../README.md")]

mod compliance_state;
mod device;
mod directory_compliance;
mod failure;
mod ids;
mod observation;
mod operation;
mod ports;
mod principal;
mod records;

pub use compliance_state::{ComplianceState, UnrecognizedState};
pub use device::{ManagedDevice, ManagedDeviceOwnerType, ManagementAgent, ManagementState};
pub use directory_compliance::DirectoryCompliance;
pub use failure::{SourceFailure, SourceFailureKind};
pub use ids::{AccordTemplate, EntraDeviceId, ManagedDeviceId, ParseIdError, UserId};
pub use observation::{DeviceCompliance, Finding, Observation, Served};
pub use operation::{Capability, Operation, ParseOperationError};
pub use ports::{
    ComplianceSource, Cursor, DeviceDirectory, DeviceQuery, Freshness, Invalidation, Page,
};
#[cfg(feature = "test-util")]
pub use ports::{MockComplianceSource, MockDeviceDirectory};
pub use principal::Principal;
pub use records::resolve_records;
