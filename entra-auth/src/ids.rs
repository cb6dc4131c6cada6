use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

/// A Microsoft Entra tenant: its GUID, or one of its verified domains.
///
/// `common`, `organizations` and `consumers` are no tenants: an application signs in to exactly one.
/// The text is kept in lower case.
///
/// ```
/// use entra_auth::TenantId;
///
/// let tenant: TenantId = "contoso.onmicrosoft.com".parse()?;
/// assert!(!tenant.is_guid());
/// assert!("common".parse::<TenantId>().is_err());
/// # Ok::<(), entra_auth::ParseIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TenantId {
    text: Arc<str>,
    is_guid: bool,
}

impl TenantId {
    /// The tenant as it stands in a token endpoint's path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is the tenant's GUID, which a token's `tid` can be compared with.
    #[must_use]
    pub const fn is_guid(&self) -> bool {
        self.is_guid
    }
}

impl FromStr for TenantId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        if matches!(lower.as_str(), "common" | "organizations" | "consumers") {
            return Err(ParseIdError::NotOneTenant);
        }
        let is_guid = is_guid(&lower);
        if is_guid || is_domain(&lower) {
            Ok(Self {
                text: lower.into(),
                is_guid,
            })
        } else {
            Err(ParseIdError::NotATenant)
        }
    }
}

/// An application (client) id: a GUID, in lower case.
///
/// ```
/// use entra_auth::ClientId;
///
/// let client: ClientId = "6731DE76-14A6-49AE-97BC-6EBA6914391E".parse()?;
/// assert_eq!(client.as_str(), "6731de76-14a6-49ae-97bc-6eba6914391e");
/// # Ok::<(), entra_auth::ParseIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// The GUID, hyphenated, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        if is_guid(&lower) {
            Ok(Self(lower.into()))
        } else {
            Err(ParseIdError::NotAClient)
        }
    }
}

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseIdError {
    /// `common`, `organizations` or `consumers`.
    #[error("must name one tenant: `common`, `organizations` and `consumers` don't")]
    NotOneTenant,
    /// Neither a GUID nor a domain.
    #[error("must be the tenant's GUID or a domain, such as `contoso.onmicrosoft.com`")]
    NotATenant,
    /// Not a GUID.
    #[error("must be the application's GUID, such as `6731de76-14a6-49ae-97bc-6eba6914391e`")]
    NotAClient,
}

/// Only the hyphenated form: braces and URNs, which `Uuid` reads too, mean nothing to Entra.
fn is_guid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// At least two labels of letters, digits and inner hyphens ([RFC 1123](https://www.rfc-editor.org/rfc/rfc1123#section-2.1)).
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}

macro_rules! text_traits {
    ($id:ident) => {
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($id), "({})"), self.as_str())
            }
        }

        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(D::Error::custom)
            }
        }
    };
}

text_traits!(TenantId);
text_traits!(ClientId);
