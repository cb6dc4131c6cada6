//! The policies in force, and near at hand in each thread.

use std::{
    cell::Cell,
    fmt, ptr,
    sync::{Arc, Weak},
};

use arc_swap::{ArcSwap, Cache, Guard};

use crate::Policies;

type Swapped = Arc<ArcSwap<Policies>>;

thread_local! {
    /// Of one gate: the first that decides in this thread, until it is gone. Boxed, as it comes and goes.
    static NEAR: Cell<Option<Box<Near>>> = const { Cell::new(None) };
}

/// What was in force when this thread last asked.
pub(super) struct Near {
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

    /// What is in force; to be put back soon.
    #[inline]
    pub(super) fn load(&self) -> Loaded {
        // Taken out while it is used, so that nobody else is in its way: whoever decides meanwhile brings their own.
        match NEAR.try_with(Cell::take) {
            Ok(Some(near)) if ptr::eq(near.seen.arc_swap(), &*self.policies) => Loaded::Near(near),
            other => self.bring_near(other.ok().flatten()),
        }
    }

    /// Makes what is in force near, unless the thread is another gate's.
    #[cold]
    fn bring_near(&self, other: Option<Box<Near>>) -> Loaded {
        match other {
            Some(other) if other.gate.strong_count() > 0 => {
                Loaded::Near(other).put_back();
                Loaded::Now(self.policies.load())
            }
            Some(_) | None => Loaded::Near(Box::new(Near {
                gate: Arc::downgrade(&self.gate),
                seen: Cache::new(Arc::clone(&self.policies)),
            })),
        }
    }
}

/// What is in force, in use.
pub(super) enum Loaded {
    Near(Box<Near>),
    Now(Guard<Arc<Policies>>),
}

impl Loaded {
    #[inline]
    pub(super) fn policies(&mut self) -> &Policies {
        match self {
            Self::Near(near) => near.seen.load(),
            Self::Now(policies) => policies,
        }
    }

    /// Ends the use. Nothing is lost without, but time.
    #[inline]
    pub(super) fn put_back(self) {
        if let Self::Near(near) = self {
            // A thread that ends has no place for it.
            let _ = NEAR.try_with(|place| place.set(Some(near)));
        }
    }
}

impl Loaded {
    /// As [`put_back`](Self::put_back), where it doesn't matter that it is a call.
    #[cold]
    pub(super) fn put_back_late(self) {
        self.put_back();
    }
}

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.policies.load().fmt(f)
    }
}
