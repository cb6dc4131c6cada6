//! What the cache shares between threads. Under `--cfg shuttle` the model in `tests/model` decides who goes on
//! at each of these.

#[cfg(not(shuttle))]
pub(super) use {
    cached::ShardedLruCache,
    foldhash::quality::RandomState,
    std::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, fence},
    },
};

#[cfg(shuttle)]
pub(super) use {
    // A schedule that is repeated must meet the same hashes.
    foldhash::quality::FixedState as RandomState,
    model::ShardedLruCache,
    shuttle::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, AtomicU64, fence},
    },
};

#[cfg(shuttle)]
mod model {
    use std::{collections::HashMap, hash::Hash, sync::PoisonError};

    use shuttle::sync::{Mutex, MutexGuard};

    /// A map in place of the store, so that others get their turn before and after each access.
    pub(crate) struct ShardedLruCache<K, V>(Mutex<HashMap<K, V>>);

    impl<K: Hash + Eq, V: Copy> ShardedLruCache<K, V> {
        pub(crate) fn new(capacity: usize) -> Self {
            Self(Mutex::new(HashMap::with_capacity(capacity.min(8))))
        }

        pub(crate) fn get(&self, key: &K) -> Option<V> {
            self.lock().get(key).copied()
        }

        pub(crate) fn set(&self, key: K, value: V) {
            self.lock().insert(key, value);
        }

        pub(crate) fn remove(&self, key: &K) {
            self.lock().remove(key);
        }

        pub(crate) fn clear(&self) {
            self.lock().clear();
        }

        pub(crate) fn len(&self) -> usize {
            self.lock().len()
        }

        fn lock(&self) -> MutexGuard<'_, HashMap<K, V>> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
