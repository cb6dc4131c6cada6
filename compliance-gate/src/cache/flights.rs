//! Look-ups under way. A flight is a future that its waiters share: whoever is polled drives it, and it
//! ends when the last of them goes.

use std::{
    collections::HashMap,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use intune_core::{
    EntraDeviceId, Freshness, Observation, Served, SourceFailure, SourceFailureKind,
};

pub(super) type Flight = Shared<BoxFuture<'static, Landing>>;

/// How a flight ended.
#[derive(Clone, Debug)]
pub(super) enum Landing {
    /// With an answer.
    Answer(Result<Observation, SourceFailure>),
    /// What it found was invalidated while it was under way.
    Void,
}

/// The flights under way, by device; of several, the last to begin is last.
///
/// Landing, beginning and voiding exclude each other, which is what makes an invalidation final. The lock is
/// held for a few look-ups in maps, and never on the path of a cache hit.
#[derive(Clone, Default)]
pub(super) struct Flights {
    under_way: Arc<Mutex<HashMap<EntraDeviceId, Vec<Entry>>>>,
}

struct Entry {
    number: Arc<()>,
    asked: Freshness,
    flight: WeakShared<BoxFuture<'static, Landing>>,
}

impl Flights {
    /// Joins the latest flight if its answer will be fresh enough; begins one otherwise. Under the lock,
    /// `landed` is asked first for what a flight may just have brought.
    pub(super) fn join_or_begin<F>(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
        landed: impl FnOnce() -> Option<Observation>,
        fly: impl FnOnce(Ticket) -> F,
    ) -> Flight
    where
        F: Future<Output = Landing> + Send + 'static,
    {
        let mut under_way = self.lock();
        if let Some(observation) = landed() {
            let answer = Landing::Answer(Ok(observation.served(Served::Cache)));
            return futures_util::future::ready(answer).boxed().shared();
        }
        let entries = under_way.entry(device).or_default();
        let latest = entries
            .last()
            .filter(|entry| freshness.accepts(entry.asked.now));
        if let Some(flight) = latest.and_then(|entry| entry.flight.upgrade()) {
            return flight;
        }
        let number = Arc::new(());
        let ticket = Ticket {
            flights: self.clone(),
            device,
            number: Arc::clone(&number),
        };
        let flight = fly(ticket).boxed().shared();
        if let Some(weak) = flight.downgrade() {
            entries.push(Entry {
                number,
                asked: freshness,
                flight: weak,
            });
        }
        flight
    }

    /// Ends a flight: `keep` turns its answer into what is handed out, unless the flight is void.
    pub(super) fn land(
        &self,
        ticket: &Ticket,
        keep: impl FnOnce() -> Result<Observation, SourceFailure>,
    ) -> Landing {
        let under_way = self.lock();
        let entries = under_way.get(&ticket.device);
        let valid = entries.is_some_and(|entries| entries.iter().any(|entry| ticket.is_of(entry)));
        if valid {
            Landing::Answer(keep())
        } else {
            Landing::Void
        }
    }

    /// Voids the flights of `device`, and lets `forget` drop what was kept of it.
    pub(super) fn void(&self, device: EntraDeviceId, forget: impl FnOnce()) {
        let mut under_way = self.lock();
        under_way.remove(&device);
        forget();
    }

    /// Voids all flights, and lets `forget` drop what was kept.
    pub(super) fn void_all(&self, forget: impl FnOnce()) {
        let mut under_way = self.lock();
        under_way.clear();
        forget();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EntraDeviceId, Vec<Entry>>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held by a flight. Its end, by whatever way, takes the flight off the list.
pub(super) struct Ticket {
    flights: Flights,
    device: EntraDeviceId,
    number: Arc<()>,
}

impl Ticket {
    fn is_of(&self, entry: &Entry) -> bool {
        Arc::ptr_eq(&self.number, &entry.number)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut under_way = self.flights.lock();
        if let Some(entries) = under_way.get_mut(&self.device) {
            entries.retain(|entry| !self.is_of(entry));
            if entries.is_empty() {
                under_way.remove(&self.device);
            }
        }
    }
}

/// Turns a panic of the source into a failure: one bad look-up must not take its waiters with it.
pub(super) async fn caught(
    look_up: impl Future<Output = Result<Observation, SourceFailure>>,
) -> Result<Observation, SourceFailure> {
    let answer = AssertUnwindSafe(look_up).catch_unwind().await;
    answer.unwrap_or_else(|_| Err(SourceFailure::new(SourceFailureKind::Interrupted)))
}
