use std::{sync::Arc, time::Duration};

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
    /// Neither [`chronicle`](Self::chronicle) nor [`unrecorded`](Self::unrecorded) was called: that
    /// decisions leave no record must be somebody's decision.
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
