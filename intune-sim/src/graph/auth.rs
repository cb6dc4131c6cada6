//! Who calls, and what they may do.

use std::collections::HashSet;

use http::{HeaderMap, header};
use jsonwebtoken::{Algorithm, Validation, decode, errors::ErrorKind};

use super::{Exchange, errors::GraphError};
use crate::{
    Tenant,
    entra::{cae, grant::AppToken, token},
    time,
};

/// The roles that may read, either of them.
const READERS: [&str; 2] = [
    "DeviceManagementManagedDevices.Read.All",
    "DeviceManagementManagedDevices.ReadWrite.All",
];

/// The application that calls.
pub(crate) struct Caller {
    pub(crate) client_id: String,
    roles: Vec<String>,
}

impl Caller {
    pub(crate) fn has_one_of(&self, roles: &[&str]) -> bool {
        self.roles.iter().any(|role| roles.contains(&role.as_str()))
    }
}

/// Who the request's token is for, if the token is one for this Graph.
pub(crate) fn caller(tenant: &Tenant, headers: &HeaderMap) -> Result<Caller, GraphError> {
    let Some(bearer) = bearer(headers) else {
        return Err(GraphError::invalid_token("Access token is empty."));
    };
    if tenant.state().faults.rejects(headers) {
        return Err(GraphError::invalid_token(
            "Lifetime validation failed, the token is expired.",
        ));
    }
    let mut validation = Validation::new(Algorithm::RS256);
    // Judged below: from `exp` on a token is expired (RFC 7519, section 4.1.4), here only after it.
    validation.validate_exp = false;
    validation.leeway = 0;
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    validation.iss = Some(HashSet::from([token::app_issuer(tenant)]));
    validation.aud = Some(audiences(tenant));

    let now = time::now().timestamp();
    let mut refusal = "Access token validation failure. Invalid signature.";
    for key in tenant.0.keys.honoured() {
        match decode::<AppToken>(bearer, &key.decoding, &validation) {
            Ok(token) if token.claims.exp <= now => {
                refusal = "Lifetime validation failed, the token is expired.";
            }
            Ok(token) if token.claims.tid == tenant.tenant() => {
                let revocation = tenant.state().revocation;
                if token.claims.precedes(revocation) {
                    return Err(GraphError::invalid_token(cae::REVOKED)
                        .header(header::WWW_AUTHENTICATE, &cae::challenge(revocation.at)));
                }
                return Ok(Caller {
                    client_id: token.claims.appid,
                    roles: token.claims.roles,
                });
            }
            Ok(_) => refusal = "Access token validation failure. Invalid tenant.",
            Err(error) => match error.kind() {
                ErrorKind::InvalidSignature => {}
                ErrorKind::InvalidAudience => {
                    refusal = "Access token validation failure. Invalid audience.";
                }
                ErrorKind::InvalidIssuer => {
                    refusal = "Access token validation failure. Invalid issuer.";
                }
                _ => refusal = "IDX14100: JWT is not well formed, there are no dots (.).",
            },
        }
    }
    Err(GraphError::invalid_token(refusal))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim())
        .filter(|token| !token.is_empty())
}

/// Every way to write the resource that tokens are issued for, with and without its last slash.
fn audiences(tenant: &Tenant) -> HashSet<String> {
    let own = tenant.graph().as_str().trim_end_matches('/');
    let roots = token::GRAPH_ROOTS.into_iter().chain([own]);
    roots
        .flat_map(|root| [root.to_owned(), format!("{root}/")])
        .collect()
}

/// Whether the caller may read devices.
pub(crate) fn may_read(caller: &Caller, path: &str, exchange: &Exchange) -> Result<(), GraphError> {
    may(caller, &READERS, path, exchange)
}

/// Whether the caller has one of these roles.
pub(crate) fn may(
    caller: &Caller,
    roles: &[&str],
    path: &str,
    exchange: &Exchange,
) -> Result<(), GraphError> {
    if caller.has_one_of(roles) {
        Ok(())
    } else {
        Err(GraphError::missing_scope(&roles.join(", "), path, exchange))
    }
}
