use std::{
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{Either, select};
use intune_core::SourceFailure;
use tokio::sync::{Semaphore, watch};

/// The places for exchanges in flight, and the queue for them.
///
/// A crowd shall ask a service that is out no more often than a few do. So whoever queues while an exchange finds
/// it out learns that from it, and doesn't try too. And the place of that exchange stays closed while others go on
/// trying, so that whoever comes late queues for their outcome: a success opens all places, and so does the end of
/// the last of them.
#[derive(Debug)]
pub(super) struct Places {
    open: Semaphore,
    outages: watch::Sender<Option<SourceFailure>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    closed: usize,
}

/// Somebody who wants a place, from the moment they want it.
pub(super) struct Asking(watch::Receiver<Option<SourceFailure>>);

/// A place, until it is dropped.
pub(super) struct Place<'a> {
    places: &'a Places,
    ended: Ended,
}

#[derive(Clone, Copy)]
enum Ended {
    /// Its holder left, or failed by itself.
    Unknown,
    Answered,
    Outage,
}

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self {
            open: Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)),
            outages: watch::Sender::new(None),
            state: Mutex::default(),
        }
    }

    pub(super) fn ask(&self) -> Asking {
        Asking(self.outages.subscribe())
    }

    /// Waits for a place, in order, or for the outage that makes it useless.
    ///
    /// `None`: there will never be one.
    pub(super) async fn take(
        &self,
        mut asking: Asking,
    ) -> Result<Place<'_>, Option<SourceFailure>> {
        let outage = asking.0.changed();
        let permit = self.open.acquire();
        // The outage first, since places may open right after it.
        let permit = match select(pin!(outage), pin!(permit)).await {
            Either::Left(_) => None,
            Either::Right((permit, _)) => permit.ok(),
        };
        let Some(permit) = permit else {
            return Err(asking.0.borrow_and_update().clone());
        };
        self.state().taken += 1;
        permit.forget();
        Ok(Place {
            places: self,
            ended: Ended::Unknown,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// The service works.
    pub(super) fn answered(mut self) {
        self.ended = Ended::Answered;
    }

    /// The service is out: all who queue fail as this exchange did.
    pub(super) fn failed(mut self, outage: &SourceFailure) {
        self.ended = Ended::Outage;
        self.places.outages.send_replace(Some(outage.clone()));
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.places.state();
        state.taken -= 1;
        let opened = match self.ended {
            Ended::Outage if state.taken > 0 => {
                state.closed += 1;
                0
            }
            Ended::Unknown if state.taken > 0 => 1,
            _ => 1 + std::mem::take(&mut state.closed),
        };
        drop(state);
        self.places.open.add_permits(opened);
    }
}
