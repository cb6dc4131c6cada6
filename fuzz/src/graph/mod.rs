//! What Graph answers.

mod device;
mod error_body;
mod next_link;
mod retry_after;

pub use device::{device, device_page};
pub use error_body::error_body;
pub use next_link::next_link;
pub use retry_after::retry_after;
