//! Errors of the authority, by their AADSTS code.

use serde::{Deserialize, Serialize};

use super::FaultKind;

/// An error of the authority to send: what isn't set is usual for its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct EntraFault {
    /// The AADSTS code, such as 53003.
    pub code: u32,
    /// The HTTP status, 200 to 599.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The text in the description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The `suberror` member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suberror: Option<String>,
    /// The `claims` member: a JSON text that a token must be asked for with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<String>,
    /// The `Retry-After` header, as it is to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// Whether the description has spaces, as newer ones do, instead of CRLF.
    #[serde(default, skip_serializing_if = "is_false")]
    pub one_line: bool,
    /// Whether `error_codes` is missing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub without_codes: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl EntraFault {
    /// The error in its usual form.
    #[must_use]
    pub fn new(code: u32) -> Self {
        Self {
            code,
            status: None,
            message: None,
            suberror: None,
            claims: None,
            retry_after: None,
            one_line: false,
            without_codes: false,
        }
    }

    /// Sets the HTTP status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets the text in the description.
    #[must_use]
    pub fn message(mut self, text: impl Into<String>) -> Self {
        self.message = Some(text.into());
        self
    }

    /// Sets the `suberror` member.
    #[must_use]
    pub fn suberror(mut self, suberror: impl Into<String>) -> Self {
        self.suberror = Some(suberror.into());
        self
    }

    /// Sets the `claims` member, a JSON text.
    #[must_use]
    pub fn claims(mut self, claims: impl Into<String>) -> Self {
        self.claims = Some(claims.into());
        self
    }

    /// Writes the description with spaces, as newer ones are, instead of CRLF.
    #[must_use]
    pub fn one_line(mut self) -> Self {
        self.one_line = true;
        self
    }

    /// Leaves `error_codes` out.
    #[must_use]
    pub fn without_codes(mut self) -> Self {
        self.without_codes = true;
        self
    }
}

impl From<EntraFault> for FaultKind {
    fn from(error: EntraFault) -> Self {
        FaultKind::Entra(error)
    }
}
