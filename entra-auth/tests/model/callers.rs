//! Those who ask the client for tokens, and what must be true of each that they get.

use std::{
    collections::{HashMap, HashSet},
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex as Ghost},
    task::Poll,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clock::Clock as _;
use entra_auth::{
    AccessToken, ClaimsChallenge, EntraClient, Scope, TokenError, TokenProvider as _,
};
use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
use shuttle::{
    future::block_on,
    rand::{Rng as _, thread_rng},
    thread,
};

use crate::entra::{Entra, Signal, number, others_turn};

pub(crate) type Answer = Result<AccessToken, TokenError>;

/// How often a caller is polled before it leaves.
#[derive(Clone, Copy)]
pub(crate) enum Patience {
    Endless,
    Polls(usize),
}

impl Patience {
    pub(crate) fn any() -> Self {
        match thread_rng().gen_range(0..4) {
            3 => Self::Endless,
            polls => Self::Polls(polls),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Caller {
    client: EntraClient,
    entra: Arc<Entra>,
    scope: Scope,
    seen: Arc<Ghost<Seen>>,
}

/// What callers know of each other.
#[derive(Default)]
struct Seen {
    /// Nobody gets these any more.
    rejected: HashSet<usize>,
    /// Nor these, if who rejects them is fast.
    being_rejected: HashSet<usize>,
    /// Of each scope the newest that was found in the cache.
    newest: HashMap<Scope, usize>,
}

impl Caller {
    pub(crate) fn new(entra: &Arc<Entra>) -> Self {
        Self {
            client: entra.client(),
            entra: Arc::clone(entra),
            scope: "https://graph.microsoft.com/.default".parse().unwrap(),
            seen: Arc::default(),
        }
    }

    /// The same, for another scope.
    pub(crate) fn of(&self, scope: &str) -> Self {
        Self {
            scope: scope.parse().unwrap(),
            ..self.clone()
        }
    }

    /// A token, unless patience ends before.
    pub(crate) fn ask(&self, patience: Patience) -> Option<Answer> {
        self.check(self.client.token(&self.scope), patience, || ())
    }

    pub(crate) fn get(&self) -> AccessToken {
        self.ask(Patience::Endless).unwrap().unwrap()
    }

    /// A token in place of one that was rejected for these claims.
    pub(crate) fn challenge(
        &self,
        rejected: &AccessToken,
        claims: &str,
        patience: Patience,
    ) -> Option<Answer> {
        let challenge = challenge(claims);
        let gone = number(rejected);
        self.seen.lock().unwrap().being_rejected.insert(gone);
        let asked = self
            .client
            .token_for_challenge(&self.scope, rejected, &challenge);
        let answer = self.check(asked, patience, || {
            self.seen.lock().unwrap().rejected.insert(gone);
        });
        if let Some(Ok(token)) = &answer {
            assert_ne!(number(token), gone, "the rejected token itself");
        }
        answer
    }

    fn check(
        &self,
        asked: impl Future<Output = Answer>,
        patience: Patience,
        first_polled: impl Fn(),
    ) -> Option<Answer> {
        let gone = self.seen.lock().unwrap().rejected.clone();
        let mut polls = 0;
        let mut asked = pin!(asked);
        let answer = block_on(poll_fn(|context| {
            let poll = asked.as_mut().poll(context);
            first_polled();
            match (poll, patience) {
                (Poll::Ready(answer), _) => Poll::Ready(Some(answer)),
                (Poll::Pending, Patience::Polls(last)) if polls == last => Poll::Ready(None),
                (Poll::Pending, _) => {
                    polls += 1;
                    Poll::Pending
                }
            }
        }))?;
        if let Ok(token) = &answer {
            self.check_token(token, &gone);
        }
        Some(answer)
    }

    fn check_token(&self, token: &AccessToken, gone: &HashSet<usize>) {
        assert!(!gone.contains(&number(token)), "it had been rejected");
        assert_eq!(self.entra.form(number(token)).scope, self.scope.as_str());
    }

    /// The token in the cache.
    pub(crate) fn peek(&self) -> Option<AccessToken> {
        let (gone, newest) = {
            let seen = self.seen.lock().unwrap();
            (seen.rejected.clone(), seen.newest.get(&self.scope).copied())
        };
        let now = self.entra.clock().now();
        let token = self.client.peek(&self.scope)?;
        self.check_token(&token, &gone);
        assert!(!token.is_expired(now));
        let mut seen = self.seen.lock().unwrap();
        // It was the newest, before this.
        if let Some(newest) = newest
            && !seen.being_rejected.contains(&newest)
        {
            assert!(number(&token) >= newest, "a newer one was replaced");
        }
        let newest = seen.newest.entry(self.scope.clone()).or_default();
        *newest = number(&token).max(*newest);
        Some(token)
    }

    pub(crate) fn reject(&self, token: &AccessToken) {
        let gone = number(token);
        self.seen.lock().unwrap().being_rejected.insert(gone);
        self.client.invalidate(&self.scope, token);
        self.seen.lock().unwrap().rejected.insert(gone);
        others_turn();
    }

    /// Keeps tokens fresh until told to stop.
    pub(crate) fn keep_fresh(&self, stop: Signal) {
        block_on(self.client.keep_fresh(stop));
    }

    /// Keeps them fresh as long as patience lasts, and then just goes.
    pub(crate) fn keep_fresh_and_leave(&self, patience: usize) {
        let mut keeping = pin!(self.client.keep_fresh(std::future::pending()));
        let mut polls = 0;
        block_on(poll_fn(|context| {
            assert!(keeping.as_mut().poll(context).is_pending());
            polls += 1;
            // Not to be woken is no reason to stay.
            context.waker().wake_by_ref();
            if polls > patience {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
    }

    pub(crate) fn let_time_pass(&self, duration: Duration) {
        self.entra.clock().advance(duration);
        others_turn();
    }

    /// Waits until the background waits for time to pass.
    pub(crate) fn until_kept(&self) {
        while self.entra.clock().sleepers() == 0 {
            thread::yield_now();
        }
    }

    /// Waits until a token that this request brought, or a later one, is in the cache.
    pub(crate) fn until_served(&self, request: usize) {
        while self.peek().is_none_or(|token| number(&token) < request) {
            thread::yield_now();
        }
    }

    /// No request, and no trace of one.
    pub(crate) fn assert_nothing_is_under_way(&self) {
        assert_eq!(self.entra.under_way(), 0);
        for status in self.client.status() {
            let is_due_some_time = status.refresh_at.is_some();
            assert_eq!(
                is_due_some_time,
                status.refreshed_at.is_some(),
                "{status:?}"
            );
        }
    }
}

fn challenge(claims: &str) -> ClaimsChallenge {
    let value = format!(
        "Bearer error=\"insufficient_claims\", claims=\"{}\"",
        STANDARD.encode(claims)
    );
    let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, HeaderValue::try_from(value).unwrap())]);
    ClaimsChallenge::from_headers(&headers).unwrap()
}
