//! Tokens by scope: a map that readers take as it is, and a slot for each scope.

mod flight;
mod slot;
mod sync;

use std::{collections::HashMap, fmt, sync::Arc};

use clock::Moment;
use tokio::sync::Notify;

use self::sync::{Mutex, PoisonError, Published};
pub(crate) use self::{
    flight::Flight,
    slot::{FlightId, Outcome, Slot, Want},
};
use crate::{AccessToken, Scope, TokenError, TokenErrorKind};

const MAX_SCOPES: usize = 64;

type Slots = HashMap<Scope, Arc<Slot>, foldhash::fast::RandomState>;

/// The slots of the scopes that were asked for.
///
/// A reader waits for nobody: the map is replaced as a whole when a scope comes or goes.
pub(crate) struct TokenCache {
    slots: Published<Slots>,
    changing: Mutex<()>,
    changed: Arc<Notify>,
}

impl TokenCache {
    /// An empty cache, which tells `changed` of what happens in it.
    pub(crate) fn new(changed: &Arc<Notify>) -> Self {
        Self {
            slots: Published::default(),
            changing: Mutex::new(()),
            changed: Arc::clone(changed),
        }
    }

    /// The token for `scope` until it is due to be replaced. Waits for no lock, allocates nothing.
    pub(crate) fn peek(&self, scope: &Scope, now: Moment) -> Option<AccessToken> {
        self.slots.read(|slots| slots?.get(scope)?.peek(now))
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
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
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
