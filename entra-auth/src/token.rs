use std::{fmt, sync::Arc, time::Duration};

use clock::{Moment, Timestamp};
use secrecy::SecretString;

/// An access token. Clones are cheap and share the secret, which is wiped with the last of them.
///
/// To the client it is opaque: nothing in here was read from inside it.
///
/// ```
/// use std::time::Duration;
/// use clock::{Clock, SystemClock};
/// use entra_auth::AccessToken;
///
/// let clock = SystemClock::new();
/// let token = AccessToken::new("eyJ0eXAi…".into(), clock.now(), Duration::from_secs(3600));
/// assert!(!token.is_expired(clock.now()));
/// assert!(!format!("{token:?}").contains("eyJ"));
/// ```
#[derive(Clone)]
pub struct AccessToken(Arc<Inner>);

pub(crate) struct Inner {
    secret: SecretString,
    requested_at: Moment,
    lifetime: Duration,
    refresh_in: Option<Duration>,
    /// From this age on, whoever asks for it replaces it.
    renew_at: Duration,
}

/// A token is replaced this long before it ends, so that none ends on its way to an API.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// But of a short life, no more than a tenth is given away: each fetched token is used.
const MARGIN_DIVISOR: u32 = 10;

impl Inner {
    /// Whether it is not yet due to be replaced by whoever asks for it.
    pub(crate) fn is_current(&self, now: Moment) -> bool {
        now.since(self.requested_at) < self.renew_at
    }
}

impl AccessToken {
    /// Makes a token that lives for `lifetime` from `requested_at`, when its request began.
    #[must_use]
    pub fn new(secret: SecretString, requested_at: Moment, lifetime: Duration) -> Self {
        Self(Arc::new(Inner {
            secret,
            requested_at,
            lifetime,
            refresh_in: None,
            renew_at: lifetime.saturating_sub(MARGIN.min(lifetime / MARGIN_DIVISOR)),
        }))
    }

    /// Says when Entra ID would like it replaced: `refresh_in`, counted as the lifetime is, unless that is too late.
    pub(crate) fn refreshed_in(mut self, refresh_in: Option<Duration>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.refresh_in = refresh_in.filter(|at| *at < inner.renew_at);
        }
        self
    }

    /// The token itself, for the `Authorization: Bearer` header of one API.
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.0.secret
    }

    /// When it ends, in civil time: to show, or to hand on. [`is_expired`](Self::is_expired) judges.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.0.requested_at.wall.saturating_add(self.0.lifetime)
    }

    /// Whether its lifetime has passed at `now`, by the wall clock or by the monotonic one.
    #[must_use]
    pub fn is_expired(&self, now: Moment) -> bool {
        self.age(now) >= self.0.lifetime
    }

    /// Whether `other` is a clone of this token, rather than a newer or older one.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How long it will live after `now`: zero if it has expired.
    #[must_use]
    pub fn remaining(&self, now: Moment) -> Duration {
        self.0.lifetime.saturating_sub(self.age(now))
    }

    pub(crate) fn age(&self, now: Moment) -> Duration {
        now.since(self.0.requested_at)
    }

    /// When its request began.
    pub(crate) fn requested_at(&self) -> Moment {
        self.0.requested_at
    }

    /// The age at which it is due to be replaced in the background: `refresh_in`, or half its life.
    pub(crate) fn refresh_at(&self) -> Duration {
        self.0.refresh_in.unwrap_or(self.0.lifetime / 2)
    }

    /// Whether it is due to be replaced by whoever asks for it.
    pub(crate) fn is_due(&self, now: Moment) -> bool {
        !self.0.is_current(now)
    }

    pub(crate) fn into_inner(self) -> Arc<Inner> {
        self.0
    }

    pub(crate) fn of(inner: &Arc<Inner>) -> Self {
        Self(Arc::clone(inner))
    }
}

/// Shows when it ends, never the token.
impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("expires_at", &self.expires_at())
            .finish_non_exhaustive()
    }
}
