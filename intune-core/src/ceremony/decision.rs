use std::num::NonZeroU8;

use crate::{CeremonyRequest, OpenCeremony, Principal};

/// A ceremony as its approvers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingCeremony {
    /// Its id and expiry.
    pub ceremony: OpenCeremony,
    /// What is to be approved.
    pub request: CeremonyRequest,
    /// What was said so far.
    pub votes: Vec<CeremonyVote>,
    /// How many different people must approve.
    pub needed: NonZeroU8,
}

impl PendingCeremony {
    /// A ceremony about which nobody has said anything.
    #[must_use]
    pub const fn new(ceremony: OpenCeremony, request: CeremonyRequest, needed: NonZeroU8) -> Self {
        Self {
            ceremony,
            request,
            votes: Vec::new(),
            needed,
        }
    }
}

/// What somebody said about a ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CeremonyVote {
    /// Who.
    pub by: Principal,
    /// Yes, or no.
    pub approves: bool,
    /// Why, in their own words. For people to read: show it as text only, and keep it out of records.
    pub reason: String,
}

impl CeremonyVote {
    /// Somebody's yes or no.
    #[must_use]
    pub fn new(by: Principal, approves: bool, reason: impl Into<String>) -> Self {
        Self {
            by,
            approves,
            reason: reason.into(),
        }
    }
}

/// Why a decision about a ceremony wasn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecideError {
    /// There is none of that id, or it has expired.
    #[error("there is no such ceremony, or it has expired")]
    NotFound,
    /// Somebody has decided.
    #[error("the ceremony was decided already")]
    Decided,
    /// Who asks can't approve.
    #[error("the requester can't decide: ask somebody else")]
    Requester,
    /// An agent can't approve, on whosever behalf.
    #[error("an agent can't decide: only a person, by themselves")]
    Delegate,
    /// An application can't approve.
    #[error("an application can't decide: only a person, signed in as themselves")]
    Application,
    /// Somebody whom the rule doesn't name.
    #[error("this person may not decide: they lack the role, or are of another issuer")]
    NotApprover,
    /// They signed in too long ago, by their token.
    #[error("sign in again: the decision takes a recent authentication")]
    AuthenticationTooOld,
    /// Ceremonies can't be had now.
    #[error("ceremonies can't be had now")]
    Unavailable,
}

impl DecideError {
    /// The name used in answers and records, such as `requester_cannot_decide`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "ceremony_not_found",
            Self::Decided => "ceremony_decided",
            Self::Requester => "requester_cannot_decide",
            Self::Delegate => "delegate_cannot_decide",
            Self::Application => "application_cannot_decide",
            Self::NotApprover => "not_an_approver",
            Self::AuthenticationTooOld => "authentication_too_old",
            Self::Unavailable => "ceremonies_unavailable",
        }
    }
}
