use std::{fmt, str::FromStr};

use crate::http::ServiceUrl;

/// A Microsoft cloud, which decides where applications sign in.
///
/// ```
/// use entra_auth::Cloud;
///
/// let cloud: Cloud = "china".parse()?;
/// assert_eq!(cloud.authority().to_string(), "https://login.partner.microsoftonline.cn/");
/// # Ok::<(), entra_auth::ParseCloudError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cloud {
    /// The worldwide cloud, GCC included; `global`.
    #[default]
    Global,
    /// US Government GCC High; `us-gov-high`.
    UsGovHigh,
    /// US Government DoD; `us-gov-dod`.
    UsGovDod,
    /// China, operated by 21Vianet; `china`.
    China,
}

impl Cloud {
    /// The name, as [`FromStr`] reads it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::UsGovHigh => "us-gov-high",
            Self::UsGovDod => "us-gov-dod",
            Self::China => "china",
        }
    }

    /// Where Entra ID signs in, by
    /// [Microsoft's list](https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud).
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the texts are constants, and a test parses each"
    )]
    pub fn authority(self) -> ServiceUrl {
        let text = match self {
            Self::Global => "https://login.microsoftonline.com/",
            Self::UsGovHigh | Self::UsGovDod => "https://login.microsoftonline.us/",
            Self::China => "https://login.partner.microsoftonline.cn/",
        };
        text.parse().expect("a constant URL")
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no [`Cloud`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `global`, `us-gov-high`, `us-gov-dod` or `china`")]
pub struct ParseCloudError(());

impl FromStr for Cloud {
    type Err = ParseCloudError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Global, Self::UsGovHigh, Self::UsGovDod, Self::China]
            .into_iter()
            .find(|cloud| cloud.as_str() == text)
            .ok_or(ParseCloudError(()))
    }
}
