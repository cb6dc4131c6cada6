//! Policy files: how they are written, and where one is wrong.

mod layer;
mod parts;
mod place;
mod tables;

use std::collections::BTreeMap;

use intune_core::{AccordTemplate, ScopeTemplate};
use serde::Deserialize;

use super::{BreakGlass, Overrides, PolicyError, PolicyLayer, UnknownTemplates};

pub(super) use layer::LayerText;
pub(super) use tables::given;

/// A policy file: settings by accord template, in TOML or JSON.
///
/// Durations are whole seconds, and their keys say so. `policy.schema.json`, beside this crate's manifest, is the
/// [JSON Schema](https://json-schema.org/draft/2020-12) of it.
///
/// ```
/// use compliance_gate::PolicyFile;
///
/// let file = PolicyFile::parse(r#"
///     overrides = "tighten_only"      # or "replace", the default
///     unknown_templates = "deny"      # or "global", the default
///
///     [global]                        # as in any accord; it may also stand in the environment, but not differ
///     max_age_seconds = 60            # of our copy: 0 (always live) to 86400
///
///     [accords.device-management]
///     device_compliance_required = true
///     strict = true
///     mode = "report_only"            # or "enforce", the default, or "off"
///     max_age_seconds = 0
///     max_check_in_age_seconds = 604800                 # of the device; or "unlimited", the default
///     on_outage = { last_known_good_seconds = 600 }     # or "deny", the default
///     bind_subject = true             # the device's user is the token's `oid`
///     delegates = "delegator_device"  # or "own_device", the default
///     on_audit_failure = "deny"       # the default, or "best_effort"
///
///     [accords.device-management.states]
///     in_grace_period = { min_remaining_seconds = 3600 }  # or "until_expiry", the default, or "deny"
///     unknown = "allow"               # "deny" is the default; also noncompliant, conflict, error, config_manager
///
///     [delegation_scopes.device-management]
///     capabilities = ["READ", "PROPOSE", "MUTATE"]
///     ceremony_required_for = ["MUTATE"]
///
///     [[break_glass]]
///     issuer = "https://login.example/t1/v2.0"
///     subject = "adele"
///     starts_at = "2026-11-23T06:00:00Z"
///     expires_at = "2026-11-23T18:00:00Z"               # at most 24 hours later
///     reason = "Graph is down, INC-4711"
///     templates = ["device-management"]                 # all, if left out
/// "#)?;
/// # let _ = file;
/// let error = PolicyFile::parse("[accords.ops]\nrequired = true").unwrap_err();
/// assert!(error.contains("line 2 column 1") && error.contains("unknown field `required`"));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    #[serde(default, deserialize_with = "tables::one")]
    pub(crate) global: PolicyLayer,
    #[serde(default, deserialize_with = "tables::by_template")]
    pub(super) accords: BTreeMap<AccordTemplate, PolicyLayer>,
    #[serde(default, deserialize_with = "tables::by_template")]
    pub(super) delegation_scopes: BTreeMap<AccordTemplate, ScopeTemplate>,
    #[serde(default, deserialize_with = "tables::list")]
    pub(super) break_glass: Vec<BreakGlass>,
    #[serde(default, deserialize_with = "tables::word")]
    pub(crate) overrides: Option<Overrides>,
    #[serde(default, deserialize_with = "tables::word")]
    pub(crate) unknown_templates: Option<UnknownTemplates>,
}

impl PolicyFile {
    /// Reads a policy: JSON if it begins with `{`, TOML otherwise.
    ///
    /// # Errors
    ///
    /// What is wrong, and in which line and column: a text that is neither, or empty; an unknown key; a value of the
    /// wrong type, `null` included; a malformed or repeated template name; a number of seconds that is out of bounds.
    pub fn parse(text: &str) -> Result<Self, String> {
        place::parse(text)
    }

    /// Where in `text`, the file's, `error` is to be put right.
    ///
    /// [`parse`](Self::parse) says so itself; but that layers don't go together shows only when they are all there.
    #[must_use]
    pub fn place_of(text: &str, error: &PolicyError) -> Option<String> {
        let (accord, setting) = match error {
            PolicyError::Loosened(all) => {
                let (accord, settings) = all.first()?;
                (Some(accord), *settings.first()?)
            }
            PolicyError::Contradicted(settings) => (None, *settings.first()?),
        };
        let table = match accord {
            Some(accord) => vec!["accords", accord.as_str()],
            None => vec!["global"],
        };
        let path: Vec<_> = table.into_iter().chain(setting.key().split('.')).collect();
        Self::place_of_key(text, &path)
    }

    /// Where in `text` the value is to which `path` leads.
    pub(crate) fn place_of_key(text: &str, path: &[&str]) -> Option<String> {
        place::of(text, path)
    }

    /// These settings of the global layer and rules, and those of `other` that this one doesn't make.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            global: self.global.or(other.global),
            overrides: self.overrides.or(other.overrides),
            unknown_templates: self.unknown_templates.or(other.unknown_templates),
            ..self
        }
    }
}
