//! Tokens by scope: a map that readers take as it is, and a slot for each scope.

mod flight;
mod slot;
mod sync;

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use clock::Moment;
use tokio::sync::Notify;

use self::sync::{Mutex, MutexGuard, PoisonError, Published};
pub(crate) use self::{
    flight::Flight,
    slot::{FlightId, Outcome, Slot, Want},
};
use crate::{AccessToken, Scope, TokenError, TokenErrorKind, token};

const MAX_SCOPES: usize = 64;

type Slots = HashMap<Scope, Arc<Slot>, foldhash::fast::RandomState>;

/// Few enough to be looked through: most services ask for one scope, and nobody for more than 64.
type Tokens = Vec<(Scope, Arc<token::Inner>)>;

/// The slots of the scopes that were asked for, and the tokens in them.
///
/// A reader waits for nobody: both are replaced as a whole when a scope or a token comes or goes.
pub(crate) struct TokenCache {
    slots: Published<Slots>,
    /// What the slots serve, at one look.
    tokens: Published<Tokens>,
    changing: Mutex<()>,
    changed: Arc<Notify>,
}

impl TokenCache {
    /// An empty cache, which tells `changed` of what happens in it.
    pub(crate) fn new(changed: &Arc<Notify>) -> Self {
        Self {
            slots: Published::default(),
            tokens: Published::default(),
            changing: Mutex::new(()),
            changed: Arc::clone(changed),
        }
    }

    /// The token for `scope` until it is due to be replaced. Waits for no lock, allocates nothing.
    pub(crate) fn peek(&self, scope: &Scope, now: Moment) -> Option<AccessToken> {
        self.tokens.read(|tokens| {
            let (_, token) = tokens?.iter().find(|(other, _)| other == scope)?;
            token.is_current(now).then(|| AccessToken::of(token))
        })
    }

    /// Keeps what a fetch for a slot brought: see [`Slot::settle`].
    pub(crate) fn settle(
        &self,
        slot: &Slot,
        flight: FlightId,
        now: Moment,
        outcome: &Outcome,
        refresh_at: impl FnOnce(&AccessToken) -> Duration,
    ) {
        let changing = self.lock();
        slot.settle(flight, now, outcome, refresh_at);
        self.show(&changing);
    }

    /// Forgets `rejected`, if it is served. Nobody who asks from then on gets it.
    pub(crate) fn invalidate(&self, scope: &Scope, rejected: &AccessToken) {
        if let Some(slot) = self.find(scope) {
            let changing = self.lock();
            slot.invalidate(rejected);
            self.show(&changing);
        }
    }

    /// Puts on show what the slots serve by now. No slot changes meanwhile, or what is shown could be older.
    fn show(&self, _changing: &MutexGuard<'_, ()>) {
        let slots = self.all().into_iter();
        let tokens = slots.filter_map(|(scope, slot)| Some((scope, slot.served()?)));
        self.tokens.publish(Some(Arc::new(tokens.collect())));
    }

    /// The slot of `scope`, if it has one.
    pub(crate) fn find(&self, scope: &Scope) -> Option<Arc<Slot>> {
        self.slots.read(|slots| slots?.get(scope).cloned())
    }

    /// The slot of `scope`, made if need be.
    pub(crate) fn slot(&self, scope: &Scope, now: Moment) -> Result<Arc<Slot>, TokenError> {
        if let Some(slot) = self.find(scope) {
            return Ok(slot);
        }
        let _changing = self.lock();
        // Somebody may have been faster.
        if let Some(slot) = self.find(scope) {
            return Ok(slot);
        }
        let mut slots = self
            .slots
            .read(|slots| slots.map(|slots| Slots::clone(slots)));
        let slots = slots.get_or_insert_default();
        if slots.len() >= MAX_SCOPES {
            slots.retain(|_, slot| slot.is_in_use(now));
        }
        if slots.len() >= MAX_SCOPES {
            return Err(TokenError::new(TokenErrorKind::TooManyScopes));
        }
        let slot = Arc::new(Slot::new(Arc::clone(&self.changed)));
        slots.insert(scope.clone(), Arc::clone(&slot));
        self.slots.publish(Some(Arc::new(std::mem::take(slots))));
        Ok(slot)
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every scope with its slot.
    pub(crate) fn all(&self) -> Vec<(Scope, Arc<Slot>)> {
        self.slots.read(|slots| {
            let slots = slots.into_iter().flat_map(|slots| slots.iter());
            slots
                .map(|(scope, slot)| (scope.clone(), Arc::clone(slot)))
                .collect()
        })
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes = self
            .slots
            .read(|slots| slots.map_or(0, |slots| slots.len()));
        f.debug_struct("TokenCache")
            .field("scopes", &scopes)
            .finish_non_exhaustive()
    }
}
