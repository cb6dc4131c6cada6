//! The place of one device in the table: read without a lock, written by one at a time.

use std::{
    array,
    sync::atomic::Ordering::{Acquire, Relaxed, Release},
};

use crate::cache::sync::{AtomicU32, AtomicU64, fence};

/// The device's id takes two words, what is kept of it the others.
pub(super) const WORDS: usize = 11;
pub(super) type Words = [u64; WORDS];

/// A sequence lock around some words. Readers write nothing, so that any number of them read a hot device at
/// once; one who is disturbed by the writer notices.
///
/// The words are atomics, which makes a torn read a wrong value at worst, never undefined; the version tells
/// that it is wrong. The fences are those of Boehm,
/// [Can seqlocks get along with programming language memory models?](https://dl.acm.org/doi/10.1145/2247684.2247688)
// No more than two lines of the processor's cache.
#[repr(align(32))]
pub(super) struct Slot {
    /// Odd while it is written.
    version: AtomicU32,
    /// Whether it was of use since that was last asked, and the version that was used last for
    /// [`first_mention`](Self::first_mention).
    marks: AtomicU32,
    words: [AtomicU64; WORDS],
}

const USED: u32 = 1;

/// What was read, and which writing it is of.
pub(super) struct Read {
    pub(super) words: Words,
    version: u32,
}

impl Read {
    #[inline]
    pub(super) fn is_of(&self, id: [u64; 2]) -> bool {
        let [high, low, ..] = self.words;
        [high, low] == id
    }
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            version: AtomicU32::new(0),
            marks: AtomicU32::new(0),
            words: array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Whether it is worth reading for this device.
    #[inline]
    pub(super) fn seems_of(&self, id: [u64; 2]) -> bool {
        let [high, low, ..] = &self.words;
        [high.load(Relaxed), low.load(Relaxed)] == id
    }

    /// What is in it, unless it is being written.
    #[inline]
    pub(super) fn read(&self) -> Option<Read> {
        let version = self.version.load(Acquire);
        let words = self.words();
        fence(Acquire);
        let undisturbed = version & 1 == 0 && self.version.load(Relaxed) == version;
        undisturbed.then_some(Read { words, version })
    }

    /// What is in it, for whoever keeps writers away.
    pub(super) fn read_alone(&self) -> Read {
        Read {
            words: self.words(),
            version: self.version.load(Relaxed),
        }
    }

    /// Replaces what is in it. Only for whoever keeps other writers away.
    pub(super) fn write(&self, words: &Words) {
        let version = self.version.load(Relaxed);
        self.version.store(version.wrapping_add(1), Relaxed);
        fence(Release);
        for (place, word) in self.words.iter().zip(words) {
            place.store(*word, Relaxed);
        }
        self.version.store(version.wrapping_add(2), Release);
    }

    /// Notes that it is of use.
    #[inline]
    pub(super) fn mark_used(&self) {
        let marks = self.marks.load(Relaxed);
        // Mostly it is noted already, and then the line stays with whoever else reads it.
        if marks & USED == 0 {
            self.marks.store(marks | USED, Relaxed);
        }
    }

    /// Whether it was of use since this was last asked.
    pub(super) fn take_used(&self) -> bool {
        let marks = self.marks.load(Relaxed);
        self.marks.store(marks & !USED, Relaxed);
        marks & USED != 0
    }

    /// Whether nobody has asked this about what was read before.
    pub(super) fn first_mention(&self, read: &Read) -> bool {
        let first = self.marks.load(Relaxed) & !USED != read.version;
        if first {
            // Who comes between may get the same answer, which costs a second mention.
            self.marks.store(read.version | USED, Relaxed);
        }
        first
    }

    #[inline]
    fn words(&self) -> Words {
        self.words.each_ref().map(|word| word.load(Relaxed))
    }
}
