//! What Graph answers, and what it means when it isn't what was asked for.

mod layers;
mod none;

use std::time::Duration;

use bytes::Bytes;
use clock::Timestamp;
use entra_auth::{
    ClaimsChallenge,
    http::{date, retry_after},
};
use http::{Response, StatusCode, header::WWW_AUTHENTICATE};
use intune_core::{SourceFailure, SourceFailureKind};
use serde::de::DeserializeSeed;

use self::layers::{ServiceError, is_identifier, names_intune};
pub(crate) use self::none::{token_failure, transport_failure};
use crate::wire::Effect;

/// With it, an operation waits for another administrator's approval.
const APPROVAL_CODE: &str = "x-msft-approval-code";

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    response: Response<Bytes>,
    /// Our own id of the request, which Graph logs.
    client_request_id: String,
    effect: Effect,
    received_at: Timestamp,
    /// For how long nothing is sent, because of this answer or of another.
    pause: Duration,
}

impl Answer {
    pub(crate) const fn new(
        response: Response<Bytes>,
        client_request_id: String,
        effect: Effect,
        received_at: Timestamp,
    ) -> Self {
        Self {
            response,
            client_request_id,
            effect,
            received_at,
            pause: Duration::ZERO,
        }
    }

    /// Adds for how long we pause, for an answer that asks for it without saying how long.
    pub(crate) const fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.response.body().is_empty()
    }

    /// Decodes the body of a 200; any other answer is a failure.
    pub(crate) fn decode<'a, S: DeserializeSeed<'a>>(
        &'a self,
        seed: S,
    ) -> Result<S::Value, SourceFailure> {
        if self.status() != StatusCode::OK {
            return Err(self.failure());
        }
        let mut body = serde_json::Deserializer::from_slice(self.response.body());
        let value = seed.deserialize(&mut body);
        let value = value.and_then(|value| body.end().map(|()| value));
        value.map_err(|error| {
            // Where, but not what: the text may hold anything.
            tracing::warn!(
                line = error.line(),
                column = error.column(),
                "an answer of Graph can't be read"
            );
            self.blame(SourceFailure::new(SourceFailureKind::MalformedAnswer))
        })
    }

    /// Says why an answer that isn't what was asked for is none.
    pub(crate) fn failure(&self) -> SourceFailure {
        let status = self.status();
        let error = self.error();
        let kind = self.kind(&error);
        let mut failure = SourceFailure::new(kind)
            .with_status(status.as_u16())
            .with_request_id(&self.request_id(error.request_id.as_deref()));
        if let Some(code) = &error.code {
            failure = failure.with_code(code);
        }
        if kind == SourceFailureKind::PermissionMissing {
            let documented = self.effect.documented_permission();
            failure = failure.with_permission(error.permission.as_deref().unwrap_or(documented));
        }
        let asked = self.retry_after().or(error.retry_after);
        let paused = (kind == SourceFailureKind::Throttled).then_some(self.pause);
        match asked.or(paused) {
            Some(delay) => failure.with_retry_after(delay),
            None => failure,
        }
    }

    /// What time it was at the service.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        date(self.response.headers())
    }

    /// The id of the request: the service's own, or else ours.
    pub(crate) fn id(&self) -> String {
        self.request_id(None)
    }

    /// Says of a failure that it is this answer's.
    pub(crate) fn blame(&self, failure: SourceFailure) -> SourceFailure {
        failure.with_request_id(&self.request_id(None))
    }

    /// Whether a 401 is about the token, rather than one by which Intune refuses the tenant: that no new token
    /// will change.
    pub(crate) fn rejects_token(&self) -> bool {
        self.status() == StatusCode::UNAUTHORIZED && !self.is_refusal(&self.error())
    }

    /// What the service wants of the next token, if it says so.
    pub(crate) fn challenge(&self) -> Option<ClaimsChallenge> {
        ClaimsChallenge::from_headers(self.response.headers())
    }

    /// Whether the service says itself that there is no such thing, rather than a proxy or a wrong address.
    pub(crate) fn is_absence(&self) -> bool {
        let error = self.error();
        let code = error.code.as_deref().unwrap_or_default();
        self.status() == StatusCode::NOT_FOUND
            && code.to_ascii_lowercase().contains("notfound")
            && !error.is_unknown_tenant
            && !error.is_wrong_address
    }

    /// How long the service asks to be left alone, by its headers or by its body.
    pub(crate) fn asked_delay(&self) -> Option<Duration> {
        self.retry_after().or_else(|| self.error().retry_after)
    }

    fn retry_after(&self) -> Option<Duration> {
        retry_after(self.response.headers(), self.received_at)
    }

    fn kind(&self, error: &ServiceError) -> SourceFailureKind {
        let status = self.status();
        match status {
            _ if status.is_client_error() && self.waits_for_approval(error) => {
                SourceFailureKind::ApprovalRequired
            }
            _ if status.is_client_error() && error.is_unknown_tenant => {
                SourceFailureKind::LicenceMissing
            }
            StatusCode::UNAUTHORIZED if self.is_refusal(error) => SourceFailureKind::LicenceMissing,
            StatusCode::UNAUTHORIZED => SourceFailureKind::CredentialRejected,
            StatusCode::FORBIDDEN => SourceFailureKind::PermissionMissing,
            StatusCode::TOO_MANY_REQUESTS => SourceFailureKind::Throttled,
            StatusCode::REQUEST_TIMEOUT => SourceFailureKind::TimedOut,
            _ if status.is_server_error() => SourceFailureKind::Unavailable,
            _ if status.is_client_error() => SourceFailureKind::Refused,
            // Redirects are not followed, and no other success is an answer to a read.
            _ => SourceFailureKind::MalformedAnswer,
        }
    }

    /// Known by its header rather than by its status, on which the documents disagree:
    /// [Multi Admin Approval](https://learn.microsoft.com/intune/intune-service/fundamentals/multi-admin-approval).
    fn waits_for_approval(&self, error: &ServiceError) -> bool {
        self.is_held_for_approval() || error.code.as_deref() == Some("ApprovalRequired")
    }

    /// Whether another administrator must approve first, whatever the status says.
    pub(crate) fn is_held_for_approval(&self) -> bool {
        self.response.headers().contains_key(APPROVAL_CODE)
    }

    fn is_refusal(&self, error: &ServiceError) -> bool {
        let challenge = self.response.headers().get(WWW_AUTHENTICATE);
        let challenge = challenge.and_then(|challenge| challenge.to_str().ok());
        error.is_refusal || challenge.is_some_and(names_intune)
    }

    /// The service's own id of the request, or else ours.
    fn request_id(&self, in_body: Option<&str>) -> String {
        let header = self.response.headers().get("request-id");
        let header = header.and_then(|id| id.to_str().ok());
        let id = header.filter(|id| is_identifier(id)).or(in_body);
        id.unwrap_or(&self.client_request_id).to_owned()
    }

    fn error(&self) -> ServiceError {
        match self.status() {
            StatusCode::OK => ServiceError::default(),
            _ => ServiceError::read(self.response.body()),
        }
    }
}
