//! Whoever writes what was buffered.

use std::{
    future::{Future, poll_fn},
    mem::replace,
    pin::pin,
    sync::atomic::Ordering::Relaxed,
    task::Poll,
    time::Duration,
};

use chronicle::RecordId;
use clock::Clock;
use futures_util::future::{Either, select};

use super::{Buffer, Desk, InHand};
use crate::record::{Recorder, in_time};

/// How long the writer waits after a failure, and after many.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(crate) struct Writer<'a> {
    pub(crate) recorder: &'a Recorder,
    pub(crate) buffer: &'a Buffer,
    pub(crate) clock: &'a dyn Clock,
    /// For one append.
    pub(crate) deadline: Duration,
}

/// The writer of records was stopped, and the sink didn't take all.
///
/// They are still held, for another writer of the same gate, and lost with the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{count} records of decisions are not written: mend the Chronicle's store")]
pub struct Unwritten {
    count: usize,
}

impl Unwritten {
    /// How many records.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }
}

impl Writer<'_> {
    pub(crate) async fn write_until(
        &self,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), Unwritten> {
        let mut stop = pin!(stop);
        let admission = &self.buffer.admission;
        let mut desk = match select(self.buffer.desk.lock(), &mut stop).await {
            Either::Left((desk, _)) => desk,
            // What is left to write is for the one who sits there.
            Either::Right(((), _)) => return Ok(()),
        };
        // Dropped before the desk is left: nothing of this writer's disturbs the next.
        let open = admission.open();
        let mut writing = pin!(self.write(&mut desk));
        select(stop, &mut writing).await;
        drop(open);
        let patience = self.deadline.saturating_add(LONGEST_PAUSE);
        let mut held = admission.held();
        while held > 0 {
            if let Either::Left(_) = select(&mut writing, self.clock.sleep(patience)).await {
                return Ok(());
            }
            let before = held;
            held = admission.held();
            if held == before {
                tracing::error!(
                    name: "compliance_gate.records_unwritten",
                    target: "compliance_gate",
                    records = held,
                    "records were left when the writer was stopped"
                );
                return Err(Unwritten { count: held });
            }
        }
        Ok(())
    }

    /// Writes what there is and will be, until nothing is left and nothing is let in any more.
    async fn write(&self, Desk { queue, in_hand }: &mut Desk) {
        loop {
            let record = match &mut *in_hand {
                Some(record) => record,
                empty => {
                    let Ok(waiting) = queue.recv().await else {
                        return;
                    };
                    let id = RecordId::generate(waiting.decision.made_at());
                    empty.insert(InHand { id, waiting })
                }
            };
            self.append(record).await;
            *in_hand = None;
            if self.buffer.admission.written() {
                return;
            }
            breathe().await;
        }
    }

    /// Appends one record, again and again until it is taken.
    async fn append(&self, in_hand: &InHand) {
        let mut pause = FIRST_PAUSE;
        while !self.attempt(in_hand).await {
            self.buffer.failures.fetch_add(1, Relaxed);
            self.buffer.admission.failed();
            self.clock.sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    async fn attempt(&self, InHand { id, waiting }: &InHand) -> bool {
        let (request, decision) = (waiting.request(), &waiting.decision);
        let appended = self.recorder.append_as(*id, &request, decision);
        in_time(appended, self.clock.sleep(self.deadline), decision.id()).await
    }
}

/// Lets others go on: a sink that is always ready would keep this thread, and `stop` unheard, while there are records.
async fn breathe() {
    let mut breathed = false;
    poll_fn(|context| {
        if replace(&mut breathed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
