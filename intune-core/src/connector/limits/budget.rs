use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use clock::{Clock, Monotonic};

use crate::{InvocationId, Principal};

/// How many devices may be locked, retired or wiped in a time: by one person, and in all.
///
/// Kept by one connector, in memory: every replica, and every start, has it anew.
///
/// It counts what may have taken effect, whatever was answered. By default 5 by one person and 20 in all, in an
/// hour: enough for a lost laptop, too few for a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MutationBudget {
    per_principal: usize,
    per_tenant: usize,
    window: Duration,
}

impl MutationBudget {
    /// So many by one person and so many in all, in any `window`. None, for either, stops everything.
    #[must_use]
    pub fn new(per_principal: u16, per_tenant: u16, window: Duration) -> Self {
        Self {
            per_principal: per_principal.into(),
            per_tenant: per_tenant.into(),
            window,
        }
    }
}

impl Default for MutationBudget {
    fn default() -> Self {
        Self::new(5, 20, Duration::from_secs(60 * 60))
    }
}

/// What was spent of a budget in its window.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    budget: MutationBudget,
    clock: Arc<dyn Clock>,
    spent: Arc<Mutex<VecDeque<Spent>>>,
}

/// One set aside or spent, since this time; in the order of time.
#[derive(Debug)]
struct Spent {
    invocation: InvocationId,
    at: Monotonic,
    principal: Principal,
    /// Set aside only: that it will be spent can't be ruled out, however long ago it was.
    is_held: bool,
}

impl Ledger {
    pub(crate) fn new(budget: MutationBudget, clock: Arc<dyn Clock>) -> Self {
        Self {
            budget,
            clock,
            spent: Arc::default(),
        }
    }

    /// Sets one aside, or says when there will be one.
    pub(crate) fn reserve(
        &self,
        invocation: InvocationId,
        principal: &Principal,
    ) -> Result<Reservation, Duration> {
        let mut spent = self.lock();
        let now = self.clock.now().monotonic;
        self.available(&mut spent, principal, now)?;
        spent.push_back(Spent {
            invocation,
            at: now,
            principal: principal.clone(),
            is_held: true,
        });
        Ok(Reservation {
            ledger: self.clone(),
            invocation,
            is_spent: false,
        })
    }

    /// Whether there is one, without setting it aside; else when there will be one.
    pub(crate) fn check(&self, principal: &Principal) -> Result<(), Duration> {
        let mut spent = self.lock();
        let now = self.clock.now().monotonic;
        self.available(&mut spent, principal, now)
    }

    /// Counts what was set aside from now on, when it is used.
    fn spend(&self, invocation: InvocationId) {
        let mut spent = self.lock();
        let found = spent
            .iter()
            .position(|spent| spent.invocation == invocation);
        if let Some(held) = found.and_then(|index| spent.remove(index)) {
            spent.push_back(Spent {
                at: self.clock.now().monotonic,
                is_held: false,
                ..held
            });
        }
    }

    fn available(
        &self,
        spent: &mut VecDeque<Spent>,
        principal: &Principal,
        now: Monotonic,
    ) -> Result<(), Duration> {
        let MutationBudget {
            per_principal,
            per_tenant,
            window,
        } = self.budget;
        spent.retain(|spent| spent.is_held || now.since(spent.at) < window);
        let by_principal = spent
            .iter()
            .filter(|spent| spent.principal.is_same_person(principal));
        let by_principal: Vec<_> = by_principal.map(|spent| spent.at).collect();
        let by_all: Vec<_> = spent.iter().map(|spent| spent.at).collect();
        // When so many have left the window that one more fits.
        let wait = |at: &[Monotonic], limit: usize| {
            let over = at.len().checked_sub(limit)?;
            let left = |&oldest: &Monotonic| window.saturating_sub(now.since(oldest));
            Some(at.get(over).map_or(window, left))
        };
        let wait = wait(&by_principal, per_principal).max(wait(&by_all, per_tenant));
        wait.map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Spent>> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One set aside: given back when this is dropped, unless it was spent.
#[derive(Debug)]
pub(crate) struct Reservation {
    ledger: Ledger,
    invocation: InvocationId,
    is_spent: bool,
}

impl Reservation {
    /// From now on it counts, whatever happens.
    pub(crate) fn spend(&mut self) {
        self.is_spent = true;
        self.ledger.spend(self.invocation);
    }

    /// Certainly nothing was done.
    pub(crate) fn give_back(&mut self) {
        self.is_spent = false;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.is_spent {
            let own = self.invocation;
            self.ledger.lock().retain(|spent| spent.invocation != own);
        }
    }
}
