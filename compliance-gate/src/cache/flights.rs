//! Look-ups under way, who may join them, and what they may still bring.

use std::{
    collections::HashMap,
    future::{Future, ready},
    sync::{Arc, PoisonError},
    time::Duration,
};

use intune_core::{
    EntraDeviceId, Finding, Freshness, ManagedDeviceId, Observation, Served, SourceFailure,
};

use super::{
    flight::{Flight, WeakFlight},
    sync::{Mutex, MutexGuard},
};

pub(super) type Answer = Result<Observation, SourceFailure>;

/// How a flight ended.
#[derive(Clone)]
pub(super) enum Landing {
    /// With an answer. It counts as long as its ticket does; without a ticket, at once.
    Answer(Answer, Option<Arc<Ticket>>),
    /// What it found was invalidated while it was under way.
    Void,
}

/// The flights that are under way, or whose answer somebody has not fetched yet; by device, in the order in
/// which they began.
///
/// Beginning, landing, handing out and voiding exclude each other, which is what makes an invalidation final.
/// The lock is held for a few look-ups in maps, and never on the path of a cache hit.
#[derive(Clone)]
pub(super) struct Flights {
    listed: Arc<Mutex<Listed>>,
    boarding: Duration,
}

type Listed = HashMap<EntraDeviceId, Vec<Entry>>;

struct Entry {
    number: Arc<()>,
    asked: Freshness,
    flight: WeakFlight<Landing>,
    landed: bool,
    /// A flight that began later has brought an observation.
    outrun: bool,
    /// Intune's ids that were invalidated since it began.
    forgotten: Vec<ManagedDeviceId>,
}

impl Flights {
    /// A flight may be joined for so long: nobody shall wait for one that will never end.
    pub(super) fn new(boarding: Duration) -> Self {
        Self {
            listed: Arc::default(),
            boarding,
        }
    }

    /// Joins the latest flight if its answer will be fresh enough; begins one otherwise. Under the lock,
    /// `landed` is asked first for what a flight may just have brought.
    pub(super) fn join_or_begin<F>(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
        landed: impl FnOnce() -> Option<Observation>,
        fly: impl FnOnce(Ticket) -> F,
    ) -> Flight<Landing>
    where
        F: Future<Output = Landing> + Send + 'static,
    {
        let mut listed = self.lock();
        if let Some(observation) = landed() {
            let answer = Ok(observation.served(Served::Cache));
            return Flight::new(ready(Landing::Answer(answer, None)));
        }
        let latest = listed.get(&device).and_then(|entries| entries.last());
        let latest = latest.filter(|entry| {
            let asked_at = entry.asked.now;
            // A failure that has landed is for those who waited for it, not for who comes after.
            !entry.landed
                && freshness.accepts(asked_at)
                && freshness.now.since(asked_at) < self.boarding
        });
        if let Some(flight) = latest.and_then(|entry| entry.flight.upgrade()) {
            return flight;
        }
        self.begin(&mut listed, device, freshness, fly)
    }

    /// Begins a flight that nobody waits for yet, unless one is under way. Under the lock, `is_wanted` is asked
    /// first.
    pub(super) fn begin_first<F>(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
        is_wanted: impl FnOnce() -> bool,
        fly: impl FnOnce(Ticket) -> F,
    ) -> Option<Flight<Landing>>
    where
        F: Future<Output = Landing> + Send + 'static,
    {
        let mut listed = self.lock();
        let mut entries = listed.get(&device).into_iter().flatten();
        let is_first = entries.all(|entry| entry.landed);
        (is_first && is_wanted()).then(|| self.begin(&mut listed, device, freshness, fly))
    }

