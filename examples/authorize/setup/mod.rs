//! From settings to a host: the one place where the crates are put together.

mod check;
mod devices;
mod hints;
mod home;
mod nobody;

use std::{path::PathBuf, sync::Arc, time::Duration};

use chronicle::{JsonlSink, Sink};
use clock::{Clock, SystemClock};
use compliance_gate::{CachedCompliance, Gate, GateConfig, Policies, PolicyLayer};
use entra_auth::http::HttpClient;
use env_config::{ConfigError, Environment};
use intune_core::{ApprovalRule, ComplianceSource, DirectoryCompliance};
use intune_sim::{Sim, SimConfig};

pub use check::{Report, check};
use devices::{Devices, TenantConfig};
pub use hints::hints;
use home::Home;

use crate::{
    ac::{ISSUER, Issuer},
    args::Args,
    bearer::{IssuerSpec, Verifier},
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
        match (gate, TenantConfig::from_env(environment)) {
            (Ok(gate), Ok(tenant)) => (gate, Some(tenant)),
            (gate, tenant) => {
                return Err(union([gate.err(), tenant.err()]));
            }
        }
    } else {
        (gate?, None)
    };
    for warning in gate.warnings(clock.now().wall) {
        tracing::warn!("{warning}");
    }
    let mut setup = build(Parts {
        policies: gate.policies().clone(),
        tenant,
        clock,
        environment,
        args,
    })?;
    let unset = "INTUNE_ENABLED is not set: no device is checked";
    let warning = (!enabled).then(|| gate.warning().unwrap_or(unset).to_owned());
    setup.host.policy = Some(Arc::new(gate));
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
        tenant: Some(TenantConfig::from_env(&environment)?),
        clock: Arc::new(SystemClock::new()),
        environment: &environment,
        args,
    })
}

/// The global layer of the scenario, which shows every row of the table.
#[must_use]
pub fn demanding() -> PolicyLayer {
    PolicyLayer::new()
        .bind_subject(true)
        .max_check_in_age(Some(Duration::from_secs(30 * 24 * 3600)))
}

struct Parts<'a> {
    policies: Policies,
    tenant: Option<TenantConfig>,
    clock: Arc<dyn Clock>,
    environment: &'a Environment,
    args: &'a Args,
}

fn build(parts: Parts<'_>) -> Result<Setup, Failure> {
    let Parts {
        policies,
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

    let devices = match &tenant {
        Some(tenant) => Some(Devices::of(tenant, &clock)?),
        None => None,
    };
    let cache = devices.as_ref().map(|devices| {
        let live = DirectoryCompliance::new(Arc::new(devices.graph.clone()));
        let cache = CachedCompliance::builder(Arc::new(live));
        cache.clock(Arc::clone(&clock)).build()
    });
    let source: Arc<dyn ComplianceSource> = match &cache {
        Some(cache) => Arc::new(cache.clone()),
        // A gate that is off asks nobody.
        None => Arc::new(nobody::Nobody),
    };
    let max_age = policies.unlisted().policy().max_age;
    let gate = Gate::builder(policies, Arc::clone(&source), Arc::clone(&clock))
        .chronicle(sink.clone(), ISSUER.parse()?)
        .build()?;
    let operations = match &devices {
        Some(devices) => {
            let approvers = approvers(&issuers, args);
            Some(devices.operations(source, max_age, &sink, approvers, &clock)?)
        }
        None => None,
    };

    let http = HttpClient::new()?;
    let host = Host {
        identity,
        verifier: Arc::new(Verifier::new(issuers, audience, &http, Arc::clone(&clock))),
        gate,
        cache,
        policy: None,
        issuer: Arc::new(Issuer::new()?),
        graph: devices.map(|devices| devices.tokens),
        operations,
        chronicle: sink,
        public_url: args.public_url.clone(),
        clock,
    };
    Ok(Setup {
        host,
        chronicle,
        warning: None,
    })
}

/// Who may approve: people of the issuers that are trusted, with a role.
fn approvers(issuers: &[IssuerSpec], args: &Args) -> ApprovalRule {
    let mut issuers = issuers.iter().map(|spec| spec.issuer.as_str());
    let first = issuers.next().unwrap_or_default();
    let rule = ApprovalRule::new(first, args.approver_role.as_str());
    issuers.fold(rule, ApprovalRule::issuer)
}

/// A new file for a Chronicle, in the system's temporary directory.
#[must_use]
pub fn new_chronicle() -> PathBuf {
    std::env::temp_dir().join(format!("authorize-{}.jsonl", uuid::Uuid::new_v4()))
}

fn union(errors: [Option<ConfigError>; 2]) -> Failure {
    match ConfigError::union(errors.into_iter().flatten()) {
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
