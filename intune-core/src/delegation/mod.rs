//! What a caller was given leave to do, and who the caller is.

mod context;
mod scope;

pub use context::InvocationContext;
pub use scope::{CeremonyRule, DelegationScope, ParseCeremonyRuleError};
