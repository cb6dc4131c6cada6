//! Approvals: what is asked for, what is given, why one doesn't count.

mod in_memory;
mod refusal;
mod request;

pub use in_memory::{DecideError, InMemoryCeremonies, PendingCeremony};
pub use refusal::{CeremonyRefusal, Mismatch};
pub use request::{Approval, CeremonyRequest, OpenCeremony};
