//! A policy that many threads take hold of at once.

use std::{array, fmt, ops::Deref, sync::Arc};

use super::{EffectivePolicy, Policy};
use crate::cache::stripe;

const STRIPES: usize = 32;

/// A template's policy, to be held by decisions.
///
/// Every decision holds the policy it was made by. If all counted themselves in one place, threads would wait for
/// each other there, longer than a decision takes.
#[derive(Clone)]
pub(super) struct Shared {
    policy: Arc<EffectivePolicy>,
    stripes: Arc<[Arc<Own>; STRIPES]>,
}

/// The count of those who hold it is in a line of memory of its own, and with it what every decision needs.
#[repr(align(64))]
struct Own {
    settings: Policy,
    denies_unknown_template: bool,
    all: Arc<EffectivePolicy>,
}

/// A hold on a policy.
#[derive(Clone)]
pub(crate) struct Held(Arc<Own>);

impl Shared {
    pub(super) fn new(policy: EffectivePolicy) -> Self {
        let policy = Arc::new(policy);
        Self {
            stripes: Arc::new(array::from_fn(|_| Arc::new(Own::new(&policy)))),
            policy,
        }
    }

    pub(super) const fn policy(&self) -> &Arc<EffectivePolicy> {
        &self.policy
    }

    #[inline]
    pub(super) fn hold(&self) -> Held {
        Held(match self.stripes.get(stripe() % STRIPES) {
            Some(own) => Arc::clone(own),
            None => Arc::new(Own::new(&self.policy)),
        })
    }
}

impl Own {
    fn new(policy: &Arc<EffectivePolicy>) -> Self {
        Self {
            settings: *policy.policy(),
            denies_unknown_template: policy.denies_unknown_template(),
            all: Arc::clone(policy),
        }
    }
}

impl Held {
    /// As [`EffectivePolicy::policy`], nearer at hand.
    #[inline]
    pub(crate) fn settings(&self) -> &Policy {
        &self.0.settings
    }

    /// As [`EffectivePolicy::denies_unknown_template`], nearer at hand.
    #[inline]
    pub(crate) fn denies_unknown(&self) -> bool {
        self.0.denies_unknown_template
    }
}

impl Deref for Held {
    type Target = EffectivePolicy;

    #[inline]
    fn deref(&self) -> &EffectivePolicy {
        &self.0.all
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.policy.fmt(f)
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
