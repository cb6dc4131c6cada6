use std::fmt::Debug;

use async_trait::async_trait;

use crate::{AccessToken, Scope, TokenError};

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

    /// Forgets `rejected`, which an API answered with 401, so that the next caller gets a new one.
    ///
    /// Has no effect if the cache holds another token by now: a late 401 must not throw that away.
    fn invalidate(&self, scope: &Scope, rejected: &AccessToken);
}
