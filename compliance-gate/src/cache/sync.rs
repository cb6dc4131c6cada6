//! What the cache shares between threads. Under `--cfg shuttle` the model in `tests/model` decides who goes on
//! at each of these.

#[cfg(not(shuttle))]
pub(super) use {
    cached::ShardedLruCache,
    std::sync::{Mutex, MutexGuard},
};

#[cfg(shuttle)]
pub(super) use {
    model::ShardedLruCache,
    shuttle::sync::{Mutex, MutexGuard},
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

        pub(crate) fn peek(&self, key: &K) -> Option<V> {
            self.get(key)
        }

        pub(crate) fn set(&self, key: K, value: V) {
            self.lock().insert(key, value);
        }

        pub(crate) fn remove(&self, key: &K) {
            self.lock().remove(key);
        }

        pub(crate) fn retain(&self, mut keep: impl FnMut(&K, &V) -> bool) {
            self.lock().retain(|key, value| keep(key, value));
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
