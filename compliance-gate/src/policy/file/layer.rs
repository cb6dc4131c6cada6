//! A layer of settings, as a file writes it.

use serde::Deserialize;

use super::{
    parts::{CheckInAge, CopyAge, GraceText, OutageText},
    tables::{given, one, word},
};
use crate::{Delegates, Mode, OnAuditFailure, Outcome, PolicyLayer};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::policy) struct LayerText {
    #[serde(default, deserialize_with = "given")]
    device_compliance_required: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    strict: Option<bool>,
    #[serde(default, deserialize_with = "word")]
    mode: Option<Mode>,
    #[serde(default, deserialize_with = "given")]
    max_age_seconds: Option<CopyAge>,
    #[serde(default, deserialize_with = "given")]
    max_check_in_age_seconds: Option<CheckInAge>,
    #[serde(default, deserialize_with = "given")]
    on_outage: Option<OutageText>,
    #[serde(default, deserialize_with = "given")]
    bind_subject: Option<bool>,
    #[serde(default, deserialize_with = "word")]
    delegates: Option<Delegates>,
    #[serde(default, deserialize_with = "word")]
    on_audit_failure: Option<OnAuditFailure>,
    #[serde(default, deserialize_with = "one")]
    states: StatesText,
}

/// What becomes of a device in each state. `compliant` is what is asked for, and what isn't known stays denied: neither
/// can be set.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatesText {
    #[serde(default, deserialize_with = "given")]
    in_grace_period: Option<GraceText>,
    #[serde(default, deserialize_with = "word")]
    noncompliant: Option<Outcome>,
    #[serde(default, deserialize_with = "word")]
    conflict: Option<Outcome>,
    #[serde(default, deserialize_with = "word")]
    error: Option<Outcome>,
    #[serde(default, deserialize_with = "word")]
    unknown: Option<Outcome>,
    #[serde(default, deserialize_with = "word")]
    config_manager: Option<Outcome>,
}

impl From<LayerText> for PolicyLayer {
    fn from(text: LayerText) -> Self {
        let states = text.states;
        Self {
            required: text.device_compliance_required,
            strict: text.strict,
            mode: text.mode,
            max_age: text.max_age_seconds.map(|CopyAge(age)| age),
            max_check_in_age: text.max_check_in_age_seconds.map(|CheckInAge(age)| age),
            on_outage: text.on_outage.map(|OutageText(rule)| rule),
            bind_subject: text.bind_subject,
            delegates: text.delegates,
            in_grace_period: states.in_grace_period.map(|GraceText(grace)| grace),
            noncompliant: states.noncompliant,
            conflict: states.conflict,
            error: states.error,
            unknown: states.unknown,
            config_manager: states.config_manager,
            on_audit_failure: text.on_audit_failure,
        }
    }
}
