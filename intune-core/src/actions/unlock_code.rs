use std::{fmt, str::FromStr};

use secrecy::{ExposeSecret as _, SecretString};

/// The six digits that unlock a Mac after a wipe. A secret: zeroised, and absent from `Debug`.
///
/// ```
/// use intune_core::MacOsUnlockCode;
///
/// let code: MacOsUnlockCode = "482913".parse()?;
/// assert!(!format!("{code:?}").contains("482913"));
/// assert!("48291".parse::<MacOsUnlockCode>().is_err());
/// # Ok::<(), intune_core::ParseUnlockCodeError>(())
/// ```
#[derive(Clone)]
pub struct MacOsUnlockCode(SecretString);

impl MacOsUnlockCode {
    /// The digits, for whoever sends them.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl FromStr for MacOsUnlockCode {
    type Err = ParseUnlockCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.into()))
        } else {
            Err(ParseUnlockCodeError(()))
        }
    }
}

impl fmt::Debug for MacOsUnlockCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacOsUnlockCode([redacted])")
    }
}

/// A text that is not an unlock code. It doesn't repeat the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an unlock code has exactly six digits")]
pub struct ParseUnlockCodeError(());
