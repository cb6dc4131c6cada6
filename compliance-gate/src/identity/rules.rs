use intune_core::ParseIdError;
use serde_json::Value;

use super::{Claim, DeviceIdentity, TokenClaims};

/// The claim in which Entra ID names the device.
const ENTRA_DEVICE_CLAIM: &str = "deviceid";
/// The claim in which Entra ID names the tenant.
const ENTRA_TENANT_CLAIM: &str = "tid";

/// Where a token of one issuer names the device.
///
/// A claim means what its issuer makes it mean: in Entra ID `deviceid` is
/// [restricted](https://learn.microsoft.com/entra/identity-platform/reference-claims-customization), so
/// that no administrator can forge it, while elsewhere a claim of that name may be a profile field that its
/// user edits. So there is a rule for each issuer, and none for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerRule {
    issuer: String,
    claim: String,
    tenant: Option<String>,
    confirmed: bool,
}

/// A key that the host has seen its caller hold, by its thumbprint: base64url of SHA-256, without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation<'a> {
    /// The public key of a DPoP proof; `jkt` of [RFC 9449](https://www.rfc-editor.org/rfc/rfc9449#section-6.1).
    Jwk(&'a str),
    /// The client certificate of mutual TLS; `x5t#S256` of
    /// [RFC 8705](https://www.rfc-editor.org/rfc/rfc8705#section-3.1).
    Certificate(&'a str),
}

impl IssuerRule {
    /// The preset for Entra ID: the claim is `deviceid`, and `tid` must be the tenant.
    ///
    /// # Errors
    ///
    /// `tenant` is not a GUID, which is the only form that `tid` has.
    pub fn entra(issuer: impl Into<String>, tenant: &str) -> Result<Self, ParseIdError> {
        // Any GUID type has the grammar; a tenant is none of the ids of this domain.
        let tenant: intune_core::UserId = tenant.parse()?;
        Ok(Self {
            issuer: issuer.into(),
            claim: ENTRA_DEVICE_CLAIM.to_owned(),
            tenant: Some(tenant.to_string()),
            confirmed: false,
        })
    }

    /// A rule for an issuer, such as Keycloak, that writes the device's Entra id into a claim of this name.
    /// Make sure there that users can't edit it.
    #[must_use]
    pub fn named_claim(issuer: impl Into<String>, claim: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            claim: claim.into(),
            tenant: None,
            confirmed: false,
        }
    }

    /// Demands that tokens are bound to a key by `cnf` ([RFC 7800](https://www.rfc-editor.org/rfc/rfc7800)), and that
    /// the caller holds it: only then does a token show that the caller *is* the device.
    ///
    /// A token that isn't, or whose key the host doesn't give to
    /// [`identify_confirmed`](IdentityRules::identify_confirmed), names an invalid device.
    #[must_use]
    pub const fn confirmed(mut self) -> Self {
        self.confirmed = true;
        self
    }
}

/// The rules of all issuers that a host accepts.
///
/// ```
/// use compliance_gate::{DeviceIdentity, IdentityRules, IssuerRule, TokenClaims};
///
/// let rules = IdentityRules::new([IssuerRule::named_claim("https://sso.example/realms/eu", "device")]);
/// let claims: TokenClaims = serde_json::from_str(
///     r#"{"iss":"https://sso.example/realms/eu","device":"33333333-4444-4555-8666-777777777777"}"#,
/// )?;
/// assert!(matches!(rules.identify(&claims), DeviceIdentity::Present(_)));
///
/// // Nobody said that this issuer may name devices.
/// let claims: TokenClaims = serde_json::from_str(
///     r#"{"iss":"https://elsewhere.example","device":"33333333-4444-4555-8666-777777777777"}"#,
/// )?;
/// assert_eq!(rules.identify(&claims), DeviceIdentity::Invalid);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityRules {
    rules: Vec<IssuerRule>,
}

impl IdentityRules {
    /// Makes a rule set; the first rule of an issuer counts.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = IssuerRule>) -> Self {
        Self {
            rules: rules.into_iter().collect(),
        }
    }

    /// Finds the device that a token names. Only for tokens whose signature and issuer were verified.
    #[must_use]
    pub fn identify(&self, claims: &TokenClaims) -> DeviceIdentity {
        self.identify_confirmed(claims, None)
    }

    /// Finds the device that a token names, given the key that the host has verified its caller to hold, by a client
    /// certificate or a DPoP proof.
    #[must_use]
    pub fn identify_confirmed(
        &self,
        claims: &TokenClaims,
        key: Option<Confirmation<'_>>,
    ) -> DeviceIdentity {
        let issuer = claims.text("iss");
        let Some(rule) = self
            .rules
            .iter()
            .find(|rule| Some(rule.issuer.as_str()) == issuer)
        else {
            return self.without_rule(claims);
        };
        if !rule.tenant_fits(claims) || !rule.is_confirmed(claims, key) {
            return DeviceIdentity::Invalid;
        }
        match claims.claim(&rule.claim) {
            Claim::Absent => DeviceIdentity::Absent,
            Claim::Present(Value::String(text)) => text
                .parse()
                .map_or(DeviceIdentity::Invalid, DeviceIdentity::Present),
            Claim::Present(_) | Claim::Repeated => DeviceIdentity::Invalid,
        }
    }

    fn without_rule(&self, claims: &TokenClaims) -> DeviceIdentity {
        let mut names = self.rules.iter().map(|rule| rule.claim.as_str());
        let names_a_device = claims.claim(ENTRA_DEVICE_CLAIM) != Claim::Absent
            || names.any(|name| claims.claim(name) != Claim::Absent);
        if names_a_device {
            DeviceIdentity::Invalid
        } else {
            DeviceIdentity::Absent
        }
    }
}

impl IssuerRule {
    fn tenant_fits(&self, claims: &TokenClaims) -> bool {
        let Some(tenant) = &self.tenant else {
            return true;
        };
        match claims.claim(ENTRA_TENANT_CLAIM) {
            Claim::Present(Value::String(text)) => text.eq_ignore_ascii_case(tenant),
            // Without a tenant, a device can't be believed, but there need not be one.
            Claim::Absent => claims.claim(&self.claim) == Claim::Absent,
            Claim::Present(_) | Claim::Repeated => false,
        }
    }

    fn is_confirmed(&self, claims: &TokenClaims, key: Option<Confirmation<'_>>) -> bool {
        match (claims.claim("cnf"), key) {
            _ if !self.confirmed => true,
            (Claim::Present(bound), Some(Confirmation::Jwk(held))) => {
                bound.get("jkt").and_then(Value::as_str) == Some(held)
            }
            (Claim::Present(bound), Some(Confirmation::Certificate(held))) => {
                bound.get("x5t#S256").and_then(Value::as_str) == Some(held)
            }
            // Unbound, a device can't be believed, but there need not be one.
            (Claim::Absent, _) => claims.claim(&self.claim) == Claim::Absent,
            (Claim::Present(_), None) | (Claim::Repeated, _) => false,
        }
    }
}
