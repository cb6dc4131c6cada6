//! What a record leaves open, as cases to be decided one by one.

use intune_core::{DeviceCompliance, Finding, Observation, Served, SourceFailure, UserId};

use super::{
    Missing,
    recorded::{Recorded, SOME, Source},
};
use crate::{Answer, Asker, OnOutage, Policy};

/// As [`Answer`], by value.
pub(super) enum Given {
    NotAsked,
    Observed(Observation),
    Failed(SourceFailure),
}

impl Given {
    pub(super) const fn as_answer(&self) -> Answer<'_> {
        match self {
            Self::NotAsked => Answer::NotAsked,
            Self::Observed(observation) => Answer::Observed(*observation),
            Self::Failed(failure) => Answer::Failed(failure),
        }
    }
}

impl Recorded {
    /// What the table is to be asked, in each way that the record leaves open, and what it leaves open.
    pub(super) fn cases(&self, policy: &Policy) -> Vec<(Asker, Given, Missing)> {
        let asker = Asker {
            device: self.own,
            user: SOME.parse().ok(),
            delegator: self.delegator,
        };
        let is_other_device = asker.judged_by(policy).1 != self.device_of;
        let source = match is_other_device {
            true => Source::NotAsked,
            false => self.source.clone(),
        };
        let as_user = |observation, matches: Option<bool>| match matches {
            Some(is_user) => vec![of_user(observation, is_user)],
            None => vec![of_user(observation, true), of_user(observation, false)],
        };
        let mut cases = Vec::new();
        match source {
            Source::NotAsked => cases.push((Given::NotAsked, Missing::Device)),
            Source::Observed(observation, matches) => {
                let age = self.now.since(observation.observed_at);
                if observation.served != Served::Live && age >= policy.max_age {
                    cases.push((Given::NotAsked, Missing::Fresher));
                } else {
                    let seen = as_user(observation, matches).into_iter();
                    cases.extend(seen.map(|it| (Given::Observed(it), Missing::User)));
                }
            }
            Source::Failed(kind, None) => {
                let failed = Given::Failed(SourceFailure::new(kind));
                cases.push((failed, Missing::LastKnown));
                let may_serve = policy.on_outage != OnOutage::Deny && kind.is_outage();
                if may_serve {
                    cases.push((Given::NotAsked, Missing::LastKnown));
                }
            }
            Source::Failed(kind, Some((observation, matches))) => {
                let age = self.now.since(observation.observed_at);
                for seen in as_user(observation, matches) {
                    let failed = SourceFailure::new(kind).with_last_known(Some(seen));
                    cases.push((Given::Failed(failed), Missing::User));
                    // A cache would have had it.
                    if age < policy.max_age {
                        let cached = seen.served(Served::Cache);
                        cases.push((Given::Observed(cached), Missing::LastKnown));
                    }
                }
            }
        }
        let cases = cases.into_iter();
        cases
            .map(|(given, missing)| (asker, given, missing))
            .collect()
    }
}

/// The observation of a device that is the asker's, or nobody's.
fn of_user(observation: Observation, is_user: bool) -> Observation {
    let some: Option<UserId> = SOME.parse().ok();
    match observation.finding {
        Finding::Device(found) => Observation {
            finding: Finding::Device(DeviceCompliance {
                user_id: some.filter(|_| is_user),
                ..found
            }),
            ..observation
        },
        Finding::NotFound | Finding::Conflicting { .. } => observation,
    }
}
