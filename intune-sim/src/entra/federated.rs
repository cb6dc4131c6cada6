//! Federated identity credentials: assertions of another issuer, for its subject.

use super::{EntraError, assertion, jwt::Jwt};
use crate::{Tenant, tenant::apps::App};

/// Whose tokens an application takes for its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Federated {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audience: String,
}

/// Whether a token of another issuer stands for the application. It may be presented many times.
pub(super) fn verify(tenant: &Tenant, app: &App, jwt: &Jwt<'_>) -> Result<(), EntraError> {
    if app.federated.is_empty() {
        return Err(EntraError::of(70021));
    }
    let issuer = jwt.text("iss").unwrap_or_default();
    let of_issuer: Vec<&Federated> = app
        .federated
        .iter()
        .filter(|record| record.issuer == issuer)
        .collect();
    if of_issuer.is_empty() {
        return Err(mismatch(700_211, "issuer", issuer));
    }
    // The one issuer whose keys are at hand.
    let signed = issuer == tenant.kubernetes_issuer()
        && jwt.signed_by(&tenant.0.keys.kubernetes().public_key());
    if !signed {
        return Err(EntraError::says(
            700_027,
            "Client assertion contains an invalid signature. [Reason - The key was not found.]",
        ));
    }
    assertion::in_time(jwt)?;

    let subject = jwt.text("sub").unwrap_or_default();
    let of_subject: Vec<&&Federated> = of_issuer
        .iter()
        .filter(|record| record.subject == subject)
        .collect();
    if of_subject.is_empty() {
        let in_any_case = |record: &&Federated| record.subject.eq_ignore_ascii_case(subject);
        if of_issuer.iter().any(in_any_case) {
            let text = format!(
                "No matching federated identity record found for presented assertion subject '{subject}'. \
                 The subject matches with case-insensitive comparison, but not with case-sensitive \
                 comparison."
            );
            return Err(EntraError::says(7_002_138, text));
        }
        return Err(mismatch(700_213, "subject", subject));
    }
    let audience = assertion::audience_of(jwt)?;
    if of_subject.iter().any(|record| record.audience == audience) {
        Ok(())
    } else {
        Err(mismatch(700_212, "audience", audience))
    }
}

fn mismatch(code: u32, what: &str, value: &str) -> EntraError {
    let text = format!(
        "No matching federated identity record found for presented assertion {what} '{value}'. Check your \
         federated identity credential Subject, Audience and Issuer against the presented assertion. \
         https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
    );
    EntraError::says(code, text)
}
