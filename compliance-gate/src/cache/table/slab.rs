//! Slots side by side, as many as there are devices.

use std::sync::OnceLock;

use super::slot::Slot;

const CHUNK: usize = 256;

/// Grows by chunks, which stay where they are: readers need no lock.
pub(super) struct Slab {
    chunks: Box<[OnceLock<Box<[Slot]>>]>,
}

impl Slab {
    pub(super) fn new(capacity: usize) -> Self {
        let chunks = (0..capacity.div_ceil(CHUNK)).map(|_| OnceLock::new());
        Self {
            chunks: chunks.collect(),
        }
    }

    #[inline]
    pub(super) fn slot(&self, place: u32) -> Option<&Slot> {
        let place = place as usize;
        self.chunks.get(place / CHUNK)?.get()?.get(place % CHUNK)
    }

    /// As [`slot`](Self::slot), and makes room. Only for whoever keeps other writers away.
    pub(super) fn slot_to_write(&self, place: u32) -> Option<&Slot> {
        let place = place as usize;
        let chunk = self.chunks.get(place / CHUNK)?;
        let chunk = chunk.get_or_init(|| (0..CHUNK).map(|_| Slot::new()).collect());
        chunk.get(place % CHUNK)
    }
}
