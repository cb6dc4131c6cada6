use std::sync::Arc;

use bytes::Bytes;
use clock::{Clock, Timestamp};
use http::{
    HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use secrecy::zeroize::{Zeroize as _, Zeroizing};
use tracing::{Instrument as _, field::Empty};
use url::form_urlencoded;
use uuid::Uuid;

use crate::{
    AccessToken, ClientId, Credential, Scope, TokenError, TokenErrorKind, answer,
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

impl TokenEndpoint {
    /// Asks once.
    pub(crate) async fn request(&self, scope: &Scope) -> Result<AccessToken, TokenError> {
        let id = Uuid::new_v4().to_string();
        let span = tracing::debug_span!(
            "token_request",
            %scope,
            correlation_id = %id,
            http.response.status_code = Empty,
        );
        let exchange = async {
            // The server counts from some time after this, so the token never looks younger than it is.
            let requested_at = self.clock.now();
            let outcome = self.exchange(scope, &id, requested_at.wall).await;
            let duration = self.clock.now().since(requested_at);
            match &outcome {
                Ok(grant) => {
                    tracing::debug!(?duration, lifetime = ?grant.lifetime, "access token obtained")
                }
                Err(error) => tracing::warn!(?duration, %error, "no access token"),
            }
            outcome.map(|grant| AccessToken::new(grant.secret, requested_at, grant.lifetime))
        };
        exchange.instrument(span).await
    }

    /// Asks with a credential, and once more if that was refused and another may be had.
    async fn exchange(
        &self,
        scope: &Scope,
        id: &str,
        now: Timestamp,
    ) -> Result<answer::Grant, TokenError> {
        match self.attempt(scope, id, now, None).await {
            Err(refused)
                if self.credential.may_change() && refused.error() == Some("invalid_client") =>
            {
                self.attempt(scope, id, now, Some(&refused)).await
            }
            outcome => outcome,
        }
    }

    async fn attempt(
        &self,
        scope: &Scope,
        id: &str,
        now: Timestamp,
        rejected: Option<&TokenError>,
    ) -> Result<answer::Grant, TokenError> {
        let request = ProofRequest {
            client_id: &self.client_id,
            audience: &self.url.to_string(),
            now,
            rejected,
        };
        let proof = self.credential.proof(request).await?;
        match self.http.send(self.form(scope, id, &proof)).await {
            Ok(response) => self.read(response, id, &proof),
            Err(error) => Err(not_answered(error, id)),
        }
    }

    fn form(&self, scope: &Scope, id: &str, proof: &Proof) -> Request<Bytes> {
        // Large enough for every byte to become `%XX`: a buffer that grows leaves copies behind.
        let proven = proof
            .parameters()
            .map(|(name, value)| name.len() + value.len());
        let size = 3 * (proven.sum::<usize>() + scope.as_str().len()) + 256;
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(size));
        form.append_pair("grant_type", "client_credentials")
            .append_pair("client_id", self.client_id.as_str())
            .append_pair("scope", scope.as_str())
            .extend_pairs(proof.parameters());
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

    fn read(
        &self,
        response: Response<Bytes>,
        id: &str,
        proof: &Proof,
    ) -> Result<answer::Grant, TokenError> {
        let status = response.status();
        tracing::Span::current().record("http.response.status_code", status.as_u16());
        let (head, body) = response.into_parts();
        if status != StatusCode::OK {
            return Err(answer::refusal(
                status.as_u16(),
                &head.headers,
                &body,
                self.clock.now().wall,
                id,
                proof,
            ));
        }
        let grant = answer::grant(&body);
        if let Ok(mut body) = body.try_into_mut() {
            body.zeroize();
        }
        grant.map_err(|message| {
            let refusal = Refusal {
                status: Some(status.as_u16()),
                ..sent_as(id)
            };
            TokenError::refused(TokenErrorKind::MalformedAnswer, refusal).with_message(message)
        })
    }
}

fn not_answered(error: TransportError, id: &str) -> TokenError {
    let kind = match error.kind() {
        TransportErrorKind::Timeout => TokenErrorKind::TimedOut,
        TransportErrorKind::BodyTooLarge => TokenErrorKind::MalformedAnswer,
        TransportErrorKind::InsecureUrl | TransportErrorKind::InvalidRequest => {
            TokenErrorKind::Refused
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
