use std::{fs::File, io::Read as _, sync::Arc, time::Duration};

use clock::Clock;
use env_config::{ConfigError, Environment, Reader};
use intune_core::ComplianceSource;

use crate::{CachedCompliance, Gate, GateBuilder, Policies, PolicyFile, PolicyLayer};

const ENABLED: &str = "INTUNE_ENABLED";
const REQUIRED: &str = "INTUNE_COMPLIANCE_REQUIRED";
const STRICT: &str = "INTUNE_COMPLIANCE_STRICT";
const CACHE_TTL: &str = "INTUNE_COMPLIANCE_CACHE_TTL";
const POLICIES: &str = "INTUNE_ACCORD_POLICIES";

/// All that the master switch switches off, in this crate and in those that look devices up for it.
const SWITCHED_OFF: [&str; 12] = [
    REQUIRED,
    STRICT,
    CACHE_TTL,
    POLICIES,
    "INTUNE_GRAPH_ENDPOINT",
    "ENTRA_TENANT_ID",
    "ENTRA_CLIENT_ID",
    "ENTRA_CLIENT_SECRET",
    "ENTRA_CLIENT_CERTIFICATE_PATH",
    "ENTRA_FEDERATED_TOKEN_FILE",
    "ENTRA_CLOUD",
    "ENTRA_AUTHORITY_HOST",
];

const DEFAULT_CACHE_TTL: Duration = Duration::from_secs(300);
const MAX_CACHE_TTL: u64 = 86_400;
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The gate's settings, from the environment.
///
/// | variable | default | |
/// | --- | --- | --- |
/// | `INTUNE_ENABLED` | off | `false` switches the gate off whatever the others say |
/// | `INTUNE_COMPLIANCE_REQUIRED` | `false` | whether compliance is required where no template says |
/// | `INTUNE_COMPLIANCE_STRICT` | `false` | whether a token without a device is then denied |
/// | `INTUNE_COMPLIANCE_CACHE_TTL` | `300` | whole seconds, 0 (always live) to 86400 |
/// | `INTUNE_ACCORD_POLICIES` | – | the path of a [`PolicyFile`], at most 1 MiB |
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
    policies: Policies,
    cache_ttl: Duration,
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
        let set = |name: &str| environment.is_set(name);
        set(ENABLED) || SWITCHED_OFF.into_iter().any(set)
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

        let required = reader.boolean(REQUIRED);
        let strict = reader.boolean(STRICT);
        let cache_ttl = reader
            .optional(CACHE_TTL, parse_ttl)
            .unwrap_or(DEFAULT_CACHE_TTL);
        let file = reader.optional(POLICIES, read_file);

        let asks_for_checks =
            required == Some(true) || strict == Some(true) || environment.is_set(POLICIES);
        if asks_for_checks && !environment.is_set(ENABLED) {
            reader.problem(
                ENABLED,
                "is not set, but other variables ask for checks: set it to true, or to false to ignore them",
            );
        }

        let mut global = PolicyLayer::new();
        if let Some(required) = required {
            global = global.required(required);
        }
        if let Some(strict) = strict {
            global = global.strict(strict);
        }
        let policies = Policies::builder()
            .global(global)
            .file(file.unwrap_or_default())
            .build();
        let policies = policies.unwrap_or_else(|error| {
            reader.problem(POLICIES, error.to_string());
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
            policies,
            cache_ttl,
            warning: None,
        })
    }

    fn switched_off(environment: &Environment) -> Self {
        let ignored: Vec<_> = SWITCHED_OFF
            .into_iter()
            .filter(|name| environment.is_set(name))
            .collect();
        let mut warning = format!("{ENABLED} is false: no device is checked");
        if !ignored.is_empty() {
            warning = format!("{warning}, and these are ignored: {}", ignored.join(", "));
        }
        Self {
            enabled: false,
            policies: Policies::disabled(),
            cache_ttl: DEFAULT_CACHE_TTL,
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

    /// How old an observation may be.
    #[must_use]
    pub const fn cache_ttl(&self) -> Duration {
        self.cache_ttl
    }

    /// Starts a gate with these settings, and a [`CachedCompliance`] around `live`, which is to be the live
    /// source itself. [`Gate::invalidate`] reaches that cache.
    pub fn gate(&self, live: Arc<dyn ComplianceSource>, clock: Arc<dyn Clock>) -> GateBuilder {
        let source = Arc::new(CachedCompliance::new(live));
        Gate::builder(self.policies.clone(), source, clock).max_age(self.cache_ttl)
    }

    /// What an operator should be told, once.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }
}

fn parse_ttl(text: &str) -> Result<Duration, &'static str> {
    match text.parse::<u64>() {
        // `parse` also takes a leading plus sign.
        Ok(seconds) if seconds <= MAX_CACHE_TTL && !text.starts_with('+') => {
            Ok(Duration::from_secs(seconds))
        }
        _ => Err("must be whole seconds from 0 (always live) to 86400"),
    }
}

fn read_file(path: &str) -> Result<PolicyFile, String> {
    let mut text = String::new();
    let file =
        File::open(path).map_err(|error| format!("the file can't be opened: {}", error.kind()))?;
    file.take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| format!("the file can't be read: {}", error.kind()))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err("the file is larger than 1 MiB".to_owned());
    }
    PolicyFile::parse(&text).map_err(|error| format!("the file is no policy: {error}"))
}
