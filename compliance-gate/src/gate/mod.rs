//! From a request to a decision.

mod builder;
mod evaluate;
mod in_force;
mod look_up;
mod recorded;
mod reload;
mod request;

use std::{future::Future, sync::Arc, time::Duration};

use clock::Clock;
use futures_util::lock::Mutex;
use intune_core::{ComplianceSource, Invalidation};

use crate::{
    GateCounters, Policies, Unwritten,
    counters::Counters,
    record::{Recorder, Writer},
};

use in_force::InForce;

pub use builder::{BuildError, GateBuilder};
pub use reload::{ReloadError, ReloadOrigin, Reloaded};
pub use request::GateRequest;

/// Decides whether authority may be issued, given the compliance of the device behind a request.
///
/// Clones share everything.
///
/// ```
/// # use std::sync::Arc;
/// # use chronicle::MemorySink;
/// # use clock::SystemClock;
/// # use intune_core::{ComplianceSource, EntraDeviceId, Freshness, Observation, Principal};
/// # use intune_core::{SourceFailure, SourceFailureKind};
/// # #[derive(Debug)] struct Down;
/// # #[async_trait::async_trait] impl ComplianceSource for Down {
/// #     async fn compliance(&self, _: EntraDeviceId, _: Freshness) -> Result<Observation, SourceFailure> {
/// #         Err(SourceFailure::new(SourceFailureKind::Unavailable))
/// #     }
/// # }
/// use compliance_gate::{DeviceIdentity, Gate, GateRequest, Policies, PolicyLayer, Reason};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let source = Arc::new(Down);
/// let policies = Policies::builder().global(PolicyLayer::new().required(true)).build()?;
/// let gate = Gate::builder(policies, source, Arc::new(SystemClock::new()))
///     .chronicle(Arc::new(MemorySink::new()), "urn:broker:eu-1".parse()?)
///     .build()?;
///
/// let decision = gate
///     .evaluate(&GateRequest::new(
///         &Principal::new("https://login.example/t1/v2.0", "adele"),
///         &"device-management".parse()?,
///         DeviceIdentity::Present("33333333-4444-4555-8666-777777777777".parse()?),
///     ))
///     .await;
/// // The source of this example is down, and what is not known is a deny.
/// assert!(!decision.is_allow());
/// assert_eq!(decision.reason(), Reason::SourceUnavailable);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Gate {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    policies: InForce,
    /// Held while a policy is replaced, so that each record of it names the one before.
    reloading: Mutex<()>,
    source: Arc<dyn ComplianceSource>,
    clock: Arc<dyn Clock>,
    recorder: Option<Recorder>,
    deadline: Duration,
    counters: Counters,
}

impl Gate {
    /// Starts a gate that decides by `policies` and looks devices up in `source`.
    ///
    /// Put a [`CachedCompliance`](crate::CachedCompliance) around a source that goes over the network.
    pub fn builder(
        policies: Policies,
        source: Arc<dyn ComplianceSource>,
        clock: Arc<dyn Clock>,
    ) -> GateBuilder {
        GateBuilder::new(policies, source, clock)
    }

    /// The policies in force now. A decision has its own, [`Decision::policy`](crate::Decision::policy).
    #[must_use]
    pub fn policies(&self) -> Arc<Policies> {
        self.inner.policies.policies()
    }

    /// What has been counted so far. Cheap enough to be called at every scrape.
    #[must_use]
    pub fn counters(&self) -> GateCounters {
        let mut counters = self.inner.counters.snapshot();
        if let Some(buffer) = self.inner.recorder.as_ref().and_then(Recorder::buffer) {
            counters.records_waiting = buffer.waiting();
            counters.write_failures = buffer.failures();
        }
        counters
    }

    /// Writes the records that a [buffered Chronicle](GateBuilder::buffered_chronicle) holds, until `stop` completes.
    ///
    /// For the owner to spawn, and to await at the end. From the first poll on, records are taken into the buffer; each is
    /// appended in its turn, given up at the [deadline](GateBuilder::deadline), and tried again after a pause, of
    /// 100 ms at first and of 5 s at most, until the sink takes it. A sink that had stored what was given up has it twice
    /// then, with the same record id. No record is passed over: one that the sink refuses for good holds up all others.
    ///
    /// When `stop` completes, nothing more is taken into the buffer, and what is there is written. One writer is
    /// enough: a second one waits, and takes over when the first ends. Without a buffer, it only waits for `stop`.
    ///
    /// # Errors
    ///
    /// After `stop`, the sink took none for as long as a pause and an append may last: the deadline and 5 s. The rest is still
    /// held and counted ([`GateCounters::records_waiting`]), for another call to go on with; it is lost when the gate is
    /// dropped.
    ///
    /// # Cancel safety
    ///
    /// From when the future is dropped, decisions can't be recorded. What is in the buffer stays there for another call, also the
    /// record that was being appended; a sink that stored it nevertheless gets it again, with the same record id.
    pub async fn write_records_until(
        &self,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), Unwritten> {
        let gate = &*self.inner;
        let recorder = gate.recorder.as_ref();
        let Some((recorder, buffer)) = recorder.and_then(|it| Some((it, it.buffer()?))) else {
            stop.await;
            return Ok(());
        };
        let writer = Writer {
            recorder,
            buffer,
            clock: gate.clock.as_ref(),
            deadline: gate.deadline,
        };
        writer.write_until(stop).await
    }

    /// Forgets what is known of devices, in every layer of the source. For whoever changed them.
    pub fn invalidate(&self, what: Invalidation) {
        self.inner.source.invalidate(what);
    }
}
