use std::{fmt, str::FromStr, sync::Arc};

use serde::{Serialize, Serializer};

/// Who makes the records: a CloudEvents `source`, such as `urn:broker:eu-1`. Cheap to clone.
///
/// It is a URI reference that isn't empty: only the characters that
/// [RFC 3986](https://www.rfc-editor.org/rfc/rfc3986#section-2) allows, `%` only before two
/// hexadecimal digits. Give each instance of a service its own; `source` and `id` together name an
/// event for ever.
///
/// ```
/// use chronicle::Source;
///
/// let source: Source = "urn:broker:eu-1".parse()?;
/// assert_eq!(source.as_str(), "urn:broker:eu-1");
/// assert!("".parse::<Source>().is_err());
/// # Ok::<(), chronicle::ParseSourceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source(Arc<str>);

impl Source {
    /// The URI reference.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that can't be a CloudEvents `source`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a URI reference, such as `urn:broker:eu-1`")]
pub struct ParseSourceError(());

impl FromStr for Source {
    type Err = ParseSourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || !is_uri_text(text.as_bytes()) {
            return Err(ParseSourceError(()));
        }
        Ok(Self(text.into()))
    }
}

fn is_uri_text(mut bytes: &[u8]) -> bool {
    loop {
        bytes = match bytes {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            [byte, rest @ ..]
                if byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(byte) =>
            {
                rest
            }
            _ => return false,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
