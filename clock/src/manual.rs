use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::{Clock, Moment, Monotonic, Sleep, Timestamp};

/// A clock that stands still until a test moves it. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use clock::{Clock, ManualClock, Timestamp};
///
/// let clock = ManualClock::new("2026-11-23T06:00:00Z".parse()?);
/// let start = clock.now();
/// clock.advance(Duration::from_secs(300));
/// assert_eq!(clock.now().since(start), Duration::from_secs(300));
/// # Ok::<(), clock::ParseTimestampError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    now: Moment,
    next_sleeper: u64,
    sleepers: BTreeMap<u64, (Monotonic, Waker)>,
}

impl ManualClock {
    /// Makes a clock that shows `wall`.
    #[must_use]
    pub fn new(wall: Timestamp) -> Self {
        let now = Moment {
            wall,
            monotonic: Monotonic::from_nanos(0),
        };
        let state = State {
            now,
            next_sleeper: 0,
            sleepers: BTreeMap::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Moves both clocks on and wakes every sleep that has ended.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.lock();
        state.now.wall = state.now.wall.saturating_add(duration);
        state.now.monotonic = state.now.monotonic.saturating_add(duration);
        let now = state.now.monotonic;
        let due = state
            .sleepers
            .extract_if(.., |_, (deadline, _)| *deadline <= now);
        let due: Vec<Waker> = due.map(|(_, (_, waker))| waker).collect();
        drop(state);
        due.into_iter().for_each(Waker::wake);
    }

    /// Moves the wall clock on and leaves the monotonic one, as a suspended machine does.
    pub fn suspend(&self, duration: Duration) {
        let mut state = self.lock();
        state.now.wall = state.now.wall.saturating_add(duration);
    }

    /// Sets the wall clock, forwards or back, as an operator or a time service does.
    pub fn set_wall(&self, wall: Timestamp) {
        self.lock().now.wall = wall;
    }

    /// How many sleeps are waiting, for a test that must know that somebody has begun to wait.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.lock().sleepers.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        self.lock().now
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut state = self.lock();
        let deadline = state.now.monotonic.saturating_add(duration);
        let id = state.next_sleeper;
        state.next_sleeper += 1;
        Box::pin(ManualSleep {
            clock: self.clone(),
            id,
            deadline,
        })
    }
}

struct ManualSleep {
    clock: ManualClock,
    id: u64,
    deadline: Monotonic,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.lock();
        if state.now.monotonic >= self.deadline {
            return Poll::Ready(());
        }
        let sleeper = (self.deadline, context.waker().clone());
        state.sleepers.insert(self.id, sleeper);
        Poll::Pending
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        self.clock.lock().sleepers.remove(&self.id);
    }
}
