use std::{ops::ControlFlow, time::Duration};

use clock::Moment;
use intune_core::{EntraDeviceId, Freshness, SourceFailure};

use super::{Gate, GateRequest, Inner};
use crate::{
    Asker, BreakGlass, Decision, DecisionId, DeviceIdentity, Mode, OnAuditFailure, Outcome, Reason,
    Step, Verdict,
    counters::Asked,
    decide::{before_asking, by_failure, by_observation, earlier},
    policy::Held,
    record::{Recorder, in_time},
};

impl Gate {
    /// Decides. Everything that goes wrong on the way is a deny with its own reason, never an error.
    ///
    /// One policy decides it all, also if another takes force meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the request up without a decision; a record of it may or may not have
    /// been made. Others who wait for the same device are not disturbed.
    pub async fn evaluate(&self, request: &GateRequest<'_>) -> Decision {
        let gate = &*self.inner;
        let (begun, asked) = gate.at_once(request);
        let decision = match begun {
            Begun::Made(decision) => decision,
            // Boxed, so that who needn't wait doesn't carry the room for it.
            begun => Box::pin(gate.finish(request, begun)).await,
        };
        gate.counters.decided(&decision, asked);
        tracing::debug!(
            name: "compliance_gate.decision",
            target: "compliance_gate",
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

/// How far a decision has come.
enum Begun {
    /// That's all.
    Made(Decision),
    /// A record is left to make.
    Unrecorded(Decision),
    /// The source has to be asked.
    Missed(Miss),
}

struct Miss {
    policy: Held,
    asker: Asker,
    device: EntraDeviceId,
    freshness: Freshness,
}

impl Inner {
    /// Decides as far as is possible without a wait.
    #[inline]
    fn at_once(&self, request: &GateRequest<'_>) -> (Begun, Asked) {
        let now = self.clock.now();
        // The guard is gone with the statement: it is not to be held while anything is waited for.
        let policy = self.policies.load().hold(request.template);
        let asker = request.asker();
        let (verdict, asked) = match before_asking(&policy, asker) {
            Step::Decided(verdict) => (verdict, Asked::Nothing),
            Step::LookUp(device) => {
                let max_age = match request.live {
                    true => Duration::ZERO,
                    false => policy.policy().max_age,
                };
                let freshness = Freshness { now, max_age };
                match self.peek(device, freshness) {
                    Some(observation) => {
                        let verdict = by_observation(policy.policy(), asker, &observation, now);
                        (verdict, Asked::Hit)
                    }
                    None => {
                        let missed = Miss {
                            policy,
                            asker,
                            device,
                            freshness,
                        };
                        return (Begun::Missed(missed), Asked::Miss);
                    }
                }
            }
        };
        let decision = conclude(asker, policy, verdict, None, now);
        let begun = match self.noted(request, decision) {
            ControlFlow::Continue(decision) => Begun::Unrecorded(decision),
            ControlFlow::Break(decision) => Begun::Made(decision),
        };
        (begun, asked)
    }

    /// Goes on with a decision only if a record of it is left to make, and to be waited for.
    #[inline]
    fn noted(
        &self,
        request: &GateRequest<'_>,
        decision: Decision,
    ) -> ControlFlow<Decision, Decision> {
        match &self.recorder {
            Some(recorder) if leaves_event(&decision) => match recorder.buffer() {
                Some(buffer) if buffer.suits(request) && entry(request, &decision).is_none() => {
                    let recorded = buffer.put(request, &decision);
                    ControlFlow::Break(self.after_record(decision, recorded, false))
                }
                _ => ControlFlow::Continue(decision),
            },
            _ => ControlFlow::Break(decision),
        }
    }

    /// Waits for what is left to do.
    async fn finish(&self, request: &GateRequest<'_>, begun: Begun) -> Decision {
        let noted = match begun {
            Begun::Missed(miss) => {
                let decision = self.after_look_up(request, miss).await;
                self.noted(request, decision)
            }
            Begun::Unrecorded(decision) => ControlFlow::Continue(decision),
            Begun::Made(decision) => ControlFlow::Break(decision),
        };
        match (noted, &self.recorder) {
            (ControlFlow::Continue(decision), Some(recorder)) => {
                self.record(recorder, request, decision).await
            }
            (ControlFlow::Continue(decision) | ControlFlow::Break(decision), _) => decision,
        }
    }

    /// Decides what the source has to be asked about.
    async fn after_look_up(&self, request: &GateRequest<'_>, miss: Miss) -> Decision {
        let Miss {
            policy,
            asker,
            device,
            freshness,
        } = miss;
        let (found, now) = self.look_up(device, freshness, policy.policy()).await;
        let (verdict, failure) = match found {
            Ok(observation) => {
                let verdict = by_observation(policy.policy(), asker, &observation, now);
                (verdict, None)
            }
            Err(failure) => {
                // Live is live: what was known before is no answer, whatever policy allows in an outage.
                let failure = match request.live {
                    true => failure.with_last_known(None),
                    false => failure,
                };
                let verdict = by_failure(policy.policy(), asker, &failure, now);
                (verdict, Some(Box::new(failure)))
            }
        };
        let decision = conclude(asker, policy, verdict, failure, now);
        if let Some(failure) = &decision.failure {
            tracing::warn!(
                name: "compliance_gate.source_failed",
                target: "compliance_gate",
                decision = %decision.id,
                %failure,
                "the compliance source failed"
            );
        }
        decision
    }

    /// Records a decision, or turns it into the deny that a missing record asks for.
    async fn record(
        &self,
        recorder: &Recorder,
        request: &GateRequest<'_>,
        decision: Decision,
    ) -> Decision {
        let (decision, entry) = break_glass(request, decision);
        let appended = async {
            let noted = match &entry {
                Some(entry) => recorder.append_break_glass(request, &decision, entry).await,
                None => true,
            };
            noted && recorder.append(request, &decision).await
        };
        let deadline = self.clock.sleep(self.deadline);
        let recorded = in_time(appended, deadline, decision.id).await;
        self.after_record(decision, recorded, entry.is_some())
    }

    /// A decision as it stands after its record was made, or wasn't.
    #[inline]
    fn after_record(&self, decision: Decision, recorded: bool, broken: bool) -> Decision {
        if recorded {
            return decision;
        }
        self.counters.audit_failed();
        let rule = decision.policy.policy().on_audit_failure;
        let may_do_without = rule == OnAuditFailure::BestEffort || !decision.is_enforced();
        if may_do_without && !broken {
            return decision;
        }
        Decision {
            outcome: Outcome::Deny,
            reason: Reason::AuditUnavailable,
            would: None,
            would_reason: None,
            valid_until: None,
            ..decision
        }
    }
}

/// What turns a deny into an allow, if there is an entry for that.
fn entry<'a>(request: &GateRequest<'_>, decision: &'a Decision) -> Option<&'a BreakGlass> {
    let denied = decision.outcome == Outcome::Deny;
    if !(denied && decision.reason.yields_to_break_glass()) {
        return None;
    }
    let now = decision.made_at.wall;
    let policy = &decision.policy;
    policy.break_glass(request.principal, request.template, now)
}

/// Turns a deny into an allow, if there is an entry for that. What isn't recorded never comes here.
fn break_glass(request: &GateRequest<'_>, decision: Decision) -> (Decision, Option<BreakGlass>) {
    let Some(entry) = entry(request, &decision).cloned() else {
        return (decision, None);
    };
    let decision = Decision {
        outcome: Outcome::Allow,
        reason: Reason::BreakGlass,
        would: Some(Outcome::Deny),
        would_reason: Some(decision.reason),
        valid_until: earlier(decision.valid_until, Some(entry.expires_at())),
        ..decision
    };
    (decision, Some(entry))
}

/// Nothing was checked if the gate is off or nothing is required; but that a template switched a check off
/// is worth a record.
fn leaves_event(decision: &Decision) -> bool {
    let checked = !matches!(decision.reason, Reason::NotEnabled | Reason::NotRequired);
    checked || decision.policy.is_loosened()
}

#[inline]
fn conclude(
    asker: Asker,
    policy: Held,
    verdict: Verdict,
    failure: Option<Box<SourceFailure>>,
    made_at: Moment,
) -> Decision {
    let reported = policy.policy().mode == Mode::ReportOnly;
    let (device, device_of) = asker.judged_by(policy.policy());
    Decision {
        id: DecisionId::generate(made_at.wall),
        made_at,
        outcome: if reported {
            Outcome::Allow
        } else {
            verdict.outcome
        },
        reason: verdict.reason,
        would: reported.then_some(verdict.outcome),
        would_reason: None,
        device: match device {
            DeviceIdentity::Present(device) => Some(device),
            DeviceIdentity::Absent | DeviceIdentity::Invalid => None,
        },
        device_of,
        observation: verdict.observation,
        failure,
        valid_until: verdict.valid_until,
        policy,
    }
}
