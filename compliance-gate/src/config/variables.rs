//! The variables that make settings: which there are, and what each stands for in a policy file.

use std::iter;

use env_config::Reader;
use serde::Deserialize as _;

use super::assignment::Assignment;
use crate::{PolicyFile, Setting};

/// A variable that makes one setting for the whole deployment.
pub(super) struct Variable {
    pub(super) name: &'static str,
    /// What it stands for.
    pub(super) place: Place,
    /// What it may say.
    allowed: &'static str,
}

/// Where a policy file makes the same setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In `[global]`.
    Global(Setting),
    /// At the top, under this key.
    Top(&'static str),
}

pub(super) const OVERRIDES: Place = Place::Top("overrides");
pub(super) const UNKNOWN_TEMPLATES: Place = Place::Top("unknown_templates");

const BOOLEAN: &str = "true or false (or 1, 0, yes, no, on, off)";
const OUTCOME: &str = "`deny` or `allow`";

macro_rules! variables {
    ($($name:literal = $place:expr, $allowed:expr;)*) => {
        pub(super) const VARIABLES: &[Variable] = &[$(Variable {
            name: $name,
            place: $place,
            allowed: $allowed,
        }),*];
    };
}

variables! {
    "INTUNE_COMPLIANCE_REQUIRED" = Place::Global(Setting::Required), BOOLEAN;
    "INTUNE_COMPLIANCE_STRICT" = Place::Global(Setting::Strict), BOOLEAN;
    "INTUNE_COMPLIANCE_MODE" = Place::Global(Setting::Mode), "`enforce`, `report_only` or `off`";
    "INTUNE_COMPLIANCE_CACHE_TTL" = Place::Global(Setting::MaxAge),
        "whole seconds from 0 (always live) to 86400";
    "INTUNE_COMPLIANCE_MAX_CHECK_IN_AGE" = Place::Global(Setting::MaxCheckInAge),
        "whole seconds from 0 to 31622400, or `unlimited`";
    "INTUNE_COMPLIANCE_ON_OUTAGE" = Place::Global(Setting::OnOutage),
        "`deny`, or `last_known_good:` and whole seconds from 0 to 31622400";
    "INTUNE_COMPLIANCE_BIND_SUBJECT" = Place::Global(Setting::BindSubject), BOOLEAN;
    "INTUNE_COMPLIANCE_DELEGATES" = Place::Global(Setting::Delegates),
        "`own_device` or `delegator_device`";
    "INTUNE_COMPLIANCE_ON_AUDIT_FAILURE" = Place::Global(Setting::OnAuditFailure),
        "`deny` or `best_effort`";
    "INTUNE_COMPLIANCE_IN_GRACE_PERIOD" = Place::Global(Setting::InGracePeriod),
        "`until_expiry`, `deny`, or `min_remaining:` and whole seconds from 0 to 31622400";
    "INTUNE_COMPLIANCE_NONCOMPLIANT" = Place::Global(Setting::Noncompliant), OUTCOME;
    "INTUNE_COMPLIANCE_CONFLICT" = Place::Global(Setting::Conflict), OUTCOME;
    "INTUNE_COMPLIANCE_ERROR" = Place::Global(Setting::Error), OUTCOME;
    "INTUNE_COMPLIANCE_UNKNOWN" = Place::Global(Setting::Unknown), OUTCOME;
    "INTUNE_COMPLIANCE_CONFIG_MANAGER" = Place::Global(Setting::ConfigManager), OUTCOME;
    "INTUNE_ACCORD_OVERRIDES" = OVERRIDES, "`replace` or `tighten_only`";
    "INTUNE_ACCORD_UNKNOWN_TEMPLATES" = UNKNOWN_TEMPLATES, "`global` or `deny`";
}

impl Variable {
    /// Reads the variable as the file would its key, so that both take the same.
    fn read(&self, reader: &mut Reader<'_>) -> Option<PolicyFile> {
        let path = self.place.path();
        reader.optional(self.name, |text| {
            let read = PolicyFile::deserialize(Assignment::new(&path, text));
            // Its own message would repeat the value.
            read.map_err(|_| format!("must be {}", self.allowed))
        })
    }
}

impl Place {
    /// The keys that lead there.
    pub(super) fn path(self) -> Vec<&'static str> {
        match self {
            Self::Global(setting) => iter::once("global")
                .chain(setting.key().split('.'))
                .collect(),
            Self::Top(key) => vec![key],
        }
    }

    /// The variable that makes this setting.
    pub(super) fn variable(self) -> Option<&'static str> {
        let mut all = VARIABLES.iter();
        all.find(|it| it.place == self).map(|it| it.name)
    }
}

/// What the environment sets, as a policy file that sets the same.
pub(super) fn read(reader: &mut Reader<'_>) -> PolicyFile {
    VARIABLES.iter().fold(PolicyFile::default(), |made, it| {
        made.or(it.read(reader).unwrap_or_default())
    })
}
