//! Who may still put a record into the buffer.

use std::{
    num::NonZeroUsize,
    sync::atomic::{
        AtomicUsize,
        Ordering::{AcqRel, Acquire},
    },
};

/// A writer is at work.
const WRITING: usize = 1;
/// The last append failed.
const FAILING: usize = 1 << 1;
/// One record that is held.
const ONE: usize = 1 << 2;

/// How many records are held, and whether one more may be.
///
/// All in one word: whoever closes it learns how many were let in before, and nobody gets in after.
#[derive(Debug)]
// Each decision writes to it; what is beside it is only read.
#[repr(align(128))]
pub(super) struct Admission {
    state: AtomicUsize,
    capacity: usize,
}

/// Why a record is not taken into the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("nobody writes records: spawn `Gate::write_records_until`")]
    NoWriter,
    #[error("the record before could not be written yet")]
    Failing,
    #[error("as many records as the buffer holds wait to be written")]
    Full,
}

impl Admission {
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        Self {
            state: AtomicUsize::new(0),
            capacity: capacity.get().min(usize::MAX / ONE),
        }
    }

    /// Lets one more record in.
    pub(super) fn enter(&self) -> Result<(), Refused> {
        let enter = |state| self.refused(state).is_none().then(|| state + ONE);
        let entered = self.state.fetch_update(AcqRel, Acquire, enter);
        match entered.map_err(|state| self.refused(state)) {
            Ok(_) | Err(None) => Ok(()),
            Err(Some(refused)) => Err(refused),
        }
    }

    const fn refused(&self, state: usize) -> Option<Refused> {
        if state & WRITING == 0 {
            Some(Refused::NoWriter)
        } else if state & FAILING != 0 {
            Some(Refused::Failing)
        } else if state / ONE >= self.capacity {
            Some(Refused::Full)
        } else {
            None
        }
    }

    /// Takes note that one that was let in is written. Whether it was the last, and none is let in any more.
    pub(super) fn written(&self) -> bool {
        // Nobody else sets it, and to look is cheaper.
        if self.state.load(Acquire) & FAILING != 0 {
            self.state.fetch_and(!FAILING, AcqRel);
        }
        self.state.fetch_sub(ONE, AcqRel) == ONE
    }

    /// Takes note that an append failed.
    pub(super) fn failed(&self) {
        self.state.fetch_or(FAILING, AcqRel);
    }

    /// How many are held.
    pub(super) fn held(&self) -> usize {
        self.state.load(Acquire) / ONE
    }

    /// Lets records in until the guard is dropped.
    pub(super) fn open(&self) -> Open<'_> {
        self.state.fetch_or(WRITING, AcqRel);
        Open(self)
    }
}

#[must_use]
pub(super) struct Open<'a>(&'a Admission);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.state.fetch_and(!WRITING, AcqRel);
    }
}
