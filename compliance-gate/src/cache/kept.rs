//! What is kept of devices: those that were found in a table, those that weren't in a smaller store of their own.

use clock::Moment;
use intune_core::{EntraDeviceId, Finding, Freshness, ManagedDeviceId, Observation, Served};

use super::{
    flights::concerns,
    lifetimes::{Age, Kind, Lifetimes},
    packed::{self, Names},
    sync::ShardedLruCache,
    table::{Entry, Key, Table},
};

/// Whoever changes it must keep others from doing so at the same time; anybody may look.
pub(super) struct Kept {
    found: Table,
    names: Names,
    /// Ids that nobody has may be sent at will. They can't displace a device from here.
    not_found: ShardedLruCache<EntraDeviceId, Moment>,
    lifetimes: Lifetimes,
}

impl Kept {
    pub(super) fn new(found: usize, not_found: usize, lifetimes: Lifetimes) -> Self {
        Self {
            found: Table::new(found),
            names: Names::default(),
            not_found: ShardedLruCache::new(not_found),
            lifetimes,
        }
    }

    /// Where a device is looked for.
    #[inline]
    pub(super) fn key(&self, device: EntraDeviceId) -> Key {
        self.found.key(device)
    }

    /// What is fresh enough. `ripe` is handed what won't be for long.
    #[inline]
    pub(super) fn fresh(
        &self,
        key: Key,
        asked: Freshness,
        ripe: impl FnOnce(Entry<'_>, Moment),
    ) -> Option<Observation> {
        let Some(entry) = self.found.get(key) else {
            return self.fresh_not_found(key, asked);
        };
        let value = entry.value();
        let observed_at = packed::observed_at(&value);
        let kind = match packed::is_denied(&value) {
            true => Kind::Denied,
            false => Kind::Allowed,
        };
        let age = self.lifetimes.judge(kind, key.spread(), observed_at, asked);
        if age == Age::Over {
            return None;
        }
        entry.mark_used();
        if age == Age::Ripe {
            ripe(entry, observed_at);
        }
        packed::unpack(&value, &self.names)
    }

    #[cold]
    fn fresh_not_found(&self, key: Key, asked: Freshness) -> Option<Observation> {
        let observed_at = self.not_found.get(&key.device()?)?;
        let age = self
            .lifetimes
            .judge(Kind::NotFound, key.spread(), observed_at, asked);
        (age != Age::Over).then(|| not_found(observed_at))
    }

    /// What is known, however old.
    pub(super) fn last_known(&self, device: EntraDeviceId) -> Option<Observation> {
        match self.found.get(self.found.key(device)) {
            Some(entry) => packed::unpack(&entry.value(), &self.names),
            None => self.not_found.get(&device).map(not_found),
        }
    }

    pub(super) fn keep(&self, device: EntraDeviceId, observation: &Observation) {
        let key = self.found.key(device);
        // Who looks meanwhile finds the old or the new, or neither, but never the old after the new.
        match packed::pack(observation, &self.names) {
            Some(value) => {
                self.found.set(key, &value);
                self.not_found.remove(&device);
            }
            None if observation.finding == Finding::NotFound => {
                self.found.remove(key);
                self.not_found.set(device, observation.observed_at);
            }
            None => self.forget(device),
        }
    }

    pub(super) fn forget(&self, device: EntraDeviceId) {
        self.found.remove(self.found.key(device));
        self.not_found.remove(&device);
    }

    /// Forgets what may be about the device with this Intune id.
    pub(super) fn forget_what_concerns(&self, id: ManagedDeviceId) {
        // What can't be read any more had better go, too. Of a device that wasn't found there is no such id.
        self.found.remove_if(|value| {
            packed::unpack(value, &self.names).is_none_or(|known| concerns(&known, id))
        });
    }

    pub(super) fn forget_all(&self) {
        self.found.remove_if(|_| true);
        self.not_found.clear();
    }

    pub(super) fn found(&self) -> usize {
        self.found.len()
    }

    pub(super) fn not_found(&self) -> usize {
        self.not_found.len()
    }

    pub(super) fn evicted(&self) -> u64 {
        self.found.evicted()
    }
}

fn not_found(observed_at: Moment) -> Observation {
    Observation::live(observed_at, Finding::NotFound).served(Served::Cache)
}
