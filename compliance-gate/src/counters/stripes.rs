//! Counting without threads getting into each other's way.
//!
//! A decision on a hit takes some ten nanoseconds, and one atomic addition would be a good part of that even if no
//! other thread wants the same line. So a thread takes a stripe for its own and counts there by plain loads and stores,
//! which is exact because nobody else writes to it. Threads that find none to take share the atomic additions.

use std::{
    cell::Cell,
    ptr,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use super::{Decided, GateCounters, LookUps};
use crate::{Reason, decision::Said};

/// Room for the threads of a large machine's runtime to rarely share.
const STRIPES: usize = 16;
/// How many stripes a thread tries before it counts with others.
const TRIES: usize = 4;
const DECISIONS: usize = Reason::ALL.len() * 3;
const CELLS: usize = DECISIONS + 3;

/// How a decision came to know the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It needed to know nothing.
    Nothing,
    /// The source had it at hand.
    Hit,
    /// The source had to be waited for.
    Miss,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    stripes: [Stripe; STRIPES],
    rare: Rare,
}

/// On cache lines of its own; two, as processors fetch them by pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Stripe {
    /// The [`mark`] of the one thread that writes to `own`; 0 if none does.
    owner: AtomicUsize,
    own: [AtomicU64; CELLS],
    shared: [AtomicU64; CELLS],
}

/// What happens only where somebody waits anyway.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Rare {
    stale: AtomicU64,
    audit_failures: AtomicU64,
    look_ups: AtomicU64,
    failed: AtomicU64,
    nanos: AtomicU64,
    longest_nanos: AtomicU64,
}

impl Counters {
    #[inline]
    pub(crate) fn decided(&self, said: Said, asked: Asked) {
        let decided = Decided::cell(said.outcome, said.would, said.reason);
        self.count([decided, asked.cell()]);
    }

    pub(crate) fn stale(&self) {
        self.rare.stale.fetch_add(1, Relaxed);
    }

    pub(crate) fn looked_up(&self, took: Duration, failed: bool) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.rare.look_ups.fetch_add(1, Relaxed);
        self.rare.failed.fetch_add(u64::from(failed), Relaxed);
        self.rare.nanos.fetch_add(nanos, Relaxed);
        self.rare.longest_nanos.fetch_max(nanos, Relaxed);
    }

    pub(crate) fn audit_failed(&self) {
        self.rare.audit_failures.fetch_add(1, Relaxed);
    }

    pub(crate) fn snapshot(&self) -> GateCounters {
        let rare = &self.rare;
        let sum = |cell| self.stripes.iter().map(|stripe| stripe.sum(cell)).sum();
        GateCounters {
            hits: sum(Asked::Hit.cell()),
            misses: sum(Asked::Miss.cell()),
            stale: rare.stale.load(Relaxed),
            audit_failures: rare.audit_failures.load(Relaxed),
            // These are the buffer's.
            records_waiting: 0,
            write_failures: 0,
            look_ups: LookUps {
                count: rare.look_ups.load(Relaxed),
                failed: rare.failed.load(Relaxed),
                total: Duration::from_nanos(rare.nanos.load(Relaxed)),
                longest: Duration::from_nanos(rare.longest_nanos.load(Relaxed)),
            },
            by_reason: std::array::from_fn(|reason| Decided {
                allowed: sum(reason * 3),
                denied: sum(reason * 3 + 1),
                only_reported: sum(reason * 3 + 2),
            }),
        }
    }

    /// Adds one to each of the cells, in this thread's stripe.
    #[inline]
    fn count(&self, cells: [usize; 2]) {
        let mark = mark();
        let first = start(mark);
        let mut tried = (first..first + TRIES).filter_map(|at| self.stripes.get(at % STRIPES));
        if let Some(stripe) = tried.find(|stripe| stripe.is_of(mark)) {
            for cell in cells.iter().filter_map(|cell| stripe.own.get(*cell)) {
                cell.store(cell.load(Relaxed).wrapping_add(1), Relaxed);
            }
        } else if let Some(stripe) = self.stripes.get(first) {
            for cell in cells.iter().filter_map(|cell| stripe.shared.get(*cell)) {
                cell.fetch_add(1, Relaxed);
            }
        }
    }
}

impl Asked {
    const fn cell(self) -> usize {
        DECISIONS + self as usize
    }
}

impl Stripe {
    /// Whether the thread with this mark is the one that writes here, from now on if nobody was.
    #[inline]
    fn is_of(&self, mark: usize) -> bool {
        match self.owner.load(Relaxed) {
            0 => self
                .owner
                .compare_exchange(0, mark, Relaxed, Relaxed)
                .is_ok(),
            owner => owner == mark,
        }
    }

    fn sum(&self, cell: usize) -> u64 {
        let load =
            |cells: &[AtomicU64; CELLS]| cells.get(cell).map_or(0, |cell| cell.load(Relaxed));
        load(&self.own).wrapping_add(load(&self.shared))
    }
}

impl Default for Stripe {
    fn default() -> Self {
        Self {
            owner: AtomicUsize::new(0),
            own: std::array::from_fn(|_| AtomicU64::new(0)),
            shared: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

/// A number that no other living thread has, and never 0: where something of this thread's is.
///
/// A later thread may get it again. It then goes on with the stripe of the one that ended, whose last store the
/// reuse of its memory puts before anything that the later one does.
#[inline]
fn mark() -> usize {
    thread_local! {
        static HERE: Cell<u8> = const { Cell::new(0) };
    }
    HERE.with(|here| ptr::from_ref(here).addr())
}

/// Spreads marks, which differ by the size of a thread's memory, over the stripes.
const fn start(mark: usize) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let spread = (mark as u64).wrapping_mul(GOLDEN) >> (u64::BITS - STRIPES.ilog2());
    spread as usize
}
