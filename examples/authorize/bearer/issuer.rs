use std::str::FromStr;

use entra_auth::http::{ParseServiceUrlError, ServiceUrl};

/// An issuer to trust, and which claim of its tokens names the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSpec {
    /// The issuer, exactly as `iss` has it.
    pub issuer: String,
    /// Which kind of issuer it is.
    pub preset: Preset,
}

/// Kinds of issuers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Entra ID: the device is in `deviceid`, and `tid` must be the tenant.
    Entra,
    /// Keycloak: the device is in a claim that a protocol mapper writes.
    Keycloak {
        /// The claim's name.
        claim: String,
    },
}

/// A text that names no issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseIssuerError {
    /// The URL can't be one of an issuer.
    #[error("the issuer {0}")]
    Url(ParseServiceUrlError),
    /// What follows the URL is no preset.
    #[error("after the URL comes `=keycloak:CLAIM`, with the name of a claim, or nothing")]
    Preset,
}

impl FromStr for IssuerSpec {
    type Err = ParseIssuerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (issuer, preset) = match text.split_once('=') {
            None => (text, Preset::Entra),
            Some((issuer, preset)) => match preset.strip_prefix("keycloak:") {
                Some(claim) if !claim.is_empty() => (
                    issuer,
                    Preset::Keycloak {
                        claim: claim.to_owned(),
                    },
                ),
                _ => return Err(ParseIssuerError::Preset),
            },
        };
        issuer
            .parse::<ServiceUrl>()
            .map_err(ParseIssuerError::Url)?;
        Ok(Self {
            issuer: issuer.to_owned(),
            preset,
        })
    }
}

impl IssuerSpec {
    /// Where [OpenID Connect Discovery](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)
    /// finds the issuer's metadata.
    #[must_use]
    pub fn discovery_url(&self) -> String {
        format!(
            "{}/.well-known/openid-configuration",
            self.issuer.trim_end_matches('/')
        )
    }
}
