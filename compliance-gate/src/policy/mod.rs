//! What is required, where: settings in layers, and what they come to for an accord template.

mod break_glass;
mod builder;
mod effective;
mod error;
mod explain;
mod file;
mod held;
mod layer;
mod policies;
mod settings;
mod tighter;
mod values;
mod warnings;

pub use break_glass::{BreakGlass, BreakGlassError};
pub use builder::{Overrides, PoliciesBuilder, UnknownTemplates};
pub use effective::EffectivePolicy;
pub use error::PolicyError;
pub use explain::{Explained, Explanation};
pub use file::PolicyFile;
pub(crate) use held::Held;
pub use layer::Layer;
pub use policies::Policies;
pub use settings::{Policy, PolicyLayer, Provenance, Setting};
pub use values::{Delegates, Grace, Mode, OnAuditFailure, OnOutage};
pub use warnings::PolicyWarning;