    fn begin<F>(
        &self,
        listed: &mut Listed,
        device: EntraDeviceId,
        freshness: Freshness,
        fly: impl FnOnce(Ticket) -> F,
    ) -> Flight<Landing>
    where
        F: Future<Output = Landing> + Send + 'static,
    {
        let number = Arc::new(());
        let ticket = Ticket {
            flights: self.clone(),
            device,
            number: Arc::clone(&number),
        };
        let flight = Flight::new(fly(ticket));
        if let Some(weak) = flight.downgrade() {
            listed.entry(device).or_default().push(Entry {
                number,
                asked: freshness,
                flight: weak,
                landed: false,
                outrun: false,
                forgotten: Vec::new(),
            });
        }
        flight
    }

    /// Ends a flight. Unless it is void, `settle` turns its answer into what is handed out, and is told
    /// whether a flight that began later has brought an observation already.
    pub(super) fn land(
        &self,
        ticket: Ticket,
        answer: Answer,
        settle: impl FnOnce(Answer, bool) -> Answer,
    ) -> Landing {
        let mut listed = self.lock();
        let entries = listed
            .get_mut(&ticket.device)
            .map(Vec::as_mut_slice)
            .unwrap_or_default();
        let mut earlier = Vec::new();
        let mut own = None;
        for entry in entries {
            if ticket.is_of(entry) {
                own = Some(entry);
                break;
            }
            earlier.push(entry);
        }
        let Some(own) = own.filter(|own| !own.is_void_for(&answer)) else {
            // The ticket's end takes the lock, too.
            drop(listed);
            return Landing::Void;
        };
        own.landed = true;
        if answer.is_ok() {
            earlier.into_iter().for_each(|entry| entry.outrun = true);
        }
        let answer = settle(answer, own.outrun);
        drop(listed);
        Landing::Answer(answer, Some(Arc::new(ticket)))
    }

    /// Whether the answer of a flight that has landed may still be handed out.
    pub(super) fn counts(&self, ticket: &Ticket, answer: &Answer) -> bool {
        let listed = self.lock();
        let mut entries = listed.get(&ticket.device).into_iter().flatten();
        entries.any(|entry| ticket.is_of(entry) && !entry.is_void_for(answer))
    }

    /// Voids the flights of `device`, and lets `forget` drop what was kept of it.
    pub(super) fn void(&self, device: EntraDeviceId, forget: impl FnOnce()) {
        let mut listed = self.lock();
        listed.remove(&device);
        forget();
    }

    /// Voids the flights that bring anything about the device with this Intune id, and lets `forget` drop what
    /// was kept of it. What a flight brings isn't known before it lands.
    pub(super) fn void_what_concerns(&self, id: ManagedDeviceId, forget: impl FnOnce()) {
        let mut listed = self.lock();
        for entry in listed.values_mut().flatten() {
            if !entry.forgotten.contains(&id) {
                entry.forgotten.push(id);
            }
        }
        forget();
    }

    /// Voids all flights, and lets `forget` drop what was kept.
    pub(super) fn void_all(&self, forget: impl FnOnce()) {
        let mut listed = self.lock();
        listed.clear();
        forget();
    }

    /// How many are listed.
    pub(super) fn len(&self) -> usize {
        self.lock().values().map(Vec::len).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_void_for(&self, answer: &Answer) -> bool {
        let observation = match answer {
            Ok(observation) => Some(*observation),
            Err(failure) => failure.last_known(),
        };
        observation.is_some_and(|seen| self.forgotten.iter().any(|&id| concerns(&seen, id)))
    }
}

/// Whether an observation may be about the device with this Intune id.
pub(super) fn concerns(observation: &Observation, id: ManagedDeviceId) -> bool {
    match observation.finding {
        // Of several records, only one is known by its id; any other may be the one.
        Finding::Device(found) => found.managed_device_id == id || found.records > 1,
        Finding::Conflicting { .. } => true,
        Finding::NotFound => false,
    }
}

/// Held by a flight, and then by its answer until the last who waits has fetched it. Its end, by whatever way,
/// takes the flight off the list.
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
        let mut listed = self.flights.lock();
        if let Some(entries) = listed.get_mut(&self.device) {
            entries.retain(|entry| !self.is_of(entry));
            if entries.is_empty() {
                listed.remove(&self.device);
            }
        }
    }
}
