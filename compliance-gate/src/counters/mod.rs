//! How often which decision was made, and how long the source took.

mod stripes;

use std::time::Duration;

use crate::{Outcome, Reason};

pub(crate) use stripes::{Asked, Counters};

/// What a gate has counted since it was built. From [`Gate::counters`](crate::Gate::counters).
///
/// Numbers only grow, but for [`records_waiting`](Self::records_waiting). They are read one after the other while the gate goes on, so that sums may differ by the
/// decisions made meanwhile.
///
/// ```
/// use compliance_gate::{GateCounters, Reason};
///
/// let counters = GateCounters::default();
/// assert_eq!(counters.denied(), 0);
/// assert_eq!(counters.of(Reason::Noncompliant).denied, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateCounters {
    /// Decisions for which the source had the device at hand.
    pub hits: u64,
    /// Decisions for which the source had to be waited for.
    pub misses: u64,
    /// Those misses that the last known observation was permitted to answer, because the source failed.
    pub stale: u64,
    /// Decisions whose record could not be made, whether that turned them into a deny or not.
    pub audit_failures: u64,
    /// Records in the [buffer](crate::GateBuilder::buffered_chronicle) now, the one that is being written included.
    pub records_waiting: u64,
    /// Appends of buffered records that failed. Each is tried again.
    pub write_failures: u64,
    /// What became of the look-ups behind the misses.
    pub look_ups: LookUps,
    by_reason: [Decided; Reason::ALL.len()],
}

/// How many decisions were made for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decided {
    /// Allowed.
    pub allowed: u64,
    /// Denied.
    pub denied: u64,
    /// Allowed because the policy only reports; it would have been a deny.
    pub only_reported: u64,
}

/// Look-ups that came to an end, and how long the gate waited for them, by its clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookUps {
    /// How many.
    pub count: u64,
    /// How many of them failed, or were given up at the deadline.
    pub failed: u64,
    /// How long they took together.
    pub total: Duration,
    /// How long the longest took.
    pub longest: Duration,
}

impl GateCounters {
    /// The decisions made for one reason.
    #[must_use]
    pub fn of(&self, reason: Reason) -> Decided {
        self.by_reason
            .get(reason as usize)
            .copied()
            .unwrap_or_default()
    }

    /// The decisions made for each reason, in the order of [`Reason::ALL`].
    pub fn by_reason(&self) -> impl Iterator<Item = (Reason, Decided)> {
        Reason::ALL.iter().copied().zip(self.by_reason)
    }

    /// All decisions that allowed, those of a policy that only reports included.
    #[must_use]
    pub fn allowed(&self) -> u64 {
        let decided = self.by_reason.iter();
        decided.map(|each| each.allowed + each.only_reported).sum()
    }

    /// All decisions that denied.
    #[must_use]
    pub fn denied(&self) -> u64 {
        self.by_reason.iter().map(|each| each.denied).sum()
    }

    /// How often a break-glass entry let somebody in.
    #[must_use]
    pub fn break_glass_uses(&self) -> u64 {
        self.of(Reason::BreakGlass).allowed
    }
}

impl Decided {
    #[inline]
    fn cell(outcome: Outcome, would: Option<Outcome>, reason: Reason) -> usize {
        let column = match (outcome, would, reason) {
            (Outcome::Deny, ..) => 1,
            (Outcome::Allow, Some(Outcome::Deny), reason) if reason != Reason::BreakGlass => 2,
            (Outcome::Allow, ..) => 0,
        };
        reason as usize * 3 + column
    }
}
