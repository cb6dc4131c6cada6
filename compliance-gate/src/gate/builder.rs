use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use chronicle::{Sink, Source};
use clock::Clock;
use futures_util::lock::Mutex;
use intune_core::ComplianceSource;

use super::{Gate, InForce, Inner};
use crate::{Policies, counters::Counters, record::Recorder};

const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// Puts a [`Gate`] together.
#[derive(Debug)]
#[must_use]
pub struct GateBuilder {
    policies: Policies,
    source: Arc<dyn ComplianceSource>,
    clock: Arc<dyn Clock>,
    audit: Audit,
    deadline: Duration,
}

#[derive(Debug)]
enum Audit {
    Undecided,
    Recorded(Recorder),
    Unrecorded,
}

impl GateBuilder {
    pub(super) fn new(
        policies: Policies,
        source: Arc<dyn ComplianceSource>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            policies,
            source,
            clock,
            audit: Audit::Undecided,
            deadline: DEFAULT_DEADLINE,
        }
    }

    /// Records every decision in `sink`, as coming from `source`.
    pub fn chronicle(mut self, sink: Arc<dyn Sink>, source: Source) -> Self {
        self.audit = Audit::Recorded(Recorder::new(sink, source));
        self
    }

    /// Records every decision in `sink`, but after it was given: up to `capacity` records wait to be written.
    ///
    /// Nobody waits for the sink then. [`Gate::write_records_until`] writes, and must be spawned: while nobody
    /// writes, while the sink fails, and while `capacity` records wait, decisions can't be recorded, as if the sink
    /// had refused them. Once a record is in the buffer, it stays there until the sink takes it.
    ///
    /// **A crash loses what waits**: at most `capacity` records, the one that is being written included. A `SIGKILL`, an abort, a
    /// power cut: authority was issued then of which no record tells. Who has to show a record of each decision, or
    /// whose records are evidence, takes [`chronicle`](Self::chronicle). Only that much time is saved: a few microseconds, and the
    /// sink's own wait.
    ///
    /// What nobody may do unrecorded is still appended at once and awaited: each use of a break-glass entry, and a policy that
    /// is [reloaded](Gate::reload); these records may come before those of earlier decisions. So are records with more
    /// than 4 KiB of names: issuer, subject and delegate. Requests that are [live](crate::GateRequest::live) are
    /// buffered like others.
    ///
    /// Room is taken as it is needed, about 330 bytes a record. A writer that is never polled is noticed only when the
    /// buffer is full: make `capacity` what comes in a second or two.
    pub fn buffered_chronicle(
        mut self,
        sink: Arc<dyn Sink>,
        source: Source,
        capacity: NonZeroUsize,
    ) -> Self {
        self.audit = Audit::Recorded(Recorder::new(sink, source).buffered(capacity));
        self
    }

    /// Records nothing. For hosts that keep their own trail.
    pub fn unrecorded(mut self) -> Self {
        self.audit = Audit::Unrecorded;
        self
    }

    /// Sets how long to wait for the source, and then for the sink; 10 s each by default.
    ///
    /// A sink that takes a record after it was given up keeps the record of a decision that was turned into
    /// `audit_unavailable`: an allow on record is not proof that authority was issued.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Makes the gate.
    ///
    /// # Errors
    ///
    /// None of [`chronicle`](Self::chronicle), [`buffered_chronicle`](Self::buffered_chronicle) and
    /// [`unrecorded`](Self::unrecorded) was called: that decisions leave no record must be somebody's decision.
    pub fn build(self) -> Result<Gate, BuildError> {
        let recorder = match self.audit {
            Audit::Undecided => return Err(BuildError(())),
            Audit::Recorded(recorder) => Some(recorder),
            Audit::Unrecorded => None,
        };
        Ok(Gate {
            inner: Arc::new(Inner {
                policies: InForce::new(self.policies),
                reloading: Mutex::new(()),
                source: self.source,
                clock: self.clock,
                recorder,
                deadline: self.deadline,
                counters: Counters::default(),
            }),
        })
    }
}

/// Nobody decided where decisions are recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "say where decisions are recorded, with `chronicle`, or that they aren't, with `unrecorded`"
)]
pub struct BuildError(());
