mod kind;

use std::{error::Error, fmt, sync::Arc, time::Duration};

pub use kind::TokenErrorKind;

/// Why there is no access token. Clones are cheap: callers that wait together share it.
///
/// [`kind`](Self::kind) is what to react to. Everything else is for the person who reads the log, or
/// who asks Microsoft's support. No secret, token or successful answer is ever in it.
#[derive(Clone)]
pub struct TokenError(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: TokenErrorKind,
    message: &'static str,
    refusal: Refusal,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What the token endpoint said of a request that it refused.
#[derive(Clone, Default)]
pub(crate) struct Refusal {
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) aadsts_codes: Vec<u32>,
    pub(crate) trace_id: Option<String>,
    pub(crate) correlation_id: Option<String>,
    pub(crate) timestamp: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    /// The cloud that the tenant is in, and the one that was asked.
    pub(crate) clouds: Option<(&'static str, String)>,
}

impl TokenError {
    /// Makes an error of `kind`, for a [`TokenProvider`](crate::TokenProvider) other than this crate's.
    #[must_use]
    pub fn new(kind: TokenErrorKind) -> Self {
        Self::refused(kind, Refusal::default())
    }

    /// Gives the error a cause, which [`source`](Error::source) returns.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::new(source));
        self
    }

    pub(crate) fn caused_by(mut self, cause: Box<dyn Error + Send + Sync>) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::from(cause));
        self
    }

    pub(crate) fn refused(kind: TokenErrorKind, refusal: Refusal) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: kind.message(),
            refusal,
            source: None,
        }))
    }

    pub(crate) fn with_message(mut self, message: &'static str) -> Self {
        Arc::make_mut(&mut self.0).message = message;
        self
    }

    pub(crate) fn with_retry_after(mut self, wait: Duration) -> Self {
        Arc::make_mut(&mut self.0).refusal.retry_after = Some(wait);
        self
    }

    /// What those get who come while the wait runs that this failure asked for.
    pub(crate) fn still_throttled(&self, rest: Duration) -> Self {
        let mut error = self.clone().with_retry_after(rest);
        let inner = Arc::make_mut(&mut error.0);
        inner.kind = TokenErrorKind::Throttled;
        inner.message =
            "no request was made: Entra ID asked for patience, and that time is not over";
        error
    }

    /// What to react to.
    #[must_use]
    pub fn kind(&self) -> TokenErrorKind {
        self.0.kind
    }

    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.is_worth_retrying() || self.0.kind == TokenErrorKind::CredentialUnavailable
    }

    /// Whether the next request may bring what this one didn't, just for being the next.
    pub(crate) fn is_worth_retrying(&self) -> bool {
        matches!(
            self.0.kind,
            TokenErrorKind::Throttled | TokenErrorKind::Unavailable | TokenErrorKind::TimedOut
        )
    }

    /// Whether it was the client's credential that Entra ID didn't like. The status goes first: who asks for patience
    /// has not looked at it.
    pub(crate) fn rejects_client(&self) -> bool {
        self.error() == Some("invalid_client") && !self.is_transient()
    }

    /// The HTTP status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.refusal.status
    }

    /// The OAuth error code, such as `invalid_client`
    /// ([RFC 6749, section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.0.refusal.error.as_deref()
    }

    /// The first sentence of `error_description`, cleaned and cut.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.0.refusal.description.as_deref()
    }

    /// Microsoft's own error numbers: a hint for a person. Microsoft may change them at any time.
    #[must_use]
    pub fn aadsts_codes(&self) -> &[u32] {
        &self.0.refusal.aadsts_codes
    }

    /// The id under which Microsoft's support finds the failed request.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.0.refusal.trace_id.as_deref()
    }

    /// The id that this request was sent with (`client-request-id`), as the answer echoed it if it did.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.0.refusal.correlation_id.as_deref()
    }

    /// Entra's time of the failure, as it wrote it.
    #[must_use]
    pub fn timestamp(&self) -> Option<&str> {
        self.0.refusal.timestamp.as_deref()
    }

    /// How long Entra asks to wait before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.refusal.retry_after
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refusal = &self.0.refusal;
        f.write_str(self.0.message)?;
        if let Some((theirs, ours)) = &refusal.clouds {
            write!(f, ": it is in {theirs}, and `{ours}` was asked")?;
        }
        let mut separator = " (";
        let mut field = |name: &str, value: &dyn fmt::Display| {
            write!(f, "{separator}{name}{value}")?;
            separator = ", ";
            Ok(())
        };
        if let Some(status) = refusal.status {
            field("status ", &status)?;
        }
        if let Some(error) = &refusal.error {
            field("", &format_args!("`{error}`"))?;
        }
        for code in &refusal.aadsts_codes {
            field("AADSTS", code)?;
        }
        if let Some(id) = &refusal.trace_id {
            field("trace ID ", id)?;
        }
        if let Some(id) = &refusal.correlation_id {
            field("correlation ID ", id)?;
        }
        if separator == ", " {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Debug for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenError")
            .field("kind", &self.0.kind)
            .field("message", &format_args!("{self}"))
            .field("source", &self.0.source)
            .finish()
    }
}

impl Error for TokenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
