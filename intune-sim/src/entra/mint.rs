//! Tokens of other parties for tests: right ones, and wrong ones of every kind.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::claims;
use crate::Tenant;

/// Whose tokens to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Like Entra ID: `tid`, `oid`, `ver`, and the device in `deviceid` if there is one.
    #[default]
    Entra,
    /// Like a Keycloak realm: `azp`, `typ`, `preferred_username`.
    Keycloak,
    /// Like a Kubernetes cluster's, for a service account: what workload identity presents to Entra ID.
    Kubernetes,
}

/// Which key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyChoice {
    /// The key that the issuer publishes.
    #[default]
    Current,
    /// A key that nobody publishes, under the `kid` of the published one.
    Wrong,
}

/// Which `kid` the header names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KidChoice {
    /// That of the published key.
    #[default]
    Current,
    /// One that was never published, new with every token.
    Unknown,
    /// None.
    Absent,
}

/// A user's or service account's token to sign, by default valid for an hour.
///
/// A user's has the tenant's client id as audience.
///
/// ```
/// use intune_sim::{KidChoice, UserToken};
///
/// let right = UserToken::entra().device("33333333-4444-4555-8666-777777777777");
/// let expired = right.clone().lifetime_seconds(-60);
/// let twice = right.clone().raw_members(r#""deviceid":"other""#);
/// let unknown_key = right.kid(KidChoice::Unknown);
/// # let _ = (expired, twice, unknown_key);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserToken {
    kind: TokenKind,
    claims: Map<String, Value>,
    without: Vec<String>,
    lifetime_seconds: i64,
    key: KeyChoice,
    kid: KidChoice,
    raw_members: Option<String>,
    raw_payload: Option<String>,
}

impl Default for UserToken {
    fn default() -> Self {
        Self {
            kind: TokenKind::Entra,
            claims: Map::new(),
            without: Vec::new(),
            lifetime_seconds: 3600,
            key: KeyChoice::Current,
            kid: KidChoice::Current,
            raw_members: None,
            raw_payload: None,
        }
    }
}

impl UserToken {
    /// A token like Entra ID's.
    #[must_use]
    pub fn entra() -> Self {
        Self::default()
    }

    /// A token like a Keycloak realm's.
    #[must_use]
    pub fn keycloak() -> Self {
        Self {
            kind: TokenKind::Keycloak,
            ..Self::default()
        }
    }

    /// A service account's token, for Entra's token exchange: audience `api://AzureADTokenExchange`.
    ///
    /// Its subject is `system:serviceaccount:{namespace}:{name}`.
    #[must_use]
    pub fn service_account(namespace: &str, name: &str) -> Self {
        let token = Self {
            kind: TokenKind::Kubernetes,
            ..Self::default()
        };
        token.subject(format!("system:serviceaccount:{namespace}:{name}"))
    }

    /// Sets a claim, or replaces the default one, with any JSON value.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Sets the `deviceid` claim.
    #[must_use]
    pub fn device(self, id: impl Into<String>) -> Self {
        self.claim("deviceid", id.into())
    }

    /// Sets the `sub` claim.
    #[must_use]
    pub fn subject(self, subject: impl Into<String>) -> Self {
        self.claim("sub", subject.into())
    }

    /// Sets the `aud` claim.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.claim("aud", audience.into())
    }

    /// Leaves a claim out, such as `exp`.
    #[must_use]
    pub fn without(mut self, claim: impl Into<String>) -> Self {
        self.without.push(claim.into());
        self
    }

    /// Sets the seconds from now to `exp`; negative ones make an expired token.
    #[must_use]
    pub fn lifetime_seconds(mut self, seconds: i64) -> Self {
        self.lifetime_seconds = seconds;
        self
    }

    /// Chooses the key that signs.
    #[must_use]
    pub fn key(mut self, key: KeyChoice) -> Self {
        self.key = key;
        self
    }

    /// Chooses the `kid` in the header.
    #[must_use]
    pub fn kid(mut self, kid: KidChoice) -> Self {
        self.kid = kid;
        self
    }

    /// Appends members to the payload, as they are: for claims given twice.
    #[must_use]
    pub fn raw_members(mut self, members: impl Into<String>) -> Self {
        self.raw_members = Some(members.into());
        self
    }

    /// Signs this text as the payload, instead of any claims; it needn't be JSON.
    #[must_use]
    pub fn raw_payload(mut self, payload: impl Into<String>) -> Self {
        self.raw_payload = Some(payload.into());
        self
    }

    pub(crate) fn sign(self, tenant: &Tenant) -> String {
        let keys = &tenant.0.keys;
        let published = match self.kind {
            TokenKind::Entra => keys.entra(),
            TokenKind::Keycloak => keys.keycloak(),
            TokenKind::Kubernetes => keys.kubernetes(),
        };
        let mut header = json!({ "typ": "JWT", "alg": "RS256" });
        let kid = match self.kid {
            KidChoice::Current => Some(published.kid.clone()),
            KidChoice::Unknown => Some(Uuid::new_v4().to_string()),
            KidChoice::Absent => None,
        };
        if let (Some(kid), Some(header)) = (kid, header.as_object_mut()) {
            header.insert("kid".to_owned(), kid.into());
        }
        let key = match self.key {
            KeyChoice::Current => published,
            KeyChoice::Wrong => keys.wrong(),
        };
        key.sign(&header.to_string(), &self.payload(tenant))
    }

    fn payload(self, tenant: &Tenant) -> String {
        if let Some(payload) = self.raw_payload {
            return payload;
        }
        let mut claims = claims::usual(self.kind, tenant, self.lifetime_seconds);
        claims.extend(self.claims);
        claims.retain(|name, _| !self.without.contains(name));
        let empty = claims.is_empty();
        let mut payload = Value::Object(claims).to_string();
        if let Some(members) = self.raw_members {
            payload.pop();
            payload.push_str(if empty { "" } else { "," });
            payload.push_str(&members);
            payload.push('}');
        }
        payload
    }
}
