use std::{cell::Cell, fmt};

use clock::Timestamp;
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// The id of a decision: a UUID, version 7.
///
/// Unique, but no secret: whoever sees some ids may work others out.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId {
    high: u64,
    low: u64,
}

impl DecisionId {
    #[inline]
    pub(crate) fn generate(now: Timestamp) -> Self {
        // RFC 9562, section 5.7: 48 bits of milliseconds, 4 of version, 12 of `rand_a`, 2 of variant, 62 of `rand_b`.
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        let (own, drawn) = draw();
        let high = millis << 16 | 0x7000 | own & 0x0fff;
        let low = 0b10 << 62 | drawn >> 2;
        Self { high, low }
    }

    fn uuid(self) -> Uuid {
        Uuid::from_u64_pair(self.high, self.low)
    }
}

/// Where a thread is in its numbers.
#[derive(Clone, Copy)]
struct Draws {
    /// Of the thread, at random.
    own: u64,
    at: u64,
}

/// A random number of this thread, and another that differs with each call.
///
/// The operating system's randomness is where it begins; [SplitMix64](https://prng.di.unimi.it/splitmix64.c) goes
/// on from there, in less time than a generator whose numbers nobody can foretell.
#[inline]
fn draw() -> (u64, u64) {
    thread_local! {
        static DRAWS: Cell<Option<Draws>> = const { Cell::new(None) };
    }
    DRAWS.with(|draws| {
        let Draws { own, at } = draws.get().unwrap_or_else(begin);
        let at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
        draws.set(Some(Draws { own, at }));
        let mixed = (at ^ at >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (own, mixed ^ mixed >> 31)
    })
}

#[cold]
fn begin() -> Draws {
    // Neither half of a version 4 UUID is random throughout: 4 bits of the one say the version, 2 of the other the variant.
    let ((high, low), (other, _)) = (Uuid::new_v4().as_u64_pair(), Uuid::new_v4().as_u64_pair());
    Draws {
        own: low,
        at: high ^ other.rotate_left(32),
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.uuid(), f)
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecisionId({self})")
    }
}

impl Serialize for DecisionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
