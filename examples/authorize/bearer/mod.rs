//! Bearer tokens of trusted issuers: their signature, and what they claim.

mod agent;
mod approver;
mod delegator;
mod discovery;
mod issuer;
mod keys;
mod verifier;

pub use issuer::{IssuerSpec, ParseIssuerError, Preset};
pub use verifier::{Rejection, VerifiedToken, Verifier};
