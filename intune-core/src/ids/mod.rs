//! Identifiers as types: a device's two ids are never confused with each other or with text.

mod accord_template;
mod authorization_context;
mod guid;
mod uuids;

pub use accord_template::AccordTemplate;
pub use authorization_context::AuthorizationContextId;
pub use guid::{EntraDeviceId, ManagedDeviceId, UserId};
pub use uuids::{CeremonyId, InvocationId};

/// A text that is not an identifier of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expected}")]
pub struct ParseIdError {
    expected: &'static str,
}
