use std::fmt;

use secrecy::SecretString;

/// What an application proves its identity with. Never shown, and wiped when dropped.
///
/// ```
/// use entra_auth::Credential;
///
/// let credential = Credential::secret("8fQ~…".into());
/// assert!(!format!("{credential:?}").contains("8fQ"));
/// ```
#[derive(Clone)]
pub struct Credential(Kind);

#[derive(Clone)]
enum Kind {
    Secret(SecretString),
}

impl Credential {
    /// A client secret: its *value*, not the *secret ID* beside it in the portal.
    #[must_use]
    pub const fn secret(secret: SecretString) -> Self {
        Self(Kind::Secret(secret))
    }

    pub(crate) const fn client_secret(&self) -> &SecretString {
        match &self.0 {
            Kind::Secret(secret) => secret,
        }
    }
}

/// Shows the kind of credential only.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Secret(_) => "Credential::secret(…)",
        })
    }
}
