#![doc = include_str!("../README.md")]

mod cache;
mod caught;
mod config;
mod counters;
mod decide;
mod decision;
mod gate;
mod identity;
#[cfg(feature = "tower")]
mod layer;
mod policy;
mod record;
mod replay;

pub use cache::{CacheBuilder, CacheCounters, CachedCompliance};
pub use config::GateConfig;
pub use counters::{Decided, GateCounters, LookUps};
pub use decide::{Answer, Asker, DeviceOf, Step, Verdict, decide};
pub use decision::{Decision, DecisionId, Evidence, HttpAnswer, Outcome, Reason, UnknownReason};
pub use gate::{BuildError, Gate, GateBuilder, GateRequest, ReloadError, ReloadOrigin, Reloaded};
pub use identity::{Claim, Confirmation, DeviceIdentity, IdentityRules, IssuerRule, TokenClaims};
#[cfg(feature = "tower")]
pub use layer::{
    GateLayer, GateService, GrpcRefusals, JsonRefusals, Refusal, Refuse, VerifiedCaller,
};
pub use policy::{
    BreakGlass, BreakGlassError, Delegates, EffectivePolicy, Explained, Explanation, Grace, Layer,
    Mode, OnAuditFailure, OnOutage, Overrides, Policies, PoliciesBuilder, Policy, PolicyError,
    PolicyFile, PolicyLayer, PolicyWarning, Provenance, Setting, UnknownTemplates,
};
pub use record::Unwritten;
pub use replay::{Missing, Replayed, Ruling, replay};
