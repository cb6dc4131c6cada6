use std::{sync::Arc, time::Duration};

use chronicle::{Sink, Source, TraceParent};
use clock::{Clock, Moment};
use futures_util::future::{Either, select};
use intune_core::{
    AccordTemplate, ComplianceSource, EntraDeviceId, Freshness, Observation, Principal,
    SourceFailure, SourceFailureKind,
};

use crate::{
    Answer, Asker, Decision, DecisionId, DeviceIdentity, EffectivePolicy, Mode, OnAuditFailure,
    OnOutage, Outcome, Policies, Reason, Step, Verdict, decide, record::Recorder,
};

const DEFAULT_MAX_AGE: Duration = Duration::from_secs(300);
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// A request for authority.
#[derive(Clone, Debug)]
pub struct GateRequest<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) template: &'a AccordTemplate,
    pub(crate) device: DeviceIdentity,
    pub(crate) traceparent: Option<TraceParent>,
}

impl<'a> GateRequest<'a> {
    /// Who asks, under which accord template, and which device the principal's token names.
    #[must_use]
    pub const fn new(
        principal: &'a Principal,
        template: &'a AccordTemplate,
        device: DeviceIdentity,
    ) -> Self {
        Self {
            principal,
            template,
            device,
            traceparent: None,
        }
    }

    /// Adds the trace that the request belongs to.
    #[must_use]
    pub fn with_traceparent(mut self, traceparent: Option<TraceParent>) -> Self {
        self.traceparent = traceparent;
        self
    }
}

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
        GateBuilder {
            policies,
            source,
            clock,
            audit: Audit::Undecided,
            max_age: DEFAULT_MAX_AGE,
            deadline: DEFAULT_DEADLINE,
        }
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
                    max_age: gate.max_age,
                };
                let found = match gate.source.peek(device, freshness) {
                    Some(observation) => Ok(observation),
                    None => {
                        let found = gate.look_up(device, freshness, policy).await;
                        now = gate.clock.now();
                        found
                    }
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
        gate.record(request, decision).await
    }
}

impl Inner {
    /// Asks the source, and gives up at the deadline.
    async fn look_up(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
        policy: &EffectivePolicy,
    ) -> Result<Observation, SourceFailure> {
        let answer = self.source.compliance(device, freshness);
        match select(answer, self.clock.sleep(self.deadline)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => {
                let last_known = match policy.conditions().on_outage {
                    OnOutage::Deny => None,
                    OnOutage::LastKnownGood { .. } => {
                        let any_age = Freshness {
                            max_age: Duration::MAX,
                            ..freshness
                        };
                        self.source.peek(device, any_age)
                    }
                };
                Err(SourceFailure::new(SourceFailureKind::TimedOut).with_last_known(last_known))
            }
        }
    }

    /// Records a decision, or turns it into the deny that a missing record asks for.
    async fn record(&self, request: &GateRequest<'_>, decision: Decision) -> Decision {
        let Some(recorder) = self.recorder.as_ref().filter(|_| leaves_event(&decision)) else {
            return decision;
        };
        let appended = recorder.append(request, &decision);
        let recorded = match select(appended, self.clock.sleep(self.deadline)).await {
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
    tracing::debug!(
        decision = %decision.id,
        template = %request.template,
        outcome = decision.outcome.as_str(),
        reason = decision.reason.as_str(),
        enforced = decision.is_enforced(),
        "decided"
    );
    if let Some(failure) = &decision.failure {
        tracing::warn!(decision = %decision.id, %failure, "the compliance source failed");
    }
    decision
}

/// Puts a [`Gate`] together.
#[derive(Debug)]
#[must_use]
pub struct GateBuilder {
    policies: Policies,
    source: Arc<dyn ComplianceSource>,
    clock: Arc<dyn Clock>,
    audit: Audit,
    max_age: Duration,
    deadline: Duration,
}

#[derive(Debug)]
enum Audit {
    Undecided,
    Recorded(Recorder),
    Unrecorded,
}

impl GateBuilder {
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

    /// Sets how old an observation may be; 300 s by default, and zero to look devices up every time.
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Sets how long to wait for the source, and then for the sink; 10 s each by default.
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
                policies: self.policies,
                source: self.source,
                clock: self.clock,
                recorder,
                max_age: self.max_age,
                deadline: self.deadline,
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
