//! The policies in force, and near at hand in each thread.

use std::{
    cell::RefCell,
    fmt, ptr,
    sync::{Arc, Weak},
};

use arc_swap::{ArcSwap, Cache};
use intune_core::AccordTemplate;

use crate::{Policies, policy::Held};

type Swapped = Arc<ArcSwap<Policies>>;

thread_local! {
    /// Of one gate: the first that decides in this thread, until it is gone.
    static NEAR: RefCell<Option<Near>> = const { RefCell::new(None) };
}

/// What was in force when this thread last asked.
struct Near {
    gate: Weak<()>,
    seen: Cache<Swapped, Arc<Policies>>,
}

/// Policies that are replaced whole, while others are decided by.
///
/// To take hold of what may be replaced at any time, a thread has to announce that it does so, and then to revoke it,
/// each for all others to see; that is as dear as all of the decision table. So a thread keeps hold of what it saw
/// last, and only looks whether that is in force still. What was replaced so stays in memory until each
/// thread that decided by it decides again, or ends.
pub(super) struct InForce {
    policies: Swapped,
    /// There as long as the gate is.
    gate: Arc<()>,
}

impl InForce {
    pub(super) fn new(policies: Policies) -> Self {
        Self {
            policies: Arc::new(ArcSwap::from_pointee(policies)),
            gate: Arc::default(),
        }
    }

    pub(super) fn policies(&self) -> Arc<Policies> {
        self.policies.load_full()
    }

    pub(super) fn replace(&self, policies: Policies) {
        self.policies.store(Arc::new(policies));
    }

    /// A hold on the policy in force for `template`.
    #[inline]
    pub(super) fn hold(&self, template: &AccordTemplate) -> Held {
        let near = NEAR.try_with(|near| {
            let mut near = near.try_borrow_mut().ok()?;
            let near = match &mut *near {
                Some(near) if ptr::eq(near.seen.arc_swap(), &*self.policies) => near,
                near => self.bring_near(near)?,
            };
            Some(near.seen.load().hold(template))
        });
        match near {
            Ok(Some(held)) => held,
            // The thread is another gate's, or ends.
            Ok(None) | Err(_) => self.policies.load().hold(template),
        }
    }

    #[cold]
    fn bring_near<'a>(&self, near: &'a mut Option<Near>) -> Option<&'a mut Near> {
        let is_taken = |other: &Near| other.gate.strong_count() > 0;
        if near.as_ref().is_some_and(is_taken) {
            return None;
        }
        Some(near.insert(Near {
            gate: Arc::downgrade(&self.gate),
            seen: Cache::new(Arc::clone(&self.policies)),
        }))
    }
}

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.policies.load().fmt(f)
    }
}
