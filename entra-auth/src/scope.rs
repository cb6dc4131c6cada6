use std::{fmt, str::FromStr, sync::Arc};

/// The API that a token is for: `<resource>/.default`. Clones are cheap.
///
/// Client credentials get all the application permissions that an administrator granted on one
/// resource; Entra refuses single permissions, and several resources at once.
///
/// ```
/// use entra_auth::Scope;
///
/// let scope: Scope = "https://graph.microsoft.com/.default".parse()?;
/// assert!("User.Read".parse::<Scope>().is_err());
/// # Ok::<(), entra_auth::ParseScopeError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Arc<str>);

impl Scope {
    /// The scope as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is not one `<resource>/.default`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one resource and `/.default`, such as `https://graph.microsoft.com/.default`")]
pub struct ParseScopeError(());

impl FromStr for Scope {
    type Err = ParseScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // https://www.rfc-editor.org/rfc/rfc6749#section-3.3: a scope is a list separated by spaces.
        let is_scope_token = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        match text.strip_suffix("/.default") {
            Some(resource) if !resource.is_empty() && resource.bytes().all(is_scope_token) => {
                Ok(Self(text.into()))
            }
            _ => Err(ParseScopeError(())),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({self})")
    }
}
