use std::{error::Error, future::Future, pin::Pin, sync::Arc};

use secrecy::{ExposeSecret as _, SecretString};

use super::{ProofRequest, file};
use crate::{ClientId, TokenError};

/// The token request that an assertion is for.
#[derive(Clone, Debug)]
pub struct AssertionRequest {
    client_id: ClientId,
    audience: String,
    rejected: Option<TokenError>,
}

impl AssertionRequest {
    /// The application that signs in: the assertion's `iss` and `sub`, if it signs for itself.
    #[must_use]
    pub const fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// The token endpoint's URL: the assertion's `aud`, if the application signs for itself.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Why the assertion given before was refused, if this one is to replace it.
    #[must_use]
    pub const fn rejected(&self) -> Option<&TokenError> {
        self.rejected.as_ref()
    }
}

type BoxError = Box<dyn Error + Send + Sync>;
type Answer = Pin<Box<dyn Future<Output = Result<SecretString, BoxError>> + Send>>;

#[derive(Clone)]
pub(super) struct Callback(Arc<dyn Fn(AssertionRequest) -> Answer + Send + Sync>);

impl Callback {
    pub(super) fn new<F, Fut, E>(callback: F) -> Self
    where
        F: Fn(AssertionRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<SecretString, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self(Arc::new(move |request| {
            let answer = callback(request);
            Box::pin(async { answer.await.map_err(Into::into) })
        }))
    }

    pub(super) async fn assertion(
        &self,
        request: &ProofRequest<'_>,
    ) -> Result<SecretString, BoxError> {
        let assertion = (self.0)(AssertionRequest {
            client_id: request.client_id.clone(),
            audience: request.audience.to_owned(),
            rejected: request.rejected.cloned(),
        });
        Ok(file::one_word(assertion.await?.expose_secret().as_bytes())?)
    }
}
