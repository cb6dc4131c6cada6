//! What can be done to a device, and what came of it.

mod device_action;
mod outcome;
mod target;
mod unlock_code;
mod wipe_options;

pub use device_action::{DeviceAction, ParametersDigest};
pub use outcome::{Acceptance, ActionOutcome};
pub use target::Target;
pub use unlock_code::{MacOsUnlockCode, ParseUnlockCodeError};
pub use wipe_options::WipeOptions;
