use std::sync::Arc;

use bytes::Bytes;
use clock::Clock;
use http::{
    HeaderValue, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use secrecy::zeroize::Zeroizing;
use tracing::{Instrument as _, field::Empty};
use url::form_urlencoded;
use uuid::Uuid;

use crate::{
    AccessToken, ClientId, Credential, Scope, TokenError, TokenErrorKind,
    answer::{self, Asked},
    credential::{Proof, ProofRequest},
    error::Refusal,
    http::{HttpClient, TransportError, TransportErrorKind},
};

/// A tenant's token endpoint, as one application uses it.
pub(crate) struct TokenEndpoint {
    pub(crate) url: Uri,
    pub(crate) client_id: ClientId,
    pub(crate) credential: Credential,
    pub(crate) http: HttpClient,
    pub(crate) clock: Arc<dyn Clock>,
}

/// One request for a token.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) scope: &'a Scope,
    /// The `claims` parameter, JSON.
    pub(crate) claims: Option<&'a str>,
    /// Why the credential given before won't do.
    pub(crate) rejected: Option<&'a TokenError>,
}

impl TokenEndpoint {
    /// Asks once.
    pub(crate) async fn request(&self, ask: Ask<'_>) -> Result<AccessToken, TokenError> {
        let id = Uuid::new_v4().to_string();
        let span = tracing::debug_span!(
            "token_request",
            scope = %ask.scope,
            correlation_id = %id,
            http.response.status_code = Empty,
        );
        let exchange = async {
            // The server counts from some time after this, so the token never looks younger than it is.
            let requested_at = self.clock.now();
            let outcome = self.exchange(ask, &id).await;
            let duration = self.clock.now().since(requested_at);
            match &outcome {
                Ok(grant) => {
                    tracing::debug!(?duration, lifetime = ?grant.lifetime, "access token obtained")
                }
                Err(error) => tracing::warn!(?duration, %error, "no access token"),
            }
            outcome.map(|grant| {
                AccessToken::new(grant.secret, requested_at, grant.lifetime)
                    .refreshed_in(grant.refresh_in)
            })
        };
        exchange.instrument(span).await
    }

    async fn exchange(&self, ask: Ask<'_>, id: &str) -> Result<answer::Grant, TokenError> {
        let request = ProofRequest {
            client_id: &self.client_id,
            audience: &self.url.to_string(),
            now: self.clock.now().wall,
            rejected: ask.rejected,
        };
        let proof = self.credential.proof(request).await?;
        match self.http.send(self.form(ask, id, &proof)).await {
            Ok(response) => {
                let asked = Asked {
                    proof: &proof,
                    request_id: id,
                    authority: self.url.host().unwrap_or_default(),
                    now: self.clock.now().wall,
                };
                let status = response.status().as_u16();
                tracing::Span::current().record("http.response.status_code", status);
                answer::read(response, &asked)
            }
            Err(error) => Err(not_answered(error, id)),
        }
    }

    fn form(&self, ask: Ask<'_>, id: &str, proof: &Proof) -> Request<Bytes> {
        let parameters = || {
            [
                ("grant_type", "client_credentials"),
                ("client_id", self.client_id.as_str()),
                ("scope", ask.scope.as_str()),
            ]
            .into_iter()
            .chain(ask.claims.map(|claims| ("claims", claims)))
            .chain(proof.parameters())
        };
        // Large enough for every byte to become `%XX`: a buffer that grows leaves copies behind.
        let size = parameters().map(|(name, value)| 3 * (name.len() + value.len()) + 2);
        let form = String::with_capacity(size.sum());
        let mut form = form_urlencoded::Serializer::new(form);
        form.extend_pairs(parameters());
        let form = Zeroizing::new(form.finish());

        let mut request = Request::new(Bytes::from_owner(form));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Ok(id) = HeaderValue::from_str(id) {
            headers.insert("client-request-id", id);
        }
        request
    }
}

fn not_answered(error: TransportError, id: &str) -> TokenError {
    let kind = match error.kind() {
        TransportErrorKind::Timeout => TokenErrorKind::TimedOut,
        TransportErrorKind::BodyTooLarge => TokenErrorKind::MalformedAnswer,
        TransportErrorKind::InsecureUrl | TransportErrorKind::InvalidRequest => {
            TokenErrorKind::Configuration
        }
        TransportErrorKind::Connect
        | TransportErrorKind::Protocol
        | TransportErrorKind::BodyCut => TokenErrorKind::Unavailable,
    };
    TokenError::refused(kind, sent_as(id)).with_source(error)
}

fn sent_as(id: &str) -> Refusal {
    Refusal {
        correlation_id: Some(id.to_owned()),
        ..Refusal::default()
    }
}
