//! The kinds of faults.

use serde::{Deserialize, Serialize};

/// What a fault does to the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum FaultKind {
    /// Answers with this status instead; the call isn't performed.
    Status {
        /// The HTTP status, 200 to 599.
        status: u16,
        /// The body; by default what the service sends with that status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// The `Retry-After` header, as it is to be sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
    },
    /// Performs the call, and sends the answer this much later.
    Delay {
        /// The delay in milliseconds.
        millis: u64,
    },
    /// Performs the call, and keeps the answer until [`Tenant::release`](crate::Tenant::release).
    Hold,
    /// Closes the connection without an answer.
    CutConnection,
    /// Closes the connection in the middle of the body.
    CutBody,
    /// Sends half the body as if it were whole.
    TruncatedBody,
    /// Sends bytes that are no text, declared as JSON.
    GarbageBody,
    /// Sends a web page with status 200.
    Html,
    /// Redirects with status 302.
    Redirect {
        /// Where to.
        location: String,
    },
    /// Lists all devices, whatever the filter.
    IgnoreFilter,
    /// Names this address as the next page of a list.
    NextLinkTo {
        /// The address.
        url: String,
    },
    /// Names the page itself as the next page of a list.
    PageLoop,
}

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

    /// Adds a `Retry-After` header to a [`FaultKind::Status`]; others stay as they are.
    #[must_use]
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        if let FaultKind::Status { retry_after, .. } = &mut self {
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

    /// The kind's name, as in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::Status { .. } => "status",
            FaultKind::Delay { .. } => "delay",
            FaultKind::Hold => "hold",
            FaultKind::CutConnection => "cut_connection",
            FaultKind::CutBody => "cut_body",
            FaultKind::TruncatedBody => "truncated_body",
            FaultKind::GarbageBody => "garbage_body",
            FaultKind::Html => "html",
            FaultKind::Redirect { .. } => "redirect",
            FaultKind::IgnoreFilter => "ignore_filter",
            FaultKind::NextLinkTo { .. } => "next_link_to",
            FaultKind::PageLoop => "page_loop",
        }
    }

    /// Whether the client gets no answer at all.
    pub(crate) fn cuts_before_answer(&self) -> bool {
        *self == FaultKind::CutConnection
    }

    /// Whether it changes a list, and nothing else.
    pub(super) fn needs_list(&self) -> bool {
        matches!(
            self,
            FaultKind::IgnoreFilter | FaultKind::NextLinkTo { .. } | FaultKind::PageLoop
        )
    }
}
