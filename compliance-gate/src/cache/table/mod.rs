//! A bounded map from devices to a few words each, read without a lock.

mod group;
mod slab;
mod slot;

use std::{hash::BuildHasher as _, sync::PoisonError};

use group::{Group, WAYS};
use intune_core::EntraDeviceId;
use slab::Slab;
use slot::{Read, Slot, WORDS};

use super::sync::{Mutex, MutexGuard, RandomState};

/// What is kept of a device.
pub(super) type Value = [u64; WORDS - 2];

/// In how many groups, beginning with its own, a device can be. The model has no time for so many.
const WINDOW: usize = if cfg!(shuttle) { 2 } else { 8 };

/// Devices are in the slots of a slab, and found by groups: each is in the one that its hash says, or shortly after.
///
/// For one that comes when the table is full, the first goes that was of no use since the hand last passed (a
/// [clock](https://en.wikipedia.org/wiki/Page_replacement_algorithm#Clock)).
pub(super) struct Table {
    groups: Box<[Group]>,
    slab: Slab,
    capacity: usize,
    hash: RandomState,
    writer: Mutex<Writer>,
}

#[derive(Default)]
struct Writer {
    len: usize,
    evicted: u64,
    /// Places in the slab that were in use.
    free: Vec<u32>,
    /// Places from here on never were.
    unused: u32,
    /// Where the hand of the clock is.
    hand: u32,
}

/// Where a device is.
#[derive(Clone, Copy)]
struct Found<'a> {
    group: &'a Group,
    way: usize,
    place: u32,
}

/// A device and its hash, whose key is of this process.
#[derive(Clone, Copy)]
pub(super) struct Key {
    bits: u128,
    hash: u64,
}

impl Key {
    /// A number that is always the same for this device in this process: 0 to 65,535.
    #[inline]
    pub(super) fn spread(self) -> u64 {
        self.hash >> 32 & 0xffff
    }

    pub(super) fn device(self) -> Option<EntraDeviceId> {
        EntraDeviceId::from_bits(self.bits)
    }

    #[inline]
    fn tag(self) -> u8 {
        // The high bit says that the slot is taken.
        (self.hash >> 56) as u8 | 0x80
    }

    #[inline]
    fn words(self) -> [u64; 2] {
        [(self.bits >> 64) as u64, self.bits as u64]
    }
}

/// A device that was found.
pub(super) struct Entry<'a> {
    slot: &'a Slot,
    read: Read,
}

impl Entry<'_> {
    #[inline]
    pub(super) fn value(&self) -> Value {
        let [_, _, value @ ..] = self.read.words;
        value
    }

    /// Notes that it is of use.
    #[inline]
    pub(super) fn mark_used(&self) {
        self.slot.mark_used();
    }

    /// Whether nobody has asked this before about the same value.
    pub(super) fn first_mention(&self) -> bool {
        self.slot.first_mention(&self.read)
    }
}

impl Table {
    /// With room for so many devices, and never more.
    pub(super) fn new(capacity: usize) -> Self {
        // A third of the ways stays free, so that hardly ever a window is full before the table is.
        let groups = (capacity.saturating_mul(3) / 2).div_ceil(WAYS).max(WINDOW);
        Self {
            groups: (0..groups).map(|_| Group::new()).collect(),
            slab: Slab::new(capacity),
            capacity,
            hash: RandomState::default(),
            writer: Mutex::default(),
        }
    }

    #[inline]
    pub(super) fn key(&self, device: EntraDeviceId) -> Key {
        self.key_of(device.to_bits())
    }

    #[inline]
    fn key_of(&self, bits: u128) -> Key {
        Key {
            bits,
            hash: self.hash.hash_one(bits),
        }
    }

