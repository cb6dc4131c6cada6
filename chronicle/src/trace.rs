use std::{fmt, str::FromStr, sync::Arc};

use serde::{Serialize, Serializer};

/// The place of a request in a distributed trace: a W3C `traceparent`. Cheap to clone.
///
/// The form is that of [Trace Context](https://www.w3.org/TR/trace-context/#traceparent-header)
/// version 00, in lower case; a header of a later version passes if it has no fields beyond these.
///
/// ```
/// use chronicle::TraceParent;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// assert_eq!(header.parse::<TraceParent>()?.as_str(), header);
/// # Ok::<(), chronicle::ParseTraceParentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent(Arc<str>);

impl TraceParent {
    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is not a W3C `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a W3C traceparent of the form `00-<32 digits>-<16 digits>-<2 digits>`")]
pub struct ParseTraceParentError(());

impl FromStr for TraceParent {
    type Err = ParseTraceParentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fields: Vec<&str> = text.split('-').collect();
        let [version, trace, parent, flags] = fields.as_slice() else {
            return Err(ParseTraceParentError(()));
        };
        let valid =
            is_hex(version, 2) && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
        // The specification keeps version ff and all-zero ids for "invalid".
        if !valid || *version == "ff" || is_zero(trace) || is_zero(parent) {
            return Err(ParseTraceParentError(()));
        }
        Ok(Self(text.into()))
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for TraceParent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
