use std::time::Duration;

/// What a caller needs of one token beyond that it lives.
///
/// ```
/// # async fn example(client: entra_auth::EntraClient) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use entra_auth::TokenOptions;
///
/// let scope = "https://graph.microsoft.com/.default".parse()?;
/// // For a long upload, which takes no other token midway.
/// let options = TokenOptions::new().min_remaining(Duration::from_secs(45 * 60));
/// let token = client.token_with(&scope, options).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct TokenOptions {
    pub(crate) min_remaining: Duration,
}

impl TokenOptions {
    /// Nothing beyond.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the token must at least live on. A cached one that doesn't is replaced.
    ///
    /// Entra ID decides how long tokens live, by default a random 60 to 90 minutes.
    pub const fn min_remaining(mut self, remaining: Duration) -> Self {
        self.min_remaining = remaining;
        self
    }
}
