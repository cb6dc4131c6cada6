use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::ParseIdError;

/// The name of the policy under which an Authorization Context is issued.
///
/// One to 64 characters: lower-case letters, digits and hyphens, and no hyphen first. Clones share the
/// text.
///
/// ```
/// use intune_core::AccordTemplate;
///
/// let template: AccordTemplate = "infrastructure-operations".parse()?;
/// assert_eq!(template.as_str(), "infrastructure-operations");
/// assert!("Infrastructure".parse::<AccordTemplate>().is_err());
/// # Ok::<(), intune_core::ParseIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccordTemplate(Arc<str>);

impl AccordTemplate {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccordTemplate {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-') {
            Ok(Self(text.into()))
        } else {
            Err(ParseIdError {
                expected: "must be 1 to 64 of a-z, 0-9 and `-`, and not begin with `-`",
            })
        }
    }
}

impl fmt::Display for AccordTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccordTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccordTemplate({})", self.0)
    }
}

impl Serialize for AccordTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AccordTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
