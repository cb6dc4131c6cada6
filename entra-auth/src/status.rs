use clock::Timestamp;

use crate::{Scope, TokenErrorKind};

/// How one scope's token does: for health endpoints and dashboards.
///
/// ```
/// # fn example(client: &entra_auth::EntraClient) {
/// for status in client.status() {
///     println!("{}: until {:?}, last error {:?}", status.scope, status.expires_at, status.last_error);
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenStatus {
    /// What the token is for.
    pub scope: Scope,
    /// Whether it is a token under continuous access evaluation.
    pub continuous_access_evaluation: bool,
    /// When the token that is served ends. `None` if there is none.
    pub expires_at: Option<Timestamp>,
    /// When a token was last obtained.
    pub refreshed_at: Option<Timestamp>,
    /// When the background will next ask for one. `None` while it does, or if there has been none.
    pub refresh_at: Option<Timestamp>,
    /// How the attempts since then have failed, if they have.
    pub last_error: Option<TokenErrorKind>,
    /// When the last of them failed.
    pub failed_at: Option<Timestamp>,
}
