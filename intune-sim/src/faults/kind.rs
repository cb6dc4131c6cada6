//! The kinds of faults.

use serde::{Deserialize, Serialize};

use super::EntraFault;

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
    /// Answers with an error of Graph in the shape of a layer; the call isn't performed.
    Error {
        /// Whose error it is.
        layer: Layer,
        /// The HTTP status, 200 to 599.
        status: u16,
        /// The code; by default the usual one of that status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The text; by default the usual one of that status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// The `Retry-After` header, as it is to be sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
    },
    /// Answers with an error of the authority; the call isn't performed.
    Entra(EntraFault),
    /// Answers 401 as Intune does to a tenant or user without licence or role: no new token helps.
    IntuneRefusal,
    /// Answers 401 to the token presented, now and until the faults are cleared; another token works.
    RejectToken,
    /// Answers 403 that names this scope as missing.
    MissingScope {
        /// The scope, such as `DeviceManagementManagedDevices.PrivilegedOperations.All`.
        scope: String,
    },
    /// Answers that the write is queued for a second administrator: Multi Admin Approval.
    ApprovalRequired {
        /// The `x-msft-approval-code` header, a GUID.
        approval_code: String,
        /// The HTTP status; sources differ between 400, 403 and 412.
        #[serde(default = "forbidden")]
        status: u16,
    },
    /// Performs the call, which takes effect, and then answers as this other fault does.
    EffectThen(Box<FaultKind>),
    /// Performs the call, and sends the answer this much later.
    Delay {
        /// The delay in milliseconds.
        millis: u64,
    },
    /// Performs the call, and keeps the answer until [`Tenant::release`](crate::Tenant::release).
    Hold,
    /// Performs the call, and sends a blank at a time before the body, until released.
    ///
    /// Blanks are valid before JSON. An answer without a body has nothing to drip.
    Drip {
        /// Milliseconds before each blank.
        millis: u64,
        /// How many blanks; without end if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
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
    /// Sends a small gzip body of valid JSON that is far larger once decompressed.
    GzipBomb {
        /// The size once decompressed.
        bytes: u64,
    },
    /// Sends arrays within arrays.
    DeepJson {
        /// How many.
        depth: usize,
    },
    /// Adds a header with a value of this length.
    OversizedHeader {
        /// The length.
        bytes: usize,
    },
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
    /// Names a second page as the next of the first, and the first as the next of any other.
    PagePair,
    /// Follows the last page by empty ones, each with a new link.
    EndlessPages,
    /// Lists this many invented devices on one page, whatever the filter.
    HugePage {
        /// How many.
        rows: usize,
    },
}

/// Whose shape an error has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Layer {
    /// The gateway's: a plain message.
    Gateway,
    /// Intune's: the message is a JSON text.
    Intune,
    /// Intune's within the gateway's: `UnknownError`, and the code within the message.
    IntuneWrapped,
}

fn forbidden() -> u16 {
    403
}

impl FaultKind {
    /// The kind's name, as in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            FaultKind::Status { .. } => "status",
            FaultKind::Error { .. } => "error",
            FaultKind::Entra(_) => "entra",
            FaultKind::IntuneRefusal => "intune_refusal",
            FaultKind::RejectToken => "reject_token",
            FaultKind::MissingScope { .. } => "missing_scope",
            FaultKind::ApprovalRequired { .. } => "approval_required",
            FaultKind::EffectThen(_) => "effect_then",
            FaultKind::Delay { .. } => "delay",
            FaultKind::Hold => "hold",
            FaultKind::Drip { .. } => "drip",
            FaultKind::CutConnection => "cut_connection",
            FaultKind::CutBody => "cut_body",
            FaultKind::TruncatedBody => "truncated_body",
            FaultKind::GarbageBody => "garbage_body",
            FaultKind::Html => "html",
            FaultKind::GzipBomb { .. } => "gzip_bomb",
            FaultKind::DeepJson { .. } => "deep_json",
            FaultKind::OversizedHeader { .. } => "oversized_header",
            FaultKind::Redirect { .. } => "redirect",
            FaultKind::IgnoreFilter => "ignore_filter",
            FaultKind::NextLinkTo { .. } => "next_link_to",
            FaultKind::PageLoop => "page_loop",
            FaultKind::PagePair => "page_pair",
            FaultKind::EndlessPages => "endless_pages",
            FaultKind::HugePage { .. } => "huge_page",
        }
    }

    /// What is done to the answer in the end.
    pub(crate) fn innermost(&self) -> &Self {
        let mut kind = self;
        while let FaultKind::EffectThen(then) = kind {
            kind = then;
        }
        kind
    }

    /// Whether the call is performed by the fault itself.
    pub(super) fn performs(&self) -> bool {
        matches!(
            self,
            FaultKind::EffectThen(_)
                | FaultKind::Delay { .. }
                | FaultKind::Hold
                | FaultKind::Drip { .. }
                | FaultKind::CutBody
                | FaultKind::TruncatedBody
                | FaultKind::OversizedHeader { .. }
        ) || self.needs_list()
    }

    /// Whether the client gets no answer at all.
    pub(crate) fn cuts_before_answer(&self) -> bool {
        *self.innermost() == FaultKind::CutConnection
    }

    /// Whether it changes a list, and nothing else.
    pub(super) fn needs_list(&self) -> bool {
        matches!(
            self.innermost(),
            FaultKind::IgnoreFilter
                | FaultKind::NextLinkTo { .. }
                | FaultKind::PageLoop
                | FaultKind::PagePair
                | FaultKind::EndlessPages
                | FaultKind::HugePage { .. }
        )
    }
}
