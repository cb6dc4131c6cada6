//! From settings to a host: the one place where the crates are put together.

use std::{fmt::Write as _, path::PathBuf, sync::Arc};

use chronicle::{JsonlSink, Sink};
use clock::{Clock, SystemClock};
use compliance_gate::{
    CachedCompliance, Conditions, Gate, GateConfig, IdentityRules, IssuerRule, Policies,
};
use entra_auth::{EntraConfig, http::HttpClient};
use env_config::{ConfigError, Environment};
use intune_core::{ComplianceSource, DirectoryCompliance};
use intune_graph::{GraphClient, GraphConfig};
use intune_sim::{Sim, SimConfig, UserToken};

use crate::{
    ac::{ISSUER, Issuer},
    args::Args,
    bearer::{IssuerSpec, Preset, Verifier},
    host::Host,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The variables that name a tenant, or say what is asked of its devices.
const VARIABLES: [&str; 13] = [
    "INTUNE_ENABLED",
    "INTUNE_COMPLIANCE_REQUIRED",
    "INTUNE_COMPLIANCE_STRICT",
    "INTUNE_COMPLIANCE_CACHE_TTL",
    "INTUNE_ACCORD_POLICIES",
    "INTUNE_GRAPH_ENDPOINT",
    "ENTRA_TENANT_ID",
    "ENTRA_CLIENT_ID",
    "ENTRA_CLIENT_SECRET",
    "ENTRA_CLIENT_CERTIFICATE_PATH",
    "ENTRA_FEDERATED_TOKEN_FILE",
    "ENTRA_CLOUD",
    "ENTRA_AUTHORITY_HOST",
];

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
    if VARIABLES.iter().any(|name| environment.is_set(name)) {
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
    let (gate, tenant) = if GateConfig::wants_enabled(environment) {
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
    Ok(Setup {
        warning: gate.warning().map(str::to_owned),
        ..setup
    })
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
    let issuers = issuers(tenant.as_ref().map(|(entra, _)| entra), args)?;
    let tenant_id = tenant_id(tenant.as_ref().map(|(entra, _)| entra), environment);
    let audience = match (&args.audience, &tenant) {
        (Some(audience), _) => audience.clone(),
        (None, Some((entra, _))) => entra.client_id().to_string(),
        (None, None) => {
            return Err("the gate is off, so say --audience: there is no client id".into());
        }
    };

    let chronicle = args.chronicle.clone().unwrap_or_else(new_chronicle);
    let sink: Arc<dyn Sink> = Arc::new(JsonlSink::open(&chronicle).map_err(told)?);

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
        .chronicle(sink, ISSUER.parse()?)
        .build()?;

    let http = HttpClient::new()?;
    let host = Host {
        identity: identity_rules(&issuers, tenant_id.as_deref())?,
        verifier: Arc::new(Verifier::new(issuers, audience, &http, Arc::clone(&clock))),
        gate,
        issuer: Arc::new(Issuer::new()?),
        graph,
        clock,
    };
    Ok(Setup {
        host,
        chronicle,
        warning: None,
    })
}

/// The issuers that are trusted: those named, or else the tenant.
fn issuers(entra: Option<&EntraConfig>, args: &Args) -> Result<Vec<IssuerSpec>, Failure> {
    if !args.issuers.is_empty() {
        return Ok(args.issuers.clone());
    }
    let entra = entra.ok_or("the gate is off, so say --issuer: there is no tenant to trust")?;
    let issuer = format!("{}{}/v2.0", entra.authority(), entra.tenant());
    Ok(vec![IssuerSpec {
        issuer,
        preset: Preset::Entra,
    }])
}

/// The tenant's GUID, which `tid` must be; `ENTRA_TENANT_ID` can also be a domain.
fn tenant_id(entra: Option<&EntraConfig>, environment: &Environment) -> Option<String> {
    if let Some(entra) = entra {
        return entra.tenant().is_guid().then(|| entra.tenant().to_string());
    }
    let mut reader = env_config::Reader::new(environment);
    let tenant = reader.optional("ENTRA_TENANT_ID", str::parse::<entra_auth::TenantId>)?;
    tenant.is_guid().then(|| tenant.to_string())
}

fn identity_rules(issuers: &[IssuerSpec], tenant: Option<&str>) -> Result<IdentityRules, Failure> {
    let mut rules = Vec::new();
    for spec in issuers {
        rules.push(match &spec.preset {
            Preset::Keycloak { claim } => IssuerRule::named_claim(&spec.issuer, claim),
            Preset::Entra => {
                let named = || {
                    spec.issuer
                        .split('/')
                        .find(|part| IssuerRule::entra("", part).is_ok())
                };
                let tenant = tenant.or_else(named).ok_or(
                    "ENTRA_TENANT_ID: must be the tenant's GUID where Entra ID is an issuer, \
                     since that is what tokens name",
                )?;
                IssuerRule::entra(&spec.issuer, tenant)?
            }
        });
    }
    Ok(IdentityRules::new(rules))
}

/// What an operator at a terminal would like to know.
#[must_use]
pub fn hints(tenant: &Tenant, setup: &Setup) -> String {
    let mut hints = format!("Chronicle: {}\n", setup.chronicle.display());
    if let Tenant::Embedded(sim) = tenant {
        let compliant = sim.devices().into_iter().find(|device| {
            device.text("complianceState") == "compliant"
                && device.text("managementState") == "managed"
        });
        let token =
            compliant.map(|device| sim.mint(UserToken::entra().device(device.entra_device_id())));
        // Writing to a `String` can't fail.
        let _ = write!(
            hints,
            "A simulated tenant is at {} (see /_sim/).\nA user's token, with a compliant device:\n\n{}\n\n\
             curl -s -H \"Authorization: Bearer $TOKEN\" -d '{{\"accord_template\":\"device-management\"}}' \
             http://ADDR/governance/authorize/\n",
            sim.base_url(),
            token.unwrap_or_default(),
        );
    }
    hints
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