    #[inline]
    pub(super) fn get(&self, key: Key) -> Option<Entry<'_>> {
        loop {
            let slot = self.slot(key)?;
            if let Some(read) = slot.read() {
                // It may have got another device meanwhile.
                return read.is_of(key.words()).then_some(Entry { slot, read });
            }
            self.wait_for_writer();
        }
    }

    pub(super) fn set(&self, key: Key, value: &Value) {
        let mut writer = self.lock();
        let place = match self.find(key) {
            Some(found) => Some(found.place),
            None => self.make_room(&mut writer, key),
        };
        if let Some(slot) = place.and_then(|place| self.slab.slot_to_write(place)) {
            let [high, low] = key.words();
            let [a, b, c, d, e, f, g, h, i] = *value;
            slot.write(&[high, low, a, b, c, d, e, f, g, h, i]);
        }
    }

    pub(super) fn remove(&self, key: Key) {
        let mut writer = self.lock();
        if let Some(found) = self.find(key) {
            self.free(&mut writer, found);
        }
    }

    /// Removes those of which `goes` says so.
    pub(super) fn remove_if(&self, mut goes: impl FnMut(&Value) -> bool) {
        let mut writer = self.lock();
        for group in &self.groups {
            for (way, place) in group.taken() {
                let [_, _, value @ ..] = self.read_alone(place);
                if goes(&value) {
                    self.free(&mut writer, Found { group, way, place });
                }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len
    }

    /// How many have made room for others.
    pub(super) fn evicted(&self) -> u64 {
        self.lock().evicted
    }

    #[inline]
    fn slot(&self, key: Key) -> Option<&Slot> {
        let words = key.words();
        self.window(key).find_map(|group| {
            let mut tagged = group.tagged(key.tag());
            tagged.find_map(|(_, place)| {
                let slot = self.slab.slot(place);
                slot.filter(|slot| slot.seems_of(words))
            })
        })
    }

    /// The groups in which a device can be.
    #[inline]
    fn window(&self, key: Key) -> impl Iterator<Item = &Group> {
        let groups = self.groups.len();
        let home = (((key.hash & 0xffff_ffff) * groups as u64) >> 32) as usize;
        (home..home + WINDOW).map_while(move |at| {
            let wrapped = if at < groups { at } else { at - groups };
            self.groups.get(wrapped)
        })
    }

    fn find(&self, key: Key) -> Option<Found<'_>> {
        let mut tagged = self.window(key).flat_map(|group| {
            let tagged = group.tagged(key.tag());
            tagged.map(move |(way, place)| Found { group, way, place })
        });
        tagged.find(|found| {
            let [high, low, ..] = self.read_alone(found.place);
            [high, low] == key.words()
        })
    }

    /// Takes a way and a place for a device that has none.
    fn make_room(&self, writer: &mut Writer, key: Key) -> Option<u32> {
        let free = || {
            let mut groups = self.window(key);
            groups.find_map(|group| Some((group, group.free_way()?)))
        };
        if writer.len >= self.capacity {
            let least_used = self.least_used(writer)?;
            self.evict(writer, least_used);
        }
        if free().is_none() {
            let crowded_out = self.least_used_nearby(key)?;
            self.evict(writer, crowded_out);
        }
        let (group, way) = free()?;
        let place = writer.free.pop().unwrap_or_else(|| {
            writer.unused += 1;
            writer.unused - 1
        });
        group.take(way, key.tag(), place);
        writer.len += 1;
        Some(place)
    }

    /// Lets the hand go round until it meets one that was of no use since it last passed.
    fn least_used(&self, writer: &mut Writer) -> Option<Found<'_>> {
        // After one round, nobody is of use any more, unless others ask faster than the hand goes.
        for _ in 0..2 * writer.unused {
            let place = writer.hand;
            writer.hand = (place + 1) % writer.unused;
            let slot = self.slab.slot(place)?;
            let [high, low, ..] = slot.read_alone().words;
            let bits = u128::from(high) << 64 | u128::from(low);
            if bits != 0 && !slot.take_used() {
                return self.find(self.key_of(bits));
            }
        }
        None
    }

    /// The same for those who are in the way of this device alone.
    fn least_used_nearby(&self, key: Key) -> Option<Found<'_>> {
        let nearby = || {
            self.window(key).flat_map(|group| {
                let taken = group.taken();
                taken.map(move |(way, place)| Found { group, way, place })
            })
        };
        let used = |found: &Found<'_>| self.slab.slot(found.place).is_some_and(Slot::take_used);
        nearby()
            .find(|found| !used(found))
            .or_else(|| nearby().next())
    }

    fn evict(&self, writer: &mut Writer, found: Found<'_>) {
        self.free(writer, found);
        writer.evicted += 1;
    }

    fn free(&self, writer: &mut Writer, found: Found<'_>) {
        found.group.free(found.way);
        if let Some(slot) = self.slab.slot(found.place) {
            slot.write(&[0; WORDS]);
            slot.take_used();
        }
        writer.free.push(found.place);
        writer.len -= 1;
    }

    /// What is there, for whoever keeps writers away.
    fn read_alone(&self, place: u32) -> [u64; WORDS] {
        let slot = self.slab.slot(place);
        slot.map_or([0; WORDS], |slot| slot.read_alone().words)
    }

    #[cold]
    fn wait_for_writer(&self) {
        drop(self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
