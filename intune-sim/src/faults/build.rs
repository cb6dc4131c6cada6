//! Faults that take more than a word to write.

use super::{EntraFault, FaultKind, Layer};

/// What IIS shows in place of an application that doesn't answer.
pub(super) const WEB_PAGE: &str = "<!DOCTYPE html><html><head><title>Service Unavailable</title></head>\
     <body><h2>Service Unavailable</h2><hr><p>HTTP Error 503. The service is unavailable.</p></body></html>";

impl FaultKind {
    /// An answer with this status and the body that the service sends with it.
    #[must_use]
    pub fn status(status: u16) -> Self {
        FaultKind::Status {
            status,
            body: None,
            retry_after: None,
        }
    }

    /// The web page of IIS with this status, such as 502 or 503.
    #[must_use]
    pub fn web_page(status: u16) -> Self {
        FaultKind::status(status).body(WEB_PAGE)
    }

    /// An error of the gateway, with a plain message.
    #[must_use]
    pub fn gateway(status: u16) -> Self {
        error(Layer::Gateway, status)
    }

    /// An error of Intune, whose message is a JSON text.
    #[must_use]
    pub fn intune(status: u16) -> Self {
        error(Layer::Intune, status)
    }

    /// An error of Intune that the gateway has wrapped in an `UnknownError`.
    #[must_use]
    pub fn intune_wrapped(status: u16) -> Self {
        error(Layer::IntuneWrapped, status)
    }

    /// A 403 that names this scope as missing.
    #[must_use]
    pub fn missing_scope(scope: impl Into<String>) -> Self {
        FaultKind::MissingScope {
            scope: scope.into(),
        }
    }

    /// A 403 that queues the write for a second administrator, under this code.
    #[must_use]
    pub fn approval_required(approval_code: impl Into<String>) -> Self {
        FaultKind::ApprovalRequired {
            approval_code: approval_code.into(),
            status: 403,
        }
    }

    /// An error of the authority, by its AADSTS code, in its usual form.
    ///
    /// Every code that an app-only client may meet has its own; any other is an `invalid_request`.
    ///
    /// ```
    /// use intune_sim::{EntraFault, Fault, FaultKind, Route};
    ///
    /// let blocked = Fault::new(Route::Token, FaultKind::entra(53003));
    /// let newer = EntraFault::new(7_000_215).one_line().without_codes();
    /// let newer = Fault::new(Route::Token, newer.into()).always();
    /// # let _ = (blocked, newer);
    /// ```
    #[must_use]
    pub fn entra(code: u32) -> Self {
        EntraFault::new(code).into()
    }

    /// The call takes effect, and its answer is lost to another fault.
    ///
    /// ```
    /// use intune_sim::{Fault, FaultKind, Route};
    ///
    /// let lost = FaultKind::effect_then(FaultKind::CutConnection);
    /// let throttled = FaultKind::effect_then(FaultKind::status(429));
    /// let faults = [Fault::new(Route::Wipe, lost), Fault::new(Route::Action, throttled)];
    /// # let _ = faults;
    /// ```
    #[must_use]
    pub fn effect_then(kind: FaultKind) -> Self {
        FaultKind::EffectThen(Box::new(kind))
    }

    /// Adds a `Retry-After` header to an error of any kind; others stay as they are.
    #[must_use]
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        if let FaultKind::Status { retry_after, .. }
        | FaultKind::Error { retry_after, .. }
        | FaultKind::Entra(EntraFault { retry_after, .. }) = &mut self
        {
            *retry_after = Some(value.into());
        }
        self
    }

    /// Replaces the body of a [`FaultKind::Status`]; others stay as they are.
    #[must_use]
    pub fn body(mut self, text: impl Into<String>) -> Self {
        if let FaultKind::Status { body, .. } = &mut self {
            *body = Some(text.into());
        }
        self
    }

    /// Replaces the code of a [`FaultKind::Error`]; others stay as they are.
    #[must_use]
    pub fn code(mut self, text: impl Into<String>) -> Self {
        if let FaultKind::Error { code, .. } = &mut self {
            *code = Some(text.into());
        }
        self
    }

    /// Replaces the message of a [`FaultKind::Error`]; others stay as they are.
    #[must_use]
    pub fn message(mut self, text: impl Into<String>) -> Self {
        if let FaultKind::Error { message, .. } = &mut self {
            *message = Some(text.into());
        }
        self
    }
}

fn error(layer: Layer, status: u16) -> FaultKind {
    FaultKind::Error {
        layer,
        status,
        code: None,
        message: None,
        retry_after: None,
    }
}
