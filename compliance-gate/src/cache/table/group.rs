//! Where a few devices are in the slab, and a byte of the hash of each.

use std::sync::atomic::Ordering::Relaxed;

use crate::cache::sync::{AtomicU32, AtomicU64};

/// As many as leave a group within one line of the processor's cache.
pub(super) const WAYS: usize = 6;

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
const TAKEN: u64 = HIGH_BITS >> (8 * (8 - WAYS));

/// Some ways of a group, as the high bits of the bytes of a word.
#[derive(Clone, Copy)]
pub(super) struct Ways(u64);

impl Iterator for Ways {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let way = (self.0 != 0).then(|| self.0.trailing_zeros() as usize / 8)?;
        self.0 &= self.0 - 1;
        Some(way)
    }
}

/// Written only by whoever keeps other writers away. A reader who comes between finds a slot that is another
/// device's, and the slot says so.
#[repr(align(32))]
pub(super) struct Group {
    /// A byte for each way, zero if it is free.
    tags: AtomicU64,
    places: [AtomicU32; WAYS],
}

impl Group {
    pub(super) fn new() -> Self {
        Self {
            tags: AtomicU64::new(0),
            places: [const { AtomicU32::new(0) }; WAYS],
        }
    }

    /// Where devices with this tag are, and now and then one with another.
    #[inline]
    pub(super) fn tagged(&self, tag: u8) -> impl Iterator<Item = (usize, u32)> {
        let differing = self.tags.load(Relaxed) ^ (LOW_BITS * u64::from(tag));
        self.places(Ways(differing.wrapping_sub(LOW_BITS) & !differing & TAKEN))
    }

    pub(super) fn taken(&self) -> impl Iterator<Item = (usize, u32)> {
        self.places(Ways(self.tags.load(Relaxed) & TAKEN))
    }

    pub(super) fn free_way(&self) -> Option<usize> {
        Ways(!self.tags.load(Relaxed) & TAKEN).next()
    }

    pub(super) fn take(&self, way: usize, tag: u8, place: u32) {
        if let Some(own) = self.places.get(way) {
            own.store(place, Relaxed);
            self.set_tag(way, tag);
        }
    }

    pub(super) fn free(&self, way: usize) {
        self.set_tag(way, 0);
    }

    #[inline]
    fn places(&self, ways: Ways) -> impl Iterator<Item = (usize, u32)> {
        ways.filter_map(|way| Some((way, self.places.get(way)?.load(Relaxed))))
    }

    fn set_tag(&self, way: usize, tag: u8) {
        let others = self.tags.load(Relaxed) & !(0xff << (8 * way));
        let tags = others | u64::from(tag) << (8 * way);
        self.tags.store(tags, Relaxed);
    }
}
