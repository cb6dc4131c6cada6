//! Whose tokens are accepted.

use compliance_gate::{IdentityRules, IssuerRule};
use entra_auth::{ClientId, Cloud, TenantId, http::ServiceUrl};
use env_config::Environment;

use super::Failure;
use crate::{
    args::Args,
    bearer::{IssuerSpec, Preset},
};

/// What the environment says of the tenant whose tokens are accepted. Read by itself, since it counts with the
/// gate off, too.
pub(super) struct Home {
    tenant: Option<TenantId>,
    client_id: Option<ClientId>,
    authority: ServiceUrl,
}

impl Home {
    pub(super) fn from_env(environment: &Environment) -> Self {
        // With the gate on, the problems have been told; with the gate off, they are none.
        let mut reader = env_config::Reader::new(environment);
        let cloud: Cloud = reader
            .optional("ENTRA_CLOUD", str::parse)
            .unwrap_or_default();
        let authority = reader.optional("ENTRA_AUTHORITY_HOST", str::parse);
        Self {
            tenant: reader.optional("ENTRA_TENANT_ID", str::parse),
            client_id: reader.optional("ENTRA_CLIENT_ID", str::parse),
            authority: authority.unwrap_or_else(|| cloud.authority()),
        }
    }

    /// The issuers that are trusted: those named, or else the tenant.
    pub(super) fn issuers(&self, args: &Args) -> Result<Vec<IssuerSpec>, Failure> {
        if !args.issuers.is_empty() {
            return Ok(args.issuers.clone());
        }
        let tenant = self.tenant.as_ref();
        let tenant =
            tenant.ok_or("say --issuer, or set ENTRA_TENANT_ID: there is nobody to trust")?;
        let issuer = format!("{}{tenant}/v2.0", self.authority);
        Ok(vec![IssuerSpec {
            issuer,
            preset: Preset::Entra,
        }])
    }

    pub(super) fn audience(&self, args: &Args) -> Result<String, Failure> {
        let client_id = || self.client_id.as_ref().map(ToString::to_string);
        let audience = args.audience.clone().or_else(client_id);
        Ok(
            audience
                .ok_or("say --audience, or set ENTRA_CLIENT_ID: tokens must be for somebody")?,
        )
    }

    /// The rules by which tokens name devices; what a gate that is off never asks may be unknown.
    pub(super) fn identity_rules(
        &self,
        issuers: &[IssuerSpec],
        enabled: bool,
    ) -> Result<IdentityRules, Failure> {
        let mut rules = Vec::new();
        for IssuerSpec { issuer, preset } in issuers {
            match preset {
                Preset::Keycloak { claim } => rules.push(IssuerRule::named_claim(issuer, claim)),
                Preset::Entra => match self.tenant_guid(issuer) {
                    Some(tenant) => rules.push(IssuerRule::entra(issuer, tenant)?),
                    None if enabled => {
                        return Err("ENTRA_TENANT_ID: must be the tenant's GUID where Entra ID is an issuer, \
                                    since that is what tokens name"
                            .into());
                    }
                    None => {}
                },
            }
        }
        Ok(IdentityRules::new(rules))
    }

    /// The tenant's GUID: configured, or, for a tenant configured by its domain, in the issuer's URL.
    fn tenant_guid<'a>(&'a self, issuer: &'a str) -> Option<&'a str> {
        let configured = self.tenant.as_ref().filter(|tenant| tenant.is_guid());
        let named = || {
            issuer
                .split('/')
                .find(|part| IssuerRule::entra("", part).is_ok())
        };
        configured.map(TenantId::as_str).or_else(named)
    }
}
