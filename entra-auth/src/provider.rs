use std::fmt::Debug;

use async_trait::async_trait;

use crate::{AccessToken, ClaimsChallenge, Scope, TokenError};

/// Where access tokens come from: [`EntraClient`](crate::EntraClient), or a host's own source.
///
/// An API client holds an `Arc<dyn TokenProvider>`, asks for a token at each request, and reports a
/// token that the API rejected.
#[async_trait]
pub trait TokenProvider: Debug + Send + Sync {
    /// A token for `scope` that has not expired, from a cache where possible.
    ///
    /// # Errors
    ///
    /// If no token can be had; [`TokenError::is_transient`] says whether trying later may help.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on other callers.
    async fn token(&self, scope: &Scope) -> Result<AccessToken, TokenError>;

    /// The token that [`token`](Self::token) would return without waiting, if there is one.
    ///
    /// For hot paths: the future of an async trait is allocated, and this isn't. None by default.
    fn peek(&self, scope: &Scope) -> Option<AccessToken> {
        let _ = scope;
        None
    }

    /// Forgets `rejected`, which an API answered with 401, so that the next caller gets a new one.
    ///
    /// Has no effect if the cache holds another token by now: a late 401 must not throw that away.
    fn invalidate(&self, scope: &Scope, rejected: &AccessToken);

    /// A token in place of `rejected`, which an API answered with 401 and this challenge.
    ///
    /// Send the API's request once more with it; a second challenge is a refusal. By default, the challenge is
    /// not passed on: `rejected` is forgotten, and another token asked for.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token).
    ///
    /// # Cancel safety
    ///
    /// As [`token`](Self::token).
    async fn token_for_challenge(
        &self,
        scope: &Scope,
        rejected: &AccessToken,
        challenge: &ClaimsChallenge,
    ) -> Result<AccessToken, TokenError> {
        let _ = challenge;
        self.invalidate(scope, rejected);
        self.token(scope).await
    }
}
