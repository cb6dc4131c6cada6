//! Before the first request: whether the host could answer it.

use std::{fmt, sync::Arc};

use clock::{Clock, SystemClock};
use compliance_gate::GateConfig;
use env_config::Environment;
use intune_graph::Preflight;

use super::{Devices, Failure, TenantConfig, home::Home};
use crate::args::Args;

/// What was found: the settings, and, if they can be used, the tenant.
#[derive(Debug)]
pub struct Report {
    settings: Result<&'static str, String>,
    tenant: Option<Preflight>,
}

impl Report {
    /// Whether nothing failed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        let tenant = self.tenant.as_ref();
        self.settings.is_ok() && tenant.is_none_or(Preflight::has_passed)
    }
}

/// Checks the settings that the environment and the command line make, and then the tenant.
pub async fn check(environment: &Environment, args: &Args) -> Report {
    let devices = match devices(environment, args) {
        Ok(devices) => devices,
        Err(problems) => {
            return Report {
                settings: Err(problems.to_string()),
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
        tenant,
    }
}

fn devices(environment: &Environment, args: &Args) -> Result<Option<Devices>, Failure> {
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
    home.audience(args)?;
    home.identity_rules(&issuers, tenant.is_some())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    tenant
        .map(|tenant| Devices::of(&tenant, &clock))
        .transpose()
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
        match &self.tenant {
            Some(preflight) => preflight.fmt(f),
            None => Ok(()),
        }
    }
}
