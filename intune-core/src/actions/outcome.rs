use crate::{SourceFailure, failure::printable};

/// What came of an action that was tried once. None of them says that the device did anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionOutcome {
    /// The service took the request. The device acts when it next checks in, if ever.
    Accepted(Acceptance),
    /// The service refused, or was never reached: certainly not done.
    Rejected(SourceFailure),
    /// The service may have received the request, and its answer is lost or says nothing. Look at the device
    /// before trying again.
    Unknown(SourceFailure),
}

impl ActionOutcome {
    /// The name used in records: `accepted`, `rejected`, `unknown`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Rejected(_) => "rejected",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Whether the service may act on the request.
    #[must_use]
    pub const fn may_take_effect(&self) -> bool {
        matches!(self, Self::Accepted(_) | Self::Unknown(_))
    }

    /// Why it wasn't accepted, if it wasn't.
    #[must_use]
    pub const fn failure(&self) -> Option<&SourceFailure> {
        match self {
            Self::Accepted(_) => None,
            Self::Rejected(failure) | Self::Unknown(failure) => Some(failure),
        }
    }
}

/// The service's word that it took a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Acceptance {
    /// The HTTP status, usually 204.
    pub status: Option<u16>,
    /// The service's id of the request.
    pub request_id: Option<String>,
}

impl Acceptance {
    /// An acceptance with this status and id.
    #[must_use]
    pub fn new(status: Option<u16>, request_id: Option<&str>) -> Self {
        Self {
            status,
            request_id: request_id.map(|id| printable(id).as_ref().to_owned()),
        }
    }
}
