use std::{error::Error, fmt, sync::Arc};

/// What kept a request from being answered.
///
/// It carries no URL, header or body, since any of them may hold a secret.
#[derive(Clone, Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    may_have_been_received: bool,
    source: Option<Arc<reqwest::Error>>,
}

/// The kinds of [`TransportError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The URL is neither `https` nor loopback, or carries a password. Nothing was sent.
    InsecureUrl,
    /// The request can't be put on the wire. Nothing was sent.
    InvalidRequest,
    /// No connection: name, route, refusal, or TLS. Nothing was sent.
    Connect,
    /// The connection, or the whole exchange, took too long.
    Timeout,
    /// The peer hung up, or broke the rules of HTTP.
    Protocol,
    /// The answer's body ended early, or couldn't be decompressed.
    BodyCut,
    /// The answer's body, decompressed, exceeds the limit.
    BodyTooLarge,
}

impl TransportError {
    /// What went wrong.
    #[must_use]
    pub const fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// Whether the server may have acted on the request although its answer was lost.
    ///
    /// `false` is certain; `true` is what must be assumed. Only on `false` may a request that isn't
    /// idempotent be sent again.
    #[must_use]
    pub const fn request_may_have_been_received(&self) -> bool {
        self.may_have_been_received
    }

    pub(super) const fn insecure_url() -> Self {
        Self {
            kind: TransportErrorKind::InsecureUrl,
            may_have_been_received: false,
            source: None,
        }
    }

    pub(super) const fn body_too_large() -> Self {
        Self {
            kind: TransportErrorKind::BodyTooLarge,
            may_have_been_received: true,
            source: None,
        }
    }

    /// The request could not even be formed.
    pub(super) fn before_sending(error: reqwest::Error) -> Self {
        Self {
            kind: TransportErrorKind::InvalidRequest,
            may_have_been_received: false,
            source: Some(Arc::new(error.without_url())),
        }
    }

    /// No status line came back.
    pub(super) fn awaiting_answer(error: reqwest::Error) -> Self {
        let connecting = error.is_connect();
        let kind = if error.is_builder() {
            TransportErrorKind::InvalidRequest
        } else if error.is_timeout() {
            TransportErrorKind::Timeout
        } else if connecting {
            TransportErrorKind::Connect
        } else {
            TransportErrorKind::Protocol
        };
        Self {
            kind,
            may_have_been_received: !connecting && !error.is_builder(),
            source: Some(Arc::new(error.without_url())),
        }
    }

    /// The status line came, the whole body didn't.
    pub(super) fn reading_body(error: reqwest::Error) -> Self {
        let kind = if error.is_timeout() {
            TransportErrorKind::Timeout
        } else {
            TransportErrorKind::BodyCut
        };
        Self {
            kind,
            may_have_been_received: true,
            source: Some(Arc::new(error.without_url())),
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TransportErrorKind::InsecureUrl => {
                "the request was not sent: its URL must be https (or http to loopback) without a password"
            }
            TransportErrorKind::InvalidRequest => "the request can't be sent as HTTP",
            TransportErrorKind::Connect => "no connection to the server",
            TransportErrorKind::Timeout => "the server took too long",
            TransportErrorKind::Protocol => "the connection broke before an answer came",
            TransportErrorKind::BodyCut => "the answer's body was cut off or damaged",
            TransportErrorKind::BodyTooLarge => "the answer's body exceeds the limit",
        })
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
