//! Before the first request: whether the host could answer it.

use std::{fmt, fs::OpenOptions, path::Path, sync::Arc};

use clock::{Clock, SystemClock};
use compliance_gate::GateConfig;
use entra_auth::http::HttpClient;
use env_config::Environment;
use intune_graph::Preflight;

use super::{Devices, Failure, TenantConfig, home::Home};
use crate::{args::Args, bearer::Verifier};

/// What was found: the settings, and, if they can be used, the tenant.
#[derive(Debug)]
pub struct Report {
    settings: Result<&'static str, String>,
    chronicle: Result<(), String>,
    issuers_without_keys: Vec<String>,
    tenant: Option<Preflight>,
}

impl Report {
    /// Whether nothing failed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        let tenant = self.tenant.as_ref();
        self.settings.is_ok()
            && self.chronicle.is_ok()
            && self.issuers_without_keys.is_empty()
            && tenant.is_none_or(Preflight::has_passed)
    }
}

/// Checks the settings that the environment and the command line make, and then the tenant.
pub async fn check(environment: &Environment, args: &Args) -> Report {
    let chronicle = chronicle(args.chronicle.as_deref());
    let (devices, verifier) = match parts(environment, args) {
        Ok(parts) => parts,
        Err(problems) => {
            return Report {
                settings: Err(problems.to_string()),
                chronicle,
                issuers_without_keys: Vec::new(),
                tenant: None,
            };
        }
    };
    let settings = match devices {
        Some(_) => "can be used",
        None => "can be used; Intune is not enabled, so no device is checked",
    };
    let tenant = match devices {
        Some(Devices { graph, actions, .. }) => Some(graph.preflight(actions.as_ref()).await),
        None => None,
    };
    Report {
        settings: Ok(settings),
        chronicle,
        issuers_without_keys: verifier.issuers_without_keys().await,
        tenant,
    }
}

/// Whether the Chronicle can be written where it is to be. Leaves nothing there.
fn chronicle(path: Option<&Path>) -> Result<(), String> {
    let Some(path) = path else {
        return Ok(());
    };
    let opened = if path.exists() {
        OpenOptions::new().append(true).open(path).map(drop)
    } else {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        tempfile::tempfile_in(folder.unwrap_or(Path::new("."))).map(drop)
    };
    opened.map_err(|error| format!("`{}` can't be written: {error}", path.display()))
}

fn parts(environment: &Environment, args: &Args) -> Result<(Option<Devices>, Verifier), Failure> {
    let gate = GateConfig::from_env(environment);
    let tenant = if GateConfig::wants_enabled(environment) {
        let tenant = TenantConfig::from_env(environment);
        match (gate, tenant) {
            (Ok(_), Ok(tenant)) => Some(tenant),
            (gate, tenant) => return Err(super::union([gate.err(), tenant.err()])),
        }
    } else {
        gate?;
        None
    };
    let home = Home::from_env(environment);
    let issuers = home.issuers(args)?;
    let audience = home.audience(args)?;
    home.identity_rules(&issuers, tenant.is_some())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let devices = tenant.map(|tenant| Devices::of(&tenant, &clock));
    let verifier = Verifier::new(issuers, audience, &HttpClient::new()?, clock);
    Ok((devices.transpose()?, verifier))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.settings {
            Ok(settings) => writeln!(f, "{:<8} {:<25} {settings}", "ok", "settings")?,
            Err(problems) => {
                for problem in problems.lines() {
                    writeln!(f, "{:<8} {:<25} {problem}", "FAILED", "settings")?;
                }
            }
        }
        if let Err(problem) = &self.chronicle {
            writeln!(f, "{:<8} {:<25} {problem}", "FAILED", "chronicle")?;
        }
        for issuer in &self.issuers_without_keys {
            let problem = format!("`{issuer}`: can't be had; check its address and the network");
            writeln!(f, "{:<8} {:<25} {problem}", "FAILED", "keys of an issuer")?;
        }
        match &self.tenant {
            Some(preflight) => preflight.fmt(f),
            None => Ok(()),
        }
    }
}
