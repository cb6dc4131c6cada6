//! What a caller was given leave to do, and who the caller is.

mod context;
mod rule;
mod scope;
mod template;

use serde::{Deserialize, Deserializer};

pub use context::InvocationContext;
pub use rule::{CeremonyRule, ParseCeremonyRuleError};
pub use scope::{DelegationError, DelegationScope};
pub use template::ScopeTemplate;

/// Reads a value that is there: a `null` where a list was meant would else allow everything.
fn given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}
