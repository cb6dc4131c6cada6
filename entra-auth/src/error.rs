use std::{error::Error, fmt, sync::Arc, time::Duration};

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
}

/// The kinds of [`TokenError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The secret is wrong. Permanent, until someone corrects it.
    InvalidCredential,
    /// The secret was right once, and has expired. Permanent, until someone renews it.
    ExpiredCredential,
    /// A file, callback or source didn't give the credential. Transient; see [`source`](Error::source).
    CredentialUnavailable,
    /// No such tenant in this cloud. Permanent.
    UnknownTenant,
    /// The tenant doesn't know the application, or has disabled it. Permanent, until consent.
    UnknownApplication,
    /// The scope's resource doesn't exist in the tenant, or isn't one `<resource>/.default`. Permanent.
    InvalidScope,
    /// Entra ID asks for fewer requests. Transient; see [`TokenError::retry_after`].
    Throttled,
    /// Entra ID can't be reached, or can't answer now. Transient.
    Unavailable,
    /// No complete answer in time. Transient.
    TimedOut,
    /// An answer that is no answer of a token endpoint. Permanent, until the address is corrected.
    MalformedAnswer,
    /// Refused for another reason, such as Conditional Access. Permanent.
    Refused,
    /// The client already holds tokens for as many scopes as it will. Permanent.
    TooManyScopes,
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

    /// What to react to.
    #[must_use]
    pub fn kind(&self) -> TokenErrorKind {
        self.0.kind
    }

    /// Whether the same request may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.0.kind,
            TokenErrorKind::CredentialUnavailable
                | TokenErrorKind::Throttled
                | TokenErrorKind::Unavailable
                | TokenErrorKind::TimedOut
        )
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

impl TokenErrorKind {
    const fn message(self) -> &'static str {
        match self {
            Self::InvalidCredential => {
                "the client secret was rejected: check that it is the secret's value, not its ID"
            }
            Self::ExpiredCredential => "the client secret has expired: create a new one",
            Self::CredentialUnavailable => "the credential couldn't be read: see the cause",
            Self::UnknownTenant => "the tenant does not exist: check its name and the cloud",
            Self::UnknownApplication => {
                "the tenant does not know the application, or has disabled it: check the client ID"
            }
            Self::InvalidScope => "the scope names no resource of the tenant",
            Self::Throttled => "Entra ID asks for fewer requests: wait and try again",
            Self::Unavailable => "Entra ID can't be reached or can't answer now: try again later",
            Self::TimedOut => "Entra ID did not answer in time: try again later",
            Self::MalformedAnswer => {
                "the answer is not one of a token endpoint: check the authority's address"
            }
            Self::Refused => "Entra ID refused the token request",
            Self::TooManyScopes => {
                "too many scopes for one client: drop some, or use another client"
            }
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refusal = &self.0.refusal;
        f.write_str(self.0.message)?;
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
