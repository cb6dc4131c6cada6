use std::{fmt, str::FromStr, sync::Arc};

use super::ParseIdError;

/// The id of an Authorization Context, as its broker gave it: `jti` of its token.
///
/// One to 128 visible ASCII characters. Clones share the text.
///
/// ```
/// use intune_core::AuthorizationContextId;
///
/// let id: AuthorizationContextId = "0199b3a4-6f0e-7c61-8a53-1c2f0b7d9e10".parse()?;
/// assert!("two words".parse::<AuthorizationContextId>().is_err());
/// # let _ = id;
/// # Ok::<(), intune_core::ParseIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthorizationContextId(Arc<str>);

impl AuthorizationContextId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AuthorizationContextId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.into()))
        } else {
            Err(ParseIdError {
                expected: "must be 1 to 128 visible ASCII characters",
            })
        }
    }
}

impl fmt::Display for AuthorizationContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
