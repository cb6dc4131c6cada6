//! From settings to a host: the one place where the crates are put together.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use chronicle::{JsonlSink, Sink};
use clock::{Clock, SystemClock};
use compliance_gate::{
    CachedCompliance, Conditions, Gate, GateConfig, IdentityRules, IssuerRule, Policies,
};
use entra_auth::{
    ClientId, Cloud, EntraConfig, TenantId,
    http::{HttpClient, ServiceUrl},
};
use env_config::{ConfigError, Environment};
use intune_core::{ComplianceSource, DirectoryCompliance};
use intune_graph::{GraphClient, GraphConfig};
use intune_sim::{Sim, SimConfig};

use crate::{
    ac::{ISSUER, Issuer},
    args::Args,
    bearer::{IssuerSpec, Preset, Verifier},
    host::Host,
    watched::WatchedSink,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Whose devices it is about.
#[derive(Debug)]
pub enum Tenant {
    /// A simulated tenant in this process.
    Embedded(Sim),
    /// The one that the environment names.
    Environment,
}

/// A host, and what its operator should know of it.
#[derive(Debug)]
pub struct Setup {
    /// The host.
    pub host: Host,
    /// Where its Chronicle is.
    pub chronicle: PathBuf,
    /// What is odd about its settings.
    pub warning: Option<String>,
}

/// Finds the tenant: the environment's if it says anything at all, else an embedded one.
///
/// # Errors
///
/// The embedded tenant can't start.
pub async fn tenant(environment: &Environment) -> Result<Tenant, Failure> {
    if GateConfig::is_mentioned(environment) {
        return Ok(Tenant::Environment);
    }
    Ok(Tenant::Embedded(Sim::start(SimConfig::default()).await?))
}

/// The settings of a host over an embedded tenant.
#[must_use]
pub fn environment_of(sim: &Sim) -> Environment {
    Environment::from_pairs([
        ("INTUNE_ENABLED", "true".to_owned()),
        ("INTUNE_GRAPH_ENDPOINT", sim.graph().to_string()),
        ("ENTRA_AUTHORITY_HOST", sim.authority().to_string()),
        ("ENTRA_TENANT_ID", sim.tenant().to_owned()),
        ("ENTRA_CLIENT_ID", sim.client_id().to_owned()),
        ("ENTRA_CLIENT_SECRET", sim.client_secret().to_owned()),
    ])
}

/// Puts a host together over an embedded tenant.
///
/// # Errors
///
/// As [`from_env`].
pub fn embedded(sim: &Sim, args: &Args) -> Result<Setup, Failure> {
    from_env(&environment_of(sim), args)
}

/// Puts a host together from the environment.
///
/// # Errors
///
/// Every variable that is wrong, or what can't be opened.
pub fn from_env(environment: &Environment, args: &Args) -> Result<Setup, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let gate = GateConfig::from_env(environment);
    let enabled = GateConfig::wants_enabled(environment);
    let (gate, tenant) = if enabled {
        let (entra, graph) = (
            EntraConfig::from_env(environment),
            GraphConfig::from_env(environment),
        );
        match (gate, entra, graph) {
            (Ok(gate), Ok(entra), Ok(graph)) => (gate, Some((entra, graph))),
            (gate, entra, graph) => {
                let errors = [gate.err(), entra.err(), graph.err()];
                return Err(union(errors.into_iter().flatten()));
            }
        }
    } else {
        (gate?, None)
    };
    let setup = build(Parts {
        policies: gate.policies().clone(),
        max_age: gate.cache_ttl(),
        tenant,
        clock,
        environment,
        args,
    })?;
    let unset = "INTUNE_ENABLED is not set: no device is checked";
    let warning = (!enabled).then(|| gate.warning().unwrap_or(unset).to_owned());
    Ok(Setup { warning, ..setup })
}

/// Puts a host together over an embedded tenant, with a policy of the caller's.
///
/// # Errors
///
/// What can't be opened.
pub fn with_policies(sim: &Sim, args: &Args, policies: Policies) -> Result<Setup, Failure> {
    let environment = environment_of(sim);
    build(Parts {
        policies,
        max_age: GateConfig::from_env(&environment)?.cache_ttl(),
        tenant: Some((
            EntraConfig::from_env(&environment)?,
            GraphConfig::from_env(&environment)?,
        )),
        clock: Arc::new(SystemClock::new()),
        environment: &environment,
        args,
    })
}

/// Conditions of the scenario, which shows every row of the table.
#[must_use]
pub fn demanding() -> Conditions {
    Conditions::new()
        .bind_subject(true)
        .max_check_in_age(std::time::Duration::from_secs(30 * 24 * 3600))
}

struct Parts<'a> {
    policies: Policies,
    max_age: std::time::Duration,
    tenant: Option<(EntraConfig, GraphConfig)>,
    clock: Arc<dyn Clock>,
    environment: &'a Environment,
    args: &'a Args,
}

