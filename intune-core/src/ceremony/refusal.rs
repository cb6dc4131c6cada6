use std::fmt;

/// Why a ceremony doesn't count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CeremonyRefusal {
    /// There is none of that id, or it isn't the caller's.
    NotFound,
    /// Nobody has decided yet.
    Pending,
    /// Somebody said no.
    Denied,
    /// It was not used in time.
    Expired,
    /// It was used already.
    Consumed,
    /// It approves something else.
    Mismatch(Mismatch),
    /// What was given for an approval is none: of another ceremony, by nobody, or by the requester.
    Invalid,
    /// It is asked for an operation that only reads, which nobody can approve.
    ReadOnly,
    /// Too many are open, of this requester or at all.
    TooMany,
    /// It can't be told: nobody keeps ceremonies, or they can't be reached.
    Unavailable,
}

/// In what a request differs from the one that a ceremony is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mismatch {
    /// Somebody else asks, or through another agent.
    Requester,
    /// Another operation.
    Operation,
    /// Another device, or another tenant's.
    Device,
    /// The device has another user by now, or another management state.
    DeviceChanged,
    /// Other parameters.
    Parameters,
    /// Another Authorization Context, or another accord.
    AuthorizationContext,
}

impl CeremonyRefusal {
    /// The name used in records, such as `ceremony_pending`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "ceremony_not_found",
            Self::Pending => "ceremony_pending",
            Self::Denied => "ceremony_denied",
            Self::Expired => "ceremony_expired",
            Self::Consumed => "ceremony_consumed",
            Self::Mismatch(Mismatch::Requester) => "ceremony_for_another_requester",
            Self::Mismatch(Mismatch::Operation) => "ceremony_for_another_operation",
            Self::Mismatch(Mismatch::Device) => "ceremony_for_another_device",
            Self::Mismatch(Mismatch::DeviceChanged) => "device_changed_since_ceremony",
            Self::Mismatch(Mismatch::Parameters) => "ceremony_for_other_parameters",
            Self::Mismatch(Mismatch::AuthorizationContext) => {
                "ceremony_for_another_authorization_context"
            }
            Self::Invalid => "ceremony_invalid",
            Self::ReadOnly => "ceremony_not_for_reads",
            Self::TooMany => "too_many_ceremonies",
            Self::Unavailable => "ceremonies_unavailable",
        }
    }

    /// Whether the same ceremony may count later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Pending | Self::TooMany | Self::Unavailable)
    }
}

impl fmt::Display for CeremonyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "there is no such ceremony of this caller",
            Self::Pending => "the ceremony waits for its approver",
            Self::Denied => "the approver said no",
            Self::Expired => "the ceremony has expired: try without it to open another",
            Self::Consumed => "the ceremony was used already: try without it to open another",
            Self::Mismatch(Mismatch::Requester) => "the ceremony is another requester's",
            Self::Mismatch(Mismatch::Operation) => "the ceremony is for another operation",
            Self::Mismatch(Mismatch::Device) => "the ceremony is for another device",
            Self::Mismatch(Mismatch::DeviceChanged) => {
                "the device has another user or management state than when the approval was asked \
                 for: try without the ceremony to ask again"
            }
            Self::Mismatch(Mismatch::Parameters) => "the ceremony is for other parameters",
            Self::Mismatch(Mismatch::AuthorizationContext) => {
                "the ceremony was opened under another Authorization Context"
            }
            Self::Invalid => "what was given for an approval is none",
            Self::ReadOnly => {
                "nobody can approve an operation that only reads: take it out of \
                 `ceremony_required_for`, or its capability out of the scope"
            }
            Self::TooMany => "too many ceremonies are open: let some be decided first",
            Self::Unavailable => "ceremonies can't be had now",
        })
    }
}

impl std::error::Error for CeremonyRefusal {}
