//! From a request to a decision.

mod builder;
mod request;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use clock::{Clock, Moment};
use futures_util::future::{Either, select};
use intune_core::{
    ComplianceSource, EntraDeviceId, Freshness, Invalidation, Observation, SourceFailure,
    SourceFailureKind,
};

use crate::{
    Answer, Asker, Decision, DecisionId, DeviceIdentity, EffectivePolicy, Mode, OnAuditFailure,
    OnOutage, Outcome, Policies, Reason, Step, Verdict, caught::caught, decide, record::Recorder,
};

pub use builder::{BuildError, GateBuilder};
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
    policies: Policies,
    source: Arc<dyn ComplianceSource>,
    clock: Arc<dyn Clock>,
    recorder: Option<Recorder>,
    max_age: Duration,
    deadline: Duration,
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

    /// The policies that it decides by.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.inner.policies
    }

    /// Forgets what is known of devices, in every layer of the source. For whoever changed them.
    pub fn invalidate(&self, what: Invalidation) {
        self.inner.source.invalidate(what);
    }

    /// Decides. Everything that goes wrong on the way is a deny with its own reason, never an error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the request up without a decision; a record of it may or may not have
    /// been made. Others who wait for the same device are not disturbed.
    pub async fn evaluate(&self, request: &GateRequest<'_>) -> Decision {
        let gate = &*self.inner;
        let start = gate.clock.now();
        let policy = gate.policies.for_template(request.template);
        let asker = Asker {
            device: request.device,
            user: request.principal.object_id(),
        };
        let mut failure = None;
        let mut now = start;
        let verdict = match decide(policy, asker, Answer::NotAsked, start) {
            Step::Decided(verdict) => verdict,
            Step::LookUp(device) => {
                let freshness = Freshness {
                    now: start,
                    max_age: if request.live {
                        Duration::ZERO
                    } else {
                        gate.max_age
                    },
                };
                let found = match gate.peek(device, freshness) {
                    Some(observation) => Ok(observation),
                    None => {
                        // Boxed, so that a hit doesn't carry the room for a miss.
                        let found = Box::pin(gate.look_up(device, freshness, policy)).await;
                        now = gate.clock.now();
                        if now.since(start) < gate.deadline {
                            found
                        } else {
                            // It came, but too late: the machine may have been suspended meanwhile.
                            Err(gate.timed_out(device, freshness, policy))
                        }
                    }
                };
                // Live is live: what was known before is no answer, whatever policy allows in an outage.
                let found = match request.live {
                    true => found.map_err(|failure| failure.with_last_known(None)),
                    false => found,
                };
                let answer = match &found {
                    Ok(observation) => Answer::Observed(*observation),
                    Err(failure) => Answer::Failed(failure),
                };
                let step = decide(policy, asker, answer, now);
                failure = found.err();
                match step {
                    Step::Decided(verdict) => verdict,
                    // The table was given an answer; should it ask again, that is no reason to allow.
                    Step::LookUp(_) => Verdict {
                        outcome: Outcome::Deny,
                        reason: Reason::SourceUnavailable,
                        observation: None,
                        valid_until: None,
                    },
                }
            }
        };
        let decision = conclude(request, policy, verdict, failure, now);
        let decision = match &gate.recorder {
            Some(recorder) if leaves_event(&decision) => {
                Box::pin(gate.record(recorder, request, decision)).await
            }
            _ => decision,
        };
        tracing::debug!(
            decision = %decision.id,
            template = %request.template,
            outcome = decision.outcome.as_str(),
            reason = decision.reason.as_str(),
            enforced = decision.is_enforced(),
            "decided"
        );
        decision
    }
}

impl Inner {
    fn peek(&self, device: EntraDeviceId, freshness: Freshness) -> Option<Observation> {
        let peek = AssertUnwindSafe(|| self.source.peek(device, freshness));
        catch_unwind(peek).unwrap_or_default()
    }

    /// Asks the source, and gives up at the deadline.
    async fn look_up(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
        policy: &EffectivePolicy,
    ) -> Result<Observation, SourceFailure> {
        let answer = caught(async { self.source.compliance(device, freshness).await });
        match select(pin!(answer), self.clock.sleep(self.deadline)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(self.timed_out(device, freshness, policy)),
        }
    }

    fn timed_out(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
        policy: &EffectivePolicy,
    ) -> SourceFailure {
        let last_known = match policy.conditions().on_outage {
            OnOutage::Deny => None,
            OnOutage::LastKnownGood { .. } => {
                let any_age = Freshness {
                    max_age: Duration::MAX,
                    ..freshness
                };
                self.peek(device, any_age)
            }
        };
        SourceFailure::new(SourceFailureKind::TimedOut).with_last_known(last_known)
    }

    /// Records a decision, or turns it into the deny that a missing record asks for.
    async fn record(
        &self,
        recorder: &Recorder,
        request: &GateRequest<'_>,
        decision: Decision,
    ) -> Decision {
        let appended = recorder.append(request, &decision);
        let recorded = match select(pin!(appended), self.clock.sleep(self.deadline)).await {
            Either::Left((recorded, _)) => recorded,
            Either::Right(((), _)) => {
                tracing::error!(decision = %decision.id, "the chronicle did not answer in time");
                false
            }
        };
        let best_effort =
            decision.policy.conditions().on_audit_failure == OnAuditFailure::BestEffort;
        if recorded || best_effort || !decision.is_enforced() {
            return decision;
        }
        Decision {
            outcome: Outcome::Deny,
            reason: Reason::AuditUnavailable,
            valid_until: None,
            ..decision
        }
    }
}

/// Nothing was checked if the gate is off or nothing is required; but that a template switched a check off
/// is worth a record.
fn leaves_event(decision: &Decision) -> bool {
    let checked = !matches!(decision.reason, Reason::NotEnabled | Reason::NotRequired);
    checked || decision.policy.is_loosened()
}

fn conclude(
    request: &GateRequest<'_>,
    policy: &Arc<EffectivePolicy>,
    verdict: Verdict,
    failure: Option<SourceFailure>,
    made_at: Moment,
) -> Decision {
    let reported = policy.policy().mode == Mode::ReportOnly;
    let decision = Decision {
        id: DecisionId::generate(made_at.wall),
        made_at,
        outcome: if reported {
            Outcome::Allow
        } else {
            verdict.outcome
        },
        reason: verdict.reason,
        would: reported.then_some(verdict.outcome),
        device: match request.device {
            DeviceIdentity::Present(device) => Some(device),
            DeviceIdentity::Absent | DeviceIdentity::Invalid => None,
        },
        observation: verdict.observation,
        failure,
        valid_until: verdict.valid_until,
        policy: Arc::clone(policy),
    };
    if let Some(failure) = &decision.failure {
        tracing::warn!(decision = %decision.id, %failure, "the compliance source failed");
    }
    decision
}
