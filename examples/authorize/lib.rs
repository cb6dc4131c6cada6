//! The reference host: a service that issues Authorization Contexts, gated on the compliance of the device
//! behind each request.
//!
//! One request, from token to decision, in the order in which it passes through:
//!
//! 1. [`routes`]: the HTTP surface;
//! 2. [`bearer`]: is the token one of an issuer that is trusted, and whose is it;
//! 3. `compliance_gate::IdentityRules`: which device does it name;
//! 4. `compliance_gate::Gate`: may authority be issued (policy, cache, look-up by way of `intune_core` and
//!    `intune_graph`, record);
//! 5. [`ac`]: the Authorization Context that is issued.
//!
//! Who has one can use the tools for agents ([`mcp`]), and may need others to approve ([`ceremonies`]).
//!
//! [`setup`] puts all that together at the start, and [`scenario`] walks it through every case.

pub mod ac;
pub mod args;
mod background;
pub mod bearer;
pub mod ceremonies;
pub mod host;
pub mod mcp;
pub mod routes;
pub mod scenario;
pub mod setup;
pub mod watched;

/// The workspace's README, whose example must compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct WorkspaceReadme;
