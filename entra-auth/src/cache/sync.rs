//! What callers share. Under `--cfg shuttle`, the model in `tests/model` decides at each of these who goes on.

use std::sync::Arc;

#[cfg(not(shuttle))]
use arc_swap::ArcSwapOption;

pub(super) use std::sync::PoisonError;

#[cfg(not(shuttle))]
pub(super) use std::sync::{Mutex, MutexGuard};

#[cfg(shuttle)]
pub(super) use shuttle::sync::{Mutex, MutexGuard};

/// A value that is replaced as a whole, and read without waiting for anybody.
#[cfg(not(shuttle))]
pub(super) struct Published<T>(ArcSwapOption<T>);

#[cfg(not(shuttle))]
impl<T> Published<T> {
    pub(super) fn read<R>(&self, look: impl FnOnce(Option<&Arc<T>>) -> R) -> R {
        look(self.0.load().as_ref())
    }

    pub(super) fn publish(&self, value: Option<Arc<T>>) {
        self.0.store(value);
    }
}

#[cfg(not(shuttle))]
impl<T> Default for Published<T> {
    fn default() -> Self {
        Self(ArcSwapOption::empty())
    }
}

/// A lock in its place, so that others get their turn before and after each access.
#[cfg(shuttle)]
pub(super) struct Published<T>(Mutex<Option<Arc<T>>>);

#[cfg(shuttle)]
impl<T> Published<T> {
    pub(super) fn read<R>(&self, look: impl FnOnce(Option<&Arc<T>>) -> R) -> R {
        let value = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        look(value.as_ref())
    }

    pub(super) fn publish(&self, value: Option<Arc<T>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

#[cfg(shuttle)]
impl<T> Default for Published<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}
