//! A policy that many threads take hold of at once.

use std::{array, cell::Cell, fmt, ops::Deref, sync::Arc};

use super::{EffectivePolicy, Policy};
use crate::cache::stripe;

const STRIPES: usize = 32;

/// A template's policy, to be held by decisions.
///
/// Every decision holds the policy it was made by. If all counted themselves in one place, threads would wait for
/// each other there, longer than a decision takes.
#[derive(Clone)]
pub(crate) struct Shared {
    /// What every decision needs, near at hand: the settings, and whether they deny a template that nobody listed.
    settings: Policy,
    denies_unknown_template: bool,
    policy: Arc<EffectivePolicy>,
    stripes: Arc<[Arc<Own>; STRIPES]>,
}

/// The count of those who hold it is in a line of memory of its own.
#[repr(align(64))]
struct Own(Arc<EffectivePolicy>);

/// A hold on a policy.
#[derive(Clone)]
pub(crate) struct Held(Option<Arc<Own>>);

thread_local! {
    /// The hold that was let go last in this thread, for the next decision: mostly it is by the same policy, and then
    /// nothing need be counted for others to see, which takes as long as all of the decision table.
    static SPARE: Cell<Option<Arc<Own>>> = const { Cell::new(None) };
}

impl Shared {
    pub(super) fn new(policy: EffectivePolicy) -> Self {
        let policy = Arc::new(policy);
        Self {
            settings: *policy.policy(),
            denies_unknown_template: policy.denies_unknown_template(),
            stripes: Arc::new(array::from_fn(|_| Arc::new(Own(Arc::clone(&policy))))),
            policy,
        }
    }

    pub(super) const fn policy(&self) -> &Arc<EffectivePolicy> {
        &self.policy
    }

    /// As [`EffectivePolicy::policy`].
    pub(crate) const fn settings(&self) -> &Policy {
        &self.settings
    }

    /// As [`EffectivePolicy::denies_unknown_template`].
    pub(crate) const fn denies_unknown_template(&self) -> bool {
        self.denies_unknown_template
    }

    #[inline]
    pub(crate) fn hold(&self) -> Held {
        match SPARE.try_with(Cell::take) {
            Ok(Some(spare)) if Arc::ptr_eq(&spare.0, &self.policy) => Held(Some(spare)),
            _ => Held(Some(self.own())),
        }
    }

    /// As [`hold`](Self::hold), where it doesn't matter that it is a call.
    #[cold]
    pub(crate) fn hold_longer(&self) -> Held {
        self.hold()
    }

    #[inline(never)]
    fn own(&self) -> Arc<Own> {
        match self.stripes.get(stripe() % STRIPES) {
            Some(own) => Arc::clone(own),
            None => Arc::new(Own(Arc::clone(&self.policy))),
        }
    }
}

impl Deref for Held {
    type Target = EffectivePolicy;

    #[inline]
    #[expect(clippy::unreachable, reason = "only `drop` takes what is held")]
    fn deref(&self) -> &EffectivePolicy {
        match &self.0 {
            Some(own) => &own.0,
            None => unreachable!(),
        }
    }
}

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        let own = self.0.take();
        // A thread that ends has no place for it.
        let _ = SPARE.try_with(|spare| spare.replace(own));
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
