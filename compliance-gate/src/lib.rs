#![doc = include_str!("../README.md")]

mod cache;
mod caught;
mod config;
mod decide;
mod decision;
mod gate;
mod identity;
mod policy;
mod record;

pub use cache::{CacheBuilder, CacheCounters, CachedCompliance};
pub use config::GateConfig;
pub use decide::{Answer, Asker, Step, Verdict, decide};
pub use decision::{Decision, DecisionId, Evidence, Outcome, Reason};
pub use gate::{BuildError, Gate, GateBuilder, GateRequest};
pub use identity::{Claim, DeviceIdentity, IdentityRules, IssuerRule, TokenClaims};
pub use policy::{
    Conditions, EffectivePolicy, Grace, Layer, Mode, OnAuditFailure, OnOutage, Overrides, Policies,
    PoliciesBuilder, Policy, PolicyError, PolicyFile, PolicyLayer, Provenance, UnknownTemplates,
};
