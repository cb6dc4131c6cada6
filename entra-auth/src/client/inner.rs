//! What the clones of a client share, and how a caller gets what is there or joins a fetch.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use clock::{Clock, Moment};
use tokio::sync::Notify;

use super::background;
use crate::{
    AccessToken, Scope, TenantId, TokenError, TokenErrorKind,
    cache::{Flight, FlightId, Outcome, Slot, TokenCache, Want},
    claims::CAPABLE,
    request::TokenRequests,
};

/// Just obtained: another request would bring no token that lives longer.
const JUST: Duration = Duration::from_secs(30);

/// What the clones of a client share.
pub(super) struct Inner {
    pub(super) tenant: TenantId,
    pub(super) requests: TokenRequests,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) plain: TokenCache,
    pub(super) capable: TokenCache,
    /// How many futures keep tokens fresh in the background.
    pub(super) keepers: AtomicUsize,
    /// A token came or went, or a fetch has ended.
    pub(super) changed: Arc<Notify>,
}

impl Inner {
    pub(super) fn cache(&self, capable: bool) -> &TokenCache {
        match capable {
            false => &self.plain,
            true => &self.capable,
        }
    }

    /// The living token that is due, if nobody need wait for the next one.
    pub(super) fn held(&self, slot: &Slot, now: Moment) -> Option<AccessToken> {
        if self.keepers.load(Ordering::Relaxed) > 0 {
            return slot.living(now);
        }
        slot.held(now)
    }

    /// What a caller gets without a request, if that is so.
    pub(super) fn known(&self, slot: &Slot, want: &Want, now: Moment) -> Option<Outcome> {
        if want.claims.is_none() {
            let served = slot.peek(now).or_else(|| self.held(slot, now));
            match served {
                Some(token) if want.is_met_by(&token, now) => return Some(Ok(token)),
                // A moment ago Entra ID gave no better one.
                Some(token) if want.instead_of.is_none() && token.age(now) < JUST => {
                    return Some(Err(TokenError::new(TokenErrorKind::TooShortLived)));
                }
                _ => {}
            }
        }
        // First, since it tells how much of the wait is left.
        let throttled = self.requests.throttle.check(now).err();
        let failure = || slot.failure(now).filter(|_| want.claims.is_none());
        throttled.or_else(failure).map(Err)
    }

    pub(super) fn join(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        scope: &Scope,
        capable: bool,
        want: &Want,
    ) -> Flight<Outcome> {
        let claims = want.claims.clone();
        slot.join(self.clock.now(), claims, |flight| {
            let (inner, slot) = (Arc::clone(self), Arc::clone(slot));
            let (scope, want) = (scope.clone(), want.clone());
            async move { inner.fetch(&slot, flight, &scope, capable, &want).await }
        })
    }

    async fn fetch(
        &self,
        slot: &Slot,
        flight: FlightId,
        scope: &Scope,
        capable: bool,
        want: &Want,
    ) -> Outcome {
        // Somebody may have landed since the caller looked.
        if let Some(outcome) = slot.look_again(flight, self.clock.now(), want) {
            return outcome;
        }
        let claims = want.claims.as_deref().or(capable.then_some(CAPABLE));
        let outcome = self.requests.token(scope, claims).await;
        let cache = self.cache(capable);
        cache.settle(
            slot,
            flight,
            self.clock.now(),
            &outcome,
            background::refresh_at,
        );
        outcome
    }
}
