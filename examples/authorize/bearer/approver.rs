use compliance_gate::{Claim, TokenClaims};
use intune_core::Approver;
use serde_json::Value;

use super::{VerifiedToken, verifier::numeric_date};

impl VerifiedToken {
    /// Who decides about a ceremony with this token; `None` if it doesn't say when its bearer signed in.
    ///
    /// The time is that of `auth_time`: a token can be issued today to somebody who signed in last week. In Entra ID
    /// it is an optional claim of an application, as is `idtyp`, by which an application's own token is known, and
    /// `xms_act_fct` and `xms_sub_fct`, by which an agent's is.
    #[must_use]
    pub fn approver(&self) -> Option<Approver> {
        let claims = &self.claims;
        let Claim::Present(signed_in) = claims.claim("auth_time") else {
            return None;
        };
        let approver = Approver::new(self.principal.clone(), numeric_date(signed_in)?);
        let approver = roles(claims)
            .into_iter()
            .fold(approver, |approver, role| approver.role(role));
        Some(if is_application(claims) {
            approver.application()
        } else {
            approver
        })
    }
}

/// `roles`, as Entra ID writes them, or Keycloak's `realm_access.roles`.
fn roles(claims: &TokenClaims) -> Vec<&str> {
    let list = match (claims.claim("roles"), claims.claim("realm_access")) {
        (Claim::Present(roles), _) => Some(roles),
        (Claim::Absent, Claim::Present(access)) => access.get("roles"),
        _ => None,
    };
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).collect()
}

/// A token that nobody signed in for, as far as it says: `idtyp`, or no delegated permission beside the
/// application's own object id.
fn is_application(claims: &TokenClaims) -> bool {
    let is_own = claims.text("oid").is_some() && claims.text("oid") == claims.text("sub");
    let is_typed =
        !matches!(claims.claim("idtyp"), Claim::Absent) && claims.text("idtyp") != Some("user");
    is_typed || (is_own && matches!(claims.claim("scp"), Claim::Absent))
}
