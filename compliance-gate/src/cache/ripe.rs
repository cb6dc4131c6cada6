//! Devices whose observation is soon too old, for whoever looks them up ahead.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{PoisonError, atomic::Ordering::Relaxed},
    task::{Poll, Waker},
};

use clock::Moment;
use intune_core::EntraDeviceId;

use super::sync::{AtomicBool, Mutex, MutexGuard};

/// More than a source can be asked for in the last quarter of the shortest common lifetime.
const ROOM: usize = 4096;

/// A bounded queue, closed as long as nobody takes anything from it.
#[derive(Default)]
pub(super) struct Ripe {
    /// What a hit looks at; the rest is behind the lock.
    has_room: AtomicBool,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    devices: VecDeque<(EntraDeviceId, Moment)>,
    takers: usize,
    wakers: Vec<Waker>,
}

impl Ripe {
    /// Whether it takes another device.
    pub(super) fn has_room(&self) -> bool {
        self.has_room.load(Relaxed)
    }

    /// Puts a device in, with the time at which it was observed.
    pub(super) fn put(&self, device: EntraDeviceId, observed_at: Moment) {
        let mut queue = self.lock();
        if queue.has_room() {
            queue.devices.push_back((device, observed_at));
        }
        self.has_room.store(queue.has_room(), Relaxed);
        let wakers = std::mem::take(&mut queue.wakers);
        drop(queue);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Opens it, as long as what this returns is there.
    pub(super) fn open(&self) -> Taker<'_> {
        let mut queue = self.lock();
        queue.takers += 1;
        self.has_room.store(queue.has_room(), Relaxed);
        Taker(self)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn has_room(&self) -> bool {
        self.takers > 0 && self.devices.len() < ROOM
    }
}

/// One who takes devices out.
pub(super) struct Taker<'a>(&'a Ripe);

impl Taker<'_> {
    /// The next device. Nothing is lost if this is dropped.
    pub(super) async fn next(&self) -> (EntraDeviceId, Moment) {
        let next = poll_fn(|context| {
            let mut queue = self.0.lock();
            let Some(next) = queue.devices.pop_front() else {
                let waker = context.waker();
                if !queue.wakers.iter().any(|known| known.will_wake(waker)) {
                    queue.wakers.push(waker.clone());
                }
                return Poll::Pending;
            };
            self.0.has_room.store(queue.has_room(), Relaxed);
            Poll::Ready(next)
        });
        next.await
    }
}

impl Drop for Taker<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.takers -= 1;
        if queue.takers == 0 {
            queue.devices.clear();
            queue.wakers.clear();
        }
        self.0.has_room.store(queue.has_room(), Relaxed);
    }
}
