//! How long an observation serves.

use std::time::Duration;

use clock::Moment;
use intune_core::Freshness;

/// What sets the limit, besides the asker.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Allowed,
    Denied,
    NotFound,
}

/// By kind, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub(super) allowed: u64,
    pub(super) denied: u64,
    pub(super) not_found: u64,
    /// By how much a limit may be shortened, in 1,024ths.
    pub(super) jitter: u64,
}

/// Whether an observation may serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Young,
    /// In the last quarter of its life.
    Ripe,
    /// Or nothing but a live one will do.
    Over,
}

impl Lifetimes {
    /// Judges by the shorter of what the asker accepts and what the kind allows, less this device's share of the
    /// jitter; `spread` is of 65,536.
    ///
    /// Who accepts any age gets any.
    #[inline]
    pub(super) fn judge(
        &self,
        kind: Kind,
        spread: u64,
        observed_at: Moment,
        asked: Freshness,
    ) -> Age {
        let own = match kind {
            Kind::Allowed => self.allowed,
            Kind::Denied => self.denied,
            Kind::NotFound => self.not_found,
        };
        let accepted = nanos(asked.max_age);
        if accepted == u64::MAX {
            return Age::Young;
        }
        let limit = own.min(accepted);
        let limit = limit - (limit >> 10) * ((self.jitter * spread) >> 16);
        let age = asked.now.nanos_since(observed_at);
        if age >= limit {
            Age::Over
        } else if age >= limit - (limit >> 2) {
            Age::Ripe
        } else {
            Age::Young
        }
    }
}

/// At most some 584 years, which stand for any time.
#[inline]
pub(super) const fn nanos(duration: Duration) -> u64 {
    let seconds = duration.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(duration.subsec_nanos() as u64)
}
