//! What is required, where: settings in layers, and what they come to for an accord template.

mod conditions;
mod file;
mod layer;
mod policies;

pub use conditions::{Conditions, Grace, OnAuditFailure, OnOutage};
pub use file::PolicyFile;
pub use layer::{Layer, Mode, Policy, PolicyLayer, Provenance};
pub use policies::{
    EffectivePolicy, Overrides, Policies, PoliciesBuilder, PolicyError, UnknownTemplates,
};
