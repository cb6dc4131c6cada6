use std::fmt;

use clock::Timestamp;
use intune_core::AccordTemplate;

use super::{EffectivePolicy, Layer, Mode, OnOutage, Policies, Setting};
use crate::Outcome;

/// Something in a policy that is likely not meant. It displays as what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyWarning {
    /// Nothing is checked under any template.
    NothingChecked,
    /// A layer makes a setting, and nothing that it holds for is checked.
    NoEffect {
        /// The accord that makes it; the global layer, if none.
        accord: Option<AccordTemplate>,
        /// Which one.
        setting: Setting,
    },
    /// Compliance is required, but whoever brings a token without a device isn't checked.
    Skippable {
        /// The accord; those that aren't listed, if none.
        accord: Option<AccordTemplate>,
    },
    /// What may serve in an outage is no older than what may serve anyway.
    OutageRuleWithoutEffect {
        /// The accord; those that aren't listed, if none.
        accord: Option<AccordTemplate>,
    },
    /// The accord is strict, but only reports: it denies nobody.
    StrictOnlyReported {
        /// The accord; those that aren't listed, if none.
        accord: Option<AccordTemplate>,
    },
    /// Compliance is required, but a device that Intune says is noncompliant is allowed.
    NoncompliantAllowed {
        /// The accord; those that aren't listed, if none.
        accord: Option<AccordTemplate>,
    },
    /// Unknown templates are to be denied, but the global mode denies nobody, and comes first.
    UnknownTemplatesAllowed {
        /// That mode: off, or report only.
        mode: Mode,
    },
    /// A break-glass entry is over, and may be taken out.
    BreakGlassExpired {
        /// Whose it is.
        subject: String,
        /// When it ended.
        expired_at: Timestamp,
    },
    /// A break-glass entry names a template that isn't listed.
    BreakGlassUnlisted {
        /// Whose it is.
        subject: String,
        /// The template.
        template: AccordTemplate,
    },
}

pub(super) fn of(policies: &Policies, now: Timestamp) -> Vec<PolicyWarning> {
    let listed = policies.listed().into_iter();
    let listed = listed.map(|(name, policy)| (Some(name.clone()), policy));
    let all: Vec<_> = [(None, policies.unlisted())]
        .into_iter()
        .chain(listed)
        .collect();
    let mut warnings = without_effect(&all);
    if !all.iter().any(|(_, policy)| checks(policy)) {
        warnings.push(PolicyWarning::NothingChecked);
    }
    for (accord, policy) in all {
        if checks(policy) {
            in_effect(&accord, policy, &mut warnings);
        }
    }
    let unlisted = policies.unlisted();
    let mode = unlisted.policy().mode;
    if unlisted.denies_unknown_template() && mode != Mode::Enforce {
        warnings.push(PolicyWarning::UnknownTemplatesAllowed { mode });
    }
    of_break_glass(policies, now, &mut warnings);
    warnings
}

type Accord = Option<AccordTemplate>;

/// Whether anything is looked at: off, denied and not required are not.
fn checks(policy: &EffectivePolicy) -> bool {
    let settings = policy.policy();
    settings.required && settings.mode != Mode::Off && !policy.denies_unknown_template()
}

fn without_effect(all: &[(Accord, &EffectivePolicy)]) -> Vec<PolicyWarning> {
    // These decide whether there is an effect.
    let others = Setting::ALL
        .iter()
        .filter(|it| !matches!(it, Setting::Required | Setting::Mode));
    let mut warnings = Vec::new();
    for &setting in others {
        let made_by = |layer| {
            all.iter()
                .filter(move |(_, policy)| policy.provenance().of(setting) == layer)
        };
        let mut global = made_by(Layer::Global).peekable();
        if global.peek().is_some() && !global.any(|(_, policy)| checks(policy)) {
            let accord = None;
            warnings.push(PolicyWarning::NoEffect { accord, setting });
        }
        for (accord, _) in made_by(Layer::Template).filter(|(_, policy)| !checks(policy)) {
            let accord = accord.clone();
            warnings.push(PolicyWarning::NoEffect { accord, setting });
        }
    }
    warnings
}

