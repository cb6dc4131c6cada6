use std::{fmt, str::FromStr};

use url::{Host, Url};

/// The root of an HTTP service to which secrets may be sent.
///
/// An absolute `https` URL, or `http` if the host is the loopback interface (`127.0.0.0/8`, `[::1]`,
/// `localhost`); without user, password, query or fragment. Its path always ends with `/`, so that
/// [`join`](Self::join) appends to it.
///
/// ```
/// use entra_auth::http::ServiceUrl;
///
/// let graph: ServiceUrl = "https://graph.microsoft.com/v1.0".parse()?;
/// assert_eq!(graph.join("users")?.as_str(), "https://graph.microsoft.com/v1.0/users");
/// assert!("http://graph.microsoft.com/v1.0".parse::<ServiceUrl>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServiceUrl(Url);

impl ServiceUrl {
    /// The URL, with a path that ends with `/`.
    #[must_use]
    pub const fn as_url(&self) -> &Url {
        &self.0
    }

    /// Resolves `relative` against this URL.
    ///
    /// A leading `/` starts from the origin's root, as
    /// [RFC 3986](https://www.rfc-editor.org/rfc/rfc3986#section-5.2) says.
    ///
    /// # Errors
    ///
    /// If the result is not a URL, or lies outside this URL's origin.
    pub fn join(&self, relative: &str) -> Result<Url, JoinUrlError> {
        let url = self.0.join(relative).map_err(|_| JoinUrlError(()))?;
        if self.same_origin(&url) {
            Ok(url)
        } else {
            Err(JoinUrlError(()))
        }
    }

    /// Whether `url` has this URL's scheme, host and port, and carries no user or password.
    #[must_use]
    pub fn same_origin(&self, url: &Url) -> bool {
        self.0.scheme() == url.scheme() && self.0.origin() == url.origin() && !has_userinfo(url)
    }
}

/// Whether a secret may travel to `url`: over TLS, or without leaving this machine.
pub(super) fn is_confidential(url: &Url) -> bool {
    !has_userinfo(url)
        && match url.scheme() {
            "https" => url.has_host(),
            "http" => is_loopback(url),
            _ => false,
        }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Why a text is not a [`ServiceUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseServiceUrlError {
    /// It is not an absolute URL.
    #[error("is not an absolute URL, such as `https://login.microsoftonline.com`")]
    NotAUrl,
    /// It carries a user or a password.
    #[error("must not carry a user or a password")]
    UserInfo,
    /// It is neither `https` nor `http` to the loopback interface.
    #[error("must be https; http is for loopback only (127.0.0.0/8, [::1] or localhost)")]
    Insecure,
    /// It has a query or a fragment.
    #[error("must not have a query or a fragment")]
    QueryOrFragment,
}

impl FromStr for ServiceUrl {
    type Err = ParseServiceUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The URL standard drops these; whoever wrote them meant something else.
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(ParseServiceUrlError::NotAUrl);
        }
        let url = Url::parse(text).map_err(|_| ParseServiceUrlError::NotAUrl)?;
        url.try_into()
    }
}

impl TryFrom<&str> for ServiceUrl {
    type Error = ParseServiceUrlError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<Url> for ServiceUrl {
    type Error = ParseServiceUrlError;

    fn try_from(mut url: Url) -> Result<Self, Self::Error> {
        if has_userinfo(&url) {
            return Err(ParseServiceUrlError::UserInfo);
        }
        if !is_confidential(&url) {
            return Err(ParseServiceUrlError::Insecure);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(ParseServiceUrlError::QueryOrFragment);
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceUrl({self})")
    }
}

/// A path that doesn't stay within a service's origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the path leads away from the service's scheme, host and port, or is not a path at all")]
pub struct JoinUrlError(());
