//! Approvals: what is asked for, what is given, why one doesn't count.

mod approver;
mod decision;
mod in_memory;
mod kept;
mod refusal;
mod request;
mod rule;

pub use approver::Approver;
pub use decision::{CeremonyVote, DecideError, PendingCeremony};
pub use in_memory::InMemoryCeremonies;
pub use refusal::{CeremonyRefusal, Mismatch};
pub use request::{Approval, CeremonyRequest, OpenCeremony};
pub use rule::{ApprovalRule, AsTokensSay, People};