fn build(parts: Parts<'_>) -> Result<Setup, Failure> {
    let Parts {
        policies,
        max_age,
        tenant,
        clock,
        environment,
        args,
    } = parts;
    let home = Home::from_env(environment);
    let issuers = home.issuers(args)?;
    let audience = home.audience(args)?;
    let identity = home.identity_rules(&issuers, tenant.is_some())?;

    let chronicle = args.chronicle.clone().unwrap_or_else(new_chronicle);
    let file: Arc<dyn Sink> = Arc::new(JsonlSink::open(&chronicle).map_err(told)?);
    let sink = Arc::new(WatchedSink::new(file, Arc::clone(&clock)));

    let (source, graph): (Arc<dyn ComplianceSource>, _) = match tenant {
        Some((entra, graph)) => {
            let tokens = entra.client(Arc::clone(&clock))?;
            let endpoint = graph.endpoint();
            let devices = GraphClient::new(endpoint.clone(), Arc::new(tokens.clone()))?;
            let live = DirectoryCompliance::new(Arc::new(devices));
            (
                Arc::new(CachedCompliance::new(Arc::new(live))),
                Some((tokens, endpoint.scope().clone())),
            )
        }
        // A gate that is off asks nobody.
        None => (Arc::new(nobody::Nobody), None),
    };
    let gate = Gate::builder(policies, source, Arc::clone(&clock))
        .max_age(max_age)
        .chronicle(sink.clone(), ISSUER.parse()?)
        .build()?;

    let http = HttpClient::new()?;
    let host = Host {
        identity,
        verifier: Arc::new(Verifier::new(issuers, audience, &http, Arc::clone(&clock))),
        gate,
        issuer: Arc::new(Issuer::new()?),
        graph,
        chronicle: sink,
        clock,
    };
    Ok(Setup {
        host,
        chronicle,
        warning: None,
    })
}

/// What the environment says of the tenant whose tokens are accepted. Read by itself, since it counts with the
/// gate off, too.
struct Home {
    tenant: Option<TenantId>,
    client_id: Option<ClientId>,
    authority: ServiceUrl,
}

impl Home {
    fn from_env(environment: &Environment) -> Self {
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
    fn issuers(&self, args: &Args) -> Result<Vec<IssuerSpec>, Failure> {
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

    fn audience(&self, args: &Args) -> Result<String, Failure> {
        let client_id = || self.client_id.as_ref().map(ToString::to_string);
        let audience = args.audience.clone().or_else(client_id);
        Ok(
            audience
                .ok_or("say --audience, or set ENTRA_CLIENT_ID: tokens must be for somebody")?,
        )
    }

    /// The rules by which tokens name devices; what a gate that is off never asks may be unknown.
    fn identity_rules(
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

/// What an operator at a terminal would like to know of a host that listens on `address`.
#[must_use]
pub fn hints(tenant: &Tenant, chronicle: &Path, address: SocketAddr) -> String {
    let chronicle = format!("Chronicle: {}\n", chronicle.display());
    let Tenant::Embedded(sim) = tenant else {
        return chronicle;
    };
    let compliant = sim.devices().into_iter().find(|device| {
        device.text("complianceState") == "compliant" && device.text("managementState") == "managed"
    });
    let device = compliant
        .map(|device| device.entra_device_id().to_owned())
        .unwrap_or_default();
    // How to get a token, and not a token: what is printed is kept.
    format!(
        "{chronicle}A simulated tenant is at {sim_url} (see {sim_url}_sim/). A user on a compliant device asks:\n\n\
         TOKEN=$(curl -s {sim_url}_sim/tokens -H 'Content-Type: application/json' \\\n  \
           -d '{{\"claims\":{{\"deviceid\":\"{device}\"}}}}' | sed 's/.*\"token\":\"\\([^\"]*\\).*/\\1/')\n\
         curl -s -H \"Authorization: Bearer $TOKEN\" -d '{{\"accord_template\":\"device-management\"}}' \\\n  \
           http://{address}/governance/authorize/\n",
        sim_url = sim.base_url(),
    )
}

/// A new file for a Chronicle, in the system's temporary directory.
#[must_use]
pub fn new_chronicle() -> PathBuf {
    std::env::temp_dir().join(format!("authorize-{}.jsonl", uuid::Uuid::new_v4()))
}

fn union(errors: impl Iterator<Item = ConfigError>) -> Failure {
    match ConfigError::union(errors) {
        Some(error) => error.into(),
        None => "the configuration is wrong".into(),
    }
}

/// An error with the cause that its message leaves to `source`.
fn told(error: chronicle::OpenError) -> Failure {
    use std::error::Error as _;
    match error.source() {
        Some(source) => format!("{error}: {source}").into(),
        None => error.into(),
    }
}

mod nobody {
    use async_trait::async_trait;
    use intune_core::{
        ComplianceSource, EntraDeviceId, Freshness, Observation, SourceFailure, SourceFailureKind,
    };

    /// Knows of no device, and says so.
    #[derive(Debug)]
    pub(super) struct Nobody;

    #[async_trait]
    impl ComplianceSource for Nobody {
        async fn compliance(
            &self,
            _: EntraDeviceId,
            _: Freshness,
        ) -> Result<Observation, SourceFailure> {
            Err(SourceFailure::new(SourceFailureKind::Unavailable))
        }
    }
}