fn in_effect(accord: &Accord, policy: &EffectivePolicy, warnings: &mut Vec<PolicyWarning>) {
    let settings = policy.policy();
    let accord = || accord.clone();
    match (settings.strict, settings.mode) {
        (false, _) => warnings.push(PolicyWarning::Skippable { accord: accord() }),
        (true, Mode::ReportOnly) => {
            warnings.push(PolicyWarning::StrictOnlyReported { accord: accord() });
        }
        (true, Mode::Off | Mode::Enforce) => {}
    }
    if settings.noncompliant == Outcome::Allow {
        warnings.push(PolicyWarning::NoncompliantAllowed { accord: accord() });
    }
    if let OnOutage::LastKnownGood { max_age } = settings.on_outage
        && max_age <= settings.max_age
    {
        warnings.push(PolicyWarning::OutageRuleWithoutEffect { accord: accord() });
    }
}

fn of_break_glass(policies: &Policies, now: Timestamp, warnings: &mut Vec<PolicyWarning>) {
    for entry in &*policies.break_glass {
        let subject = || entry.principal().1.to_owned();
        if now >= entry.expires_at() {
            warnings.push(PolicyWarning::BreakGlassExpired {
                subject: subject(),
                expired_at: entry.expires_at(),
            });
        }
        let named = entry.only().into_iter().flatten();
        for template in named.filter(|it| !policies.for_template(it).is_listed()) {
            warnings.push(PolicyWarning::BreakGlassUnlisted {
                subject: subject(),
                template: template.clone(),
            });
        }
    }
}

impl fmt::Display for PolicyWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |accord: &Accord| match accord {
            Some(accord) => format!("accord `{accord}`"),
            None => "the global policy".to_owned(),
        };
        match self {
            Self::NothingChecked => f.write_str(
                "no accord requires compliance, or all are off: set `device_compliance_required`, or switch the \
                 gate off",
            ),
            Self::NoEffect { accord, setting } => write!(
                f,
                "{} sets `{setting}`, but nothing that it holds for is checked: set \
                 `device_compliance_required` where it should be, or leave `{setting}` out",
                name(accord)
            ),
            Self::Skippable { accord } => write!(
                f,
                "{} requires compliance, but a token that names no device skips the check: set `strict`, \
                 unless people without a device must get in",
                name(accord)
            ),
            Self::OutageRuleWithoutEffect { accord } => write!(
                f,
                "{} lets an observation serve in an outage that is no older than `max_age_seconds` lets serve \
                 anyway: raise `last_known_good_seconds`, or set `on_outage` to \"deny\"",
                name(accord)
            ),
            Self::StrictOnlyReported { accord } => write!(
                f,
                "{} is strict but only reports: nobody is denied until `mode` is \"enforce\"",
                name(accord)
            ),
            Self::NoncompliantAllowed { accord } => write!(
                f,
                "{} requires compliance, but allows devices that are noncompliant: set `states.noncompliant` to \
                 \"deny\", and `mode` to \"report_only\" to see first whom that would deny",
                name(accord)
            ),
            Self::UnknownTemplatesAllowed { mode } => write!(
                f,
                "`unknown_templates` is \"deny\", but the global `mode` is \"{}\", so they are allowed{}: set it to \
                 \"enforce\", and the other in the accords that it is for",
                mode.as_str(),
                match mode {
                    Mode::Off => "",
                    Mode::ReportOnly | Mode::Enforce => " and only reported",
                }
            ),
            Self::BreakGlassExpired {
                subject,
                expired_at,
            } => write!(
                f,
                "the break-glass entry of `{subject}` ended at {expired_at}: take it out"
            ),
            Self::BreakGlassUnlisted { subject, template } => write!(
                f,
                "the break-glass entry of `{subject}` names `{template}`, which no layer lists: mind its spelling"
            ),
        }
    }
}
