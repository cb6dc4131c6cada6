//! Managed devices as an operator sees them.

mod managed_device;
mod open_enums;

pub use managed_device::ManagedDevice;
pub use open_enums::{ManagedDeviceOwnerType, ManagementAgent, ManagementState};
