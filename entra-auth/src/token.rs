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

struct Inner {
    secret: SecretString,
    requested_at: Moment,
    lifetime: Duration,
}

impl AccessToken {
    /// Makes a token that lives for `lifetime` from `requested_at`, when its request began.
    #[must_use]
    pub fn new(secret: SecretString, requested_at: Moment, lifetime: Duration) -> Self {
        Self(Arc::new(Inner {
            secret,
            requested_at,
            lifetime,
        }))
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

    pub(crate) fn age(&self, now: Moment) -> Duration {
        now.since(self.0.requested_at)
    }

    pub(crate) fn lifetime(&self) -> Duration {
        self.0.lifetime
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
