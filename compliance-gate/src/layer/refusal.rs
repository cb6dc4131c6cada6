use http::Response;

use crate::Decision;

/// Why a request doesn't reach the service.
#[derive(Clone, Copy, Debug)]
pub enum Refusal<'a> {
    /// The gate denies it.
    Denied(&'a Decision),
    /// It has no [`VerifiedCaller`](super::VerifiedCaller): the host's authentication didn't run first, or lets
    /// requests pass that it knows nothing of. That is the host's fault, not the caller's.
    NoCaller,
    /// No accord template is named for it.
    NoTemplate,
}

/// Makes the answers to refused requests, with bodies of type `B`; closures do too.
pub trait Refuse<B> {
    /// The answer to a request that is refused.
    fn refuse(&self, refusal: Refusal<'_>) -> Response<B>;
}

impl<B, F: Fn(Refusal<'_>) -> Response<B>> Refuse<B> for F {
    fn refuse(&self, refusal: Refusal<'_>) -> Response<B> {
        self(refusal)
    }
}
