//! Time that passes when it is waited for.

use std::time::Duration;

use clock::{Clock, ManualClock, Moment, Sleep};

/// A clock on which every wait is over at once and takes its time, but for those until the far deadline.
#[derive(Clone, Debug)]
pub(crate) struct Hurried {
    clock: ManualClock,
    start: Moment,
}

impl Hurried {
    /// For the clients of such a clock: no wait of theirs is that long, and all together leave most of it.
    pub(crate) const DEADLINE: Duration = Duration::from_secs(100_000);

    pub(crate) fn new() -> Self {
        let clock = ManualClock::new("2026-11-23T12:00:00Z".parse().unwrap());
        let start = clock.now();
        Self { clock, start }
    }

    /// What all waits took together.
    pub(crate) fn waited(&self) -> Duration {
        self.clock.now().since(self.start)
    }

    pub(crate) fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }
}

impl Clock for Hurried {
    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        if duration > Self::DEADLINE / 2 {
            return self.clock.sleep(duration);
        }
        let clock = self.clock.clone();
        Box::pin(async move { clock.advance(duration) })
    }
}
