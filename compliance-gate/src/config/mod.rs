mod assignment;
mod file;
mod variables;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use clock::{Clock, Timestamp};
use env_config::{ConfigError, Environment, Reader};
use intune_core::ComplianceSource;

use crate::{
    CachedCompliance, Gate, GateBuilder, Policies, PolicyFile, PolicyWarning, UnknownTemplates,
};
use file::NamedFile;
use variables::VARIABLES;

const ENABLED: &str = "INTUNE_ENABLED";
const POLICIES: &str = "INTUNE_ACCORD_POLICIES";

/// The prefixes that are this crate's alone: under them a name that isn't known is an error.
const PREFIXES: [&str; 2] = ["INTUNE_COMPLIANCE_", "INTUNE_ACCORD_"];

/// What the master switch switches off in the crates that look devices up for this one.
const OF_OTHER_CRATES: [&str; 9] = [
    "INTUNE_GRAPH_ENDPOINT",
    "ENTRA_TENANT_ID",
    "ENTRA_CLIENT_ID",
    "ENTRA_CLIENT_SECRET",
    "ENTRA_CLIENT_CERTIFICATE_PATH",
    "ENTRA_CLIENT_SEND_CERTIFICATE_CHAIN",
    "ENTRA_FEDERATED_TOKEN_FILE",
    "ENTRA_CLOUD",
    "ENTRA_AUTHORITY_HOST",
];

/// The gate's settings, from the environment.
///
/// | variable | default | |
/// | --- | --- | --- |
/// | `INTUNE_ENABLED` | off | `false` switches the gate off whatever the others say |
/// | `INTUNE_ACCORD_POLICIES` | – | the path of a [`PolicyFile`](crate::PolicyFile), at most 1 MiB |
/// | `INTUNE_ACCORD_OVERRIDES` | `replace` | `overrides` of the file: `tighten_only` |
/// | `INTUNE_ACCORD_UNKNOWN_TEMPLATES` | `global` | `unknown_templates` of the file: `deny` |
/// | `INTUNE_COMPLIANCE_REQUIRED` | `false` | whether compliance is required where no template says |
/// | `INTUNE_COMPLIANCE_STRICT` | `false` | whether a token without a device is then denied |
/// | `INTUNE_COMPLIANCE_MODE` | `enforce` | `report_only`, `off` |
/// | `INTUNE_COMPLIANCE_CACHE_TTL` | `300` | `max_age_seconds`: whole seconds, 0 (always live) to 86400 |
/// | `INTUNE_COMPLIANCE_MAX_CHECK_IN_AGE` | `unlimited` | `max_check_in_age_seconds`: whole seconds |
/// | `INTUNE_COMPLIANCE_ON_OUTAGE` | `deny` | `last_known_good:600`: seconds |
/// | `INTUNE_COMPLIANCE_BIND_SUBJECT` | `false` | |
/// | `INTUNE_COMPLIANCE_DELEGATES` | `own_device` | `delegator_device` |
/// | `INTUNE_COMPLIANCE_ON_AUDIT_FAILURE` | `deny` | `best_effort` |
/// | `INTUNE_COMPLIANCE_IN_GRACE_PERIOD` | `until_expiry` | `min_remaining:3600`: seconds; `deny` |
/// | `INTUNE_COMPLIANCE_NONCOMPLIANT`, `…_CONFLICT`, `…_ERROR`, `…_UNKNOWN`, `…_CONFIG_MANAGER` | `deny` | `allow` |
///
/// Each makes a setting for the whole deployment, as the file does: those of `INTUNE_COMPLIANCE_` in `[global]`, the
/// other two at its top. What both set, they must set alike. Any other name that begins with `INTUNE_COMPLIANCE_` or
/// `INTUNE_ACCORD_` is an error, since it is likely one of these, misspelt.
///
/// ```
/// use compliance_gate::GateConfig;
/// use env_config::Environment;
///
/// let environment = Environment::from_pairs([
///     ("INTUNE_ENABLED", "true"),
///     ("INTUNE_COMPLIANCE_REQUIRED", "true"),
/// ]);
/// let config = GateConfig::from_env(&environment)?;
/// assert!(config.policies().for_template(&"any".parse().unwrap()).policy().required);
/// # Ok::<(), env_config::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GateConfig {
    enabled: bool,
    /// What the environment sets, for the next reading of the file.
    environment: PolicyFile,
    path: Option<String>,
    policies: Policies,
    warning: Option<String>,
}

impl GateConfig {
    /// Whether a host should set the gate up at all: `INTUNE_ENABLED` is true, or is wrong, in which case
    /// [`from_env`](Self::from_env) says so and other crates' settings are worth checking too.
    #[must_use]
    pub fn wants_enabled(environment: &Environment) -> bool {
        let mut reader = Reader::new(environment);
        let enabled = reader.boolean(ENABLED);
        enabled.unwrap_or(reader.finish().is_err())
    }

