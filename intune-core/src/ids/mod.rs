//! Identifiers as types: a device's two ids are never confused with each other or with text.

mod accord_template;
mod guid;

pub use accord_template::AccordTemplate;
pub use guid::{EntraDeviceId, ManagedDeviceId, UserId};

/// A text that is not an identifier of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expected}")]
pub struct ParseIdError {
    expected: &'static str,
}
