/// The kinds of [`TokenError`](crate::TokenError).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The credential is wrong. Permanent, until someone corrects it.
    InvalidCredential,
    /// The credential was right once, and has expired. Permanent, until someone renews it.
    ExpiredCredential,
    /// The credential's file, source or callback had none to give. Transient.
    CredentialUnavailable,
    /// No such tenant in this cloud. Permanent.
    UnknownTenant,
    /// The tenant is in another of Microsoft's clouds. Permanent.
    WrongCloud,
    /// The tenant doesn't know the application, or has disabled it. Permanent, until consent.
    UnknownApplication,
    /// The scope's resource doesn't exist in the tenant, or isn't one `<resource>/.default`. Permanent.
    InvalidScope,
    /// A policy of the tenant, such as Conditional Access, denies the application. Permanent, until it is changed.
    DeniedByPolicy,
    /// The request or its address is wrong: a redirect, a parameter, an endpoint not for everybody. Permanent.
    Configuration,
    /// Entra ID asks for fewer requests. Transient; see [`TokenError::retry_after`](crate::TokenError::retry_after).
    Throttled,
    /// Entra ID can't be reached, or can't answer now. Transient.
    Unavailable,
    /// No complete answer in time. Transient.
    TimedOut,
    /// An answer that is no answer of a token endpoint. Permanent, until the address is corrected.
    MalformedAnswer,
    /// Refused for another reason. Permanent.
    Refused,
    /// The client already holds tokens for as many scopes as it will. Permanent.
    TooManyScopes,
    /// New tokens don't live as long as was asked. Permanent, until the tenant's policy changes.
    TooShortLived,
}

impl TokenErrorKind {
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::InvalidCredential => {
                "the credential was rejected: check that it belongs to this application"
            }
            Self::ExpiredCredential => "the credential has expired: create a new one",
            Self::CredentialUnavailable => "the credential can't be had now",
            Self::UnknownTenant => "the tenant does not exist: check its name and the cloud",
            Self::WrongCloud => "the tenant is in another cloud: check the cloud or the authority",
            Self::UnknownApplication => {
                "the tenant does not know the application, or has disabled it: check the client ID"
            }
            Self::InvalidScope => "the scope names no resource of the tenant",
            Self::DeniedByPolicy => {
                "a policy of the tenant denies it: see the sign-in log of service principals"
            }
            Self::Configuration => "the token request is wrong: check the authority's address",
            Self::Throttled => "Entra ID asks for fewer requests: wait and try again",
            Self::Unavailable => "Entra ID can't be reached or can't answer now: try again later",
            Self::TimedOut => "Entra ID did not answer in time: try again later",
            Self::MalformedAnswer => {
                "the answer is not one of a token endpoint: check the authority's address"
            }
            Self::Refused => "Entra ID refused the token request",
            Self::TooManyScopes => {
                "too many scopes for one client: drop some, or use another client"
            }
            Self::TooShortLived => {
                "new tokens live shorter than was asked: ask for less, or change the tenant's policy"
            }
        }
    }
}