    /// Whether the environment says anything at all of Intune, or of the tenant whose devices it manages.
    #[must_use]
    pub fn is_mentioned(environment: &Environment) -> bool {
        environment.is_set(ENABLED) || !switched_off_by_it(environment).is_empty()
    }

    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// All the variables that are wrong. `INTUNE_ENABLED` is one of them if it is not set although another
    /// variable asks for checks: a gate that silently stays open is worse than none.
    pub fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let enabled = reader.boolean(ENABLED);
        if enabled == Some(false) {
            return Ok(Self::switched_off(environment));
        }

        let set = variables::read(&mut reader);
        let file = reader.optional(POLICIES, NamedFile::read);
        let known: Vec<_> = names().collect();
        for prefix in PREFIXES {
            reader.refuse_unknown(prefix, &known);
        }
        let asks = asks_for_checks(&set) || environment.is_set(POLICIES);
        if asks && !environment.is_set(ENABLED) {
            reader.problem(
                ENABLED,
                "is not set, but other variables ask for checks: set it to true, or to false to ignore them",
            );
        }

        let policies = file::build(&set, file.as_ref()).unwrap_or_else(|wrong| {
            for variable in wrong.variables() {
                reader.problem(variable, "differs from what the policy file says");
            }
            reader.problem(POLICIES, wrong.told());
            Policies::disabled()
        });
        reader.finish()?;

        let enabled = enabled == Some(true);
        let policies = if enabled {
            policies
        } else {
            Policies::disabled()
        };
        Ok(Self {
            enabled,
            environment: set,
            path: file.map(NamedFile::into_path),
            policies,
            warning: None,
        })
    }

    fn switched_off(environment: &Environment) -> Self {
        let ignored = switched_off_by_it(environment);
        let mut warning = format!("{ENABLED} is false: no device is checked");
        if !ignored.is_empty() {
            warning = format!("{warning}, and these are ignored: {}", ignored.join(", "));
        }
        Self {
            enabled: false,
            environment: PolicyFile::default(),
            path: None,
            policies: Policies::disabled(),
            warning: Some(warning),
        }
    }

    /// Whether the gate is on.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// The policy; off if the gate is.
    #[must_use]
    pub const fn policies(&self) -> &Policies {
        &self.policies
    }

    /// How old an observation may be where no template says: 300 s, if nobody does.
    #[must_use]
    pub fn cache_ttl(&self) -> Duration {
        self.policies.unlisted().policy().max_age
    }

    /// Starts a gate with these settings, and a [`CachedCompliance`] around `live`, which is to be the live
    /// source itself. [`Gate::invalidate`] reaches that cache.
    ///
    /// To keep hot devices fresh, make the cache yourself, [spawn its background](CachedCompliance::refresh_until), and
    /// hand it to [`gate_over`](Self::gate_over).
    pub fn gate(&self, live: Arc<dyn ComplianceSource>, clock: Arc<dyn Clock>) -> GateBuilder {
        let cache = CachedCompliance::builder(live).clock(Arc::clone(&clock));
        self.gate_over(Arc::new(cache.build()), clock)
    }

    /// Starts a gate with these settings over a source that is cached already.
    pub fn gate_over(
        &self,
        source: Arc<dyn ComplianceSource>,
        clock: Arc<dyn Clock>,
    ) -> GateBuilder {
        Gate::builder(self.policies.clone(), source, clock)
    }

    /// What in the policy is likely not meant; nothing, if the gate is off.
    #[must_use]
    pub fn warnings(&self, now: Timestamp) -> Vec<PolicyWarning> {
        match self.enabled {
            true => self.policies.warnings(now),
            false => Vec::new(),
        }
    }

    /// What an operator should be told, once.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

/// This crate's variables, but for the switch.
fn names() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().map(|it| it.name).chain([POLICIES])
}

/// What is set and the switch would switch off, misspelt names included.
fn switched_off_by_it(environment: &Environment) -> Vec<String> {
    let mut set: BTreeSet<_> = PREFIXES
        .into_iter()
        .flat_map(|prefix| environment.names(prefix))
        .collect();
    let known = names().chain(OF_OTHER_CRATES);
    set.extend(known.filter(|it| environment.is_set(it)).map(str::to_owned));
    set.into_iter().collect()
}

/// Whether somebody who set this means to have a check. Other settings say how one is made, if there is one.
fn asks_for_checks(set: &PolicyFile) -> bool {
    let layer = Policies::builder().global(set.global).build();
    let asks = layer.is_ok_and(|policies| {
        let policy = policies.unlisted().policy();
        policy.required || policy.strict
    });
    asks || set.unknown_templates == Some(UnknownTemplates::Deny)
}
