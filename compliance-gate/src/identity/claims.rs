use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

/// The claims of a token whose signature was verified, read so that nothing is overlooked.
///
/// Any JSON object is read, whatever the types of its values. A claim that is given twice, be it once with an escaped
/// key, is [`Claim::Repeated`]: parsers that keep the first and parsers that keep the last would disagree
/// on it.
///
/// ```
/// use compliance_gate::{Claim, TokenClaims};
///
/// let claims: TokenClaims = serde_json::from_str(r#"{"sub":"adele","deviceid":"a","device\u0069d":"b"}"#)?;
/// assert_eq!(claims.text("sub"), Some("adele"));
/// assert_eq!(claims.claim("deviceid"), Claim::Repeated);
/// assert_eq!(claims.claim("tid"), Claim::Absent);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct TokenClaims {
    claims: Vec<(String, Value)>,
}

/// What a token says under one name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Claim<'a> {
    /// Nothing.
    Absent,
    /// This, which may be `null`.
    Present(&'a Value),
    /// Several things.
    Repeated,
}

impl TokenClaims {
    /// What the token says under `name`.
    #[must_use]
    pub fn claim(&self, name: &str) -> Claim<'_> {
        let mut found = self.claims.iter().filter(|(key, _)| key == name);
        match (found.next(), found.next()) {
            (None, _) => Claim::Absent,
            (Some((_, value)), None) => Claim::Present(value),
            (Some(_), Some(_)) => Claim::Repeated,
        }
    }

    /// A claim that is there once and is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.claim(name) {
            Claim::Present(value) => value.as_str(),
            Claim::Absent | Claim::Repeated => None,
        }
    }
}

/// Shows which claims there are, not what they say: tokens carry personal data.
impl fmt::Debug for TokenClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.claims.iter().map(|(name, _)| name))
            .finish()
    }
}

impl<'de> Deserialize<'de> for TokenClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Claims;

        impl<'de> Visitor<'de> for Claims {
            type Value = TokenClaims;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of claims")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TokenClaims, A::Error> {
                let mut claims = Vec::new();
                while let Some(claim) = map.next_entry()? {
                    claims.push(claim);
                }
                Ok(TokenClaims { claims })
            }
        }

        deserializer.deserialize_map(Claims)
    }
}
