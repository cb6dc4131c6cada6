//! What an application proves its identity with, in each form that the grant allows.

mod assertion;
mod callback;
mod certificate;
mod certificate_error;
mod certificate_file;
mod file;
mod pem;
mod proof;
mod source;

use std::{
    error::Error,
    fmt,
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::SecretString;

use crate::{TokenError, TokenErrorKind};

use self::callback::Callback;
pub(crate) use self::proof::{Proof, ProofRequest};
pub use self::{
    callback::AssertionRequest, certificate::ClientCertificate,
    certificate_error::CertificateError, certificate_file::CertificateFile,
    source::CredentialSource,
};

/// What an application proves its identity with. Never shown, and wiped when dropped.
///
/// ```
/// use entra_auth::Credential;
///
/// let credential = Credential::secret("8fQ~…".into());
/// assert!(!format!("{credential:?}").contains("8fQ"));
/// ```
#[derive(Clone)]
pub struct Credential(Kind);

#[derive(Clone)]
enum Kind {
    Secret(SecretString),
    Certificate(ClientCertificate),
    TokenFile(Arc<Path>),
    Callback(Callback),
    Source(Arc<dyn CredentialSource>),
}

impl Credential {
    /// A client secret: its *value*, not the *secret ID* beside it in the portal.
    #[must_use]
    pub const fn secret(secret: SecretString) -> Self {
        Self(Kind::Secret(secret))
    }

    /// A certificate, whose key signs an assertion at every token request.
    #[must_use]
    pub const fn certificate(certificate: ClientCertificate) -> Self {
        Self(Kind::Certificate(certificate))
    }

    /// A file with another issuer's token, such as the one that Kubernetes mounts.
    ///
    /// It is read anew at every token request, since its issuer renews it, and need not exist before. White
    /// space around the token is dropped. At most 256 KiB.
    ///
    /// See [workload identity federation][federation].
    ///
    /// [federation]: https://learn.microsoft.com/entra/workload-id/workload-identity-federation
    #[must_use]
    pub fn federated_token_file(path: impl Into<PathBuf>) -> Self {
        Self(Kind::TokenFile(path.into().into()))
    }

    /// An assertion that `callback` makes anew for every token request.
    ///
    /// For keys that never leave their vault, and for tokens of other clouds. The error that it fails with
    /// becomes the source of a [`TokenError`], so it must not show a secret. Nothing else bounds its time.
    ///
    /// ```
    /// use entra_auth::{AssertionRequest, Credential};
    /// use secrecy::SecretString;
    ///
    /// # async fn sign(claims: String) -> Result<SecretString, std::io::Error> { Ok(claims.into()) }
    /// let credential = Credential::assertion(|request: AssertionRequest| {
    ///     sign(format!(
    ///         r#"{{"iss":"{id}","sub":"{id}","aud":"{audience}", …}}"#,
    ///         id = request.client_id(),
    ///         audience = request.audience(),
    ///     ))
    /// });
    /// ```
    #[must_use]
    pub fn assertion<F, Fut, E>(callback: F) -> Self
    where
        F: Fn(AssertionRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<SecretString, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self(Kind::Callback(Callback::new(callback)))
    }

    /// Whatever `source` gives at each token request, so that it can be replaced while a client runs.
    #[must_use]
    pub fn from_source(source: Arc<dyn CredentialSource>) -> Self {
        Self(Kind::Source(source))
    }

    /// What one token request is to carry.
    pub(crate) async fn proof(&self, request: ProofRequest<'_>) -> Result<Proof, TokenError> {
        match &self.0 {
            Kind::Source(source) => {
                let given = source.credential(request.rejected).await;
                given.map_err(unavailable)?.own_proof(request).await
            }
            _ => self.own_proof(request).await,
        }
    }

    async fn own_proof(&self, request: ProofRequest<'_>) -> Result<Proof, TokenError> {
        let proof = match &self.0 {
            Kind::Secret(secret) => return Ok(Proof::secret(secret.clone())),
            Kind::Certificate(certificate) => certificate.assertion(&request),
            Kind::TokenFile(path) => file::token(path).await.map_err(Into::into),
            Kind::Callback(callback) => callback.assertion(&request).await,
            Kind::Source(_) => Err(NestedSource.into()),
        };
        proof.map(Proof::assertion).map_err(unavailable)
    }

    /// Whether asking again after a refusal may give another proof that is worth trying.
    pub(crate) const fn may_change(&self) -> bool {
        match self.0 {
            Kind::Secret(_) | Kind::Certificate(_) => false,
            Kind::TokenFile(_) | Kind::Callback(_) | Kind::Source(_) => true,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a credential source must not give another source")]
struct NestedSource;

fn unavailable(cause: Box<dyn Error + Send + Sync>) -> TokenError {
    TokenError::new(TokenErrorKind::CredentialUnavailable).caused_by(cause)
}

/// Shows the kind of credential only, and of a certificate what is public.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Secret(_) => "Credential::secret(…)",
            Kind::Certificate(certificate) => {
                return write!(f, "Credential::certificate({certificate:?})");
            }
            Kind::TokenFile(_) => "Credential::federated_token_file(…)",
            Kind::Callback(_) => "Credential::assertion(…)",
            Kind::Source(_) => "Credential::from_source(…)",
        })
    }
}
