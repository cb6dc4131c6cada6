//! Records that wait to be written, so that nobody who asks for a decision waits for that.

mod admission;
mod writer;

use std::{
    fmt,
    num::NonZeroUsize,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use async_channel::{Receiver, Sender};
use chronicle::{RecordId, TraceParent};
use futures_util::lock::Mutex;
use intune_core::{AccordTemplate, Principal};

use crate::{Decision, DeviceIdentity, GateRequest};
use admission::{Admission, Refused};

pub use writer::Unwritten;
pub(crate) use writer::Writer;

/// How many bytes of text of a caller's a record may have and wait here.
///
/// That bounds what the buffer takes, and its records are far from what a sink refuses as too long, and so for good.
const MAX_TEXT: usize = 4096;

/// What is to be written, in the order in which it was decided.
pub(crate) struct Buffer {
    admission: Admission,
    /// Not bounded itself: it would take all its room at once. [`Admission`] bounds it.
    queue: Sender<Waiting>,
    desk: Mutex<Desk>,
    failures: AtomicU64,
}

/// What the one who writes has, and the next one goes on with.
struct Desk {
    queue: Receiver<Waiting>,
    in_hand: Option<InHand>,
}

struct InHand {
    /// The same at each attempt: whoever reads it twice can tell.
    id: RecordId,
    waiting: Waiting,
}

/// All that a decision's record is made from.
struct Waiting {
    principal: Principal,
    template: AccordTemplate,
    device: DeviceIdentity,
    delegator: Option<DeviceIdentity>,
    live: bool,
    traceparent: Option<TraceParent>,
    decision: Decision,
}

impl Buffer {
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        let (sender, receiver) = async_channel::unbounded();
        Self {
            admission: Admission::new(capacity),
            queue: sender,
            desk: Mutex::new(Desk {
                queue: receiver,
                in_hand: None,
            }),
            failures: AtomicU64::new(0),
        }
    }

    /// Whether the decision's record may wait here, as far as its size goes.
    #[inline]
    pub(crate) fn suits(&self, request: &GateRequest<'_>) -> bool {
        let principal = request.principal;
        let delegate = principal.delegate().unwrap_or_default();
        let texts = [principal.issuer(), principal.subject(), delegate];
        texts.iter().map(|text| text.len()).sum::<usize>() <= MAX_TEXT
    }

    /// Takes the decision's record; whether it did.
    pub(crate) fn put(&self, request: &GateRequest<'_>, decision: &Decision) -> bool {
        match self.try_put(request, decision) {
            Ok(()) => true,
            Err(refused) => {
                tracing::error!(
                    name: "compliance_gate.record_failed",
                    target: "compliance_gate",
                    decision = %decision.id(),
                    error = %refused,
                    "a record was not buffered"
                );
                false
            }
        }
    }

    #[inline]
    fn try_put(&self, request: &GateRequest<'_>, decision: &Decision) -> Result<(), Refused> {
        self.admission.enter()?;
        // It can't fail: both ends of the queue are here, and it has no bound.
        let _ = self.queue.try_send(Waiting::new(request, decision));
        Ok(())
    }

    /// How many records are not written yet.
    pub(crate) fn waiting(&self) -> u64 {
        self.admission.held() as u64
    }

    /// How many appends of the writer have failed.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }
}

impl Waiting {
    fn new(request: &GateRequest<'_>, decision: &Decision) -> Self {
        Self {
            principal: request.principal.clone(),
            template: request.template.clone(),
            device: request.device,
            delegator: request.delegator,
            live: request.live,
            traceparent: request.traceparent.clone(),
            decision: decision.clone(),
        }
    }

    fn request(&self) -> GateRequest<'_> {
        GateRequest {
            principal: &self.principal,
            template: &self.template,
            device: self.device,
            delegator: self.delegator,
            live: self.live,
            traceparent: self.traceparent.clone(),
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("admission", &self.admission)
            .finish_non_exhaustive()
    }
}
