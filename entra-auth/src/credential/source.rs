use std::{error::Error, fmt::Debug};

use async_trait::async_trait;

use crate::{Credential, TokenError};

/// Where a client's credential comes from, if it can be replaced while the client runs.
///
/// ```
/// use std::{error::Error, path::PathBuf};
///
/// use async_trait::async_trait;
/// use entra_auth::{Credential, CredentialSource, TokenError};
///
/// /// A secret that something else writes anew before it expires.
/// #[derive(Debug)]
/// struct SecretFile(PathBuf);
///
/// #[async_trait]
/// impl CredentialSource for SecretFile {
///     async fn credential(
///         &self,
///         _rejected: Option<&TokenError>,
///     ) -> Result<Credential, Box<dyn Error + Send + Sync>> {
///         let text = std::fs::read_to_string(&self.0)?;
///         Ok(Credential::secret(text.trim_end().into()))
///     }
/// }
/// ```
#[async_trait]
pub trait CredentialSource: Debug + Send + Sync {
    /// The credential for the next token request, of any kind but another source.
    ///
    /// Asked before each token request, which are rare. If Entra ID refuses the credential as invalid, it is
    /// asked once more with the refusal as `rejected`.
    ///
    /// # Errors
    ///
    /// If there is none now. The error becomes the source of a [`TokenError`] of the kind
    /// [`CredentialUnavailable`](crate::TokenErrorKind::CredentialUnavailable), so it must not show a secret.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the last caller that waits for the token goes away.
    async fn credential(
        &self,
        rejected: Option<&TokenError>,
    ) -> Result<Credential, Box<dyn Error + Send + Sync>>;
}
