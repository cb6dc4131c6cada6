use std::{pin::pin, sync::Arc, time::Duration};

use clock::Moment;
use futures_util::future::{Either, select};
use intune_core::{Freshness, SourceFailure};

use super::{Gate, GateRequest, Inner};
use crate::{
    Answer, Asker, BreakGlass, Decision, DecisionId, DeviceIdentity, EffectivePolicy, Mode,
    OnAuditFailure, Outcome, Reason, Step, Verdict,
    counters::Asked,
    decide::{decide, earlier},
    record::Recorder,
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
        let start = gate.clock.now();
        // The guard is gone with the statement: it is not to be held while anything is waited for.
        let policy = Arc::clone(gate.policies.load().for_template(request.template));
        let asker = request.asker();
        let mut failure = None;
        let mut asked = Asked::Nothing;
        let mut now = start;
        let verdict = match decide(&policy, asker, Answer::NotAsked, start) {
            Step::Decided(verdict) => verdict,
            Step::LookUp(device) => {
                let max_age = match request.live {
                    true => Duration::ZERO,
                    false => policy.policy().max_age,
                };
                let freshness = Freshness {
                    now: start,
                    max_age,
                };
                let found = match gate.peek(device, freshness) {
                    Some(observation) => {
                        asked = Asked::Hit;
                        Ok(observation)
                    }
                    None => {
                        asked = Asked::Miss;
                        // Boxed, so that a hit doesn't carry the room for a miss.
                        let looked_up = Box::pin(gate.look_up(device, freshness, policy.policy()));
                        let (found, then) = looked_up.await;
                        now = then;
                        found
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
                let step = decide(&policy, asker, answer, now);
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
        let decision = conclude(asker, policy, verdict, failure, now);
        let decision = match &gate.recorder {
            Some(recorder) if leaves_event(&decision) => {
                Box::pin(gate.record(recorder, request, decision)).await
            }
            _ => decision,
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

impl Inner {
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
        let recorded = match select(pin!(appended), self.clock.sleep(self.deadline)).await {
            Either::Left((recorded, _)) => recorded,
            Either::Right(((), _)) => {
                tracing::error!(
                    name: "compliance_gate.record_failed",
                    target: "compliance_gate",
                    decision = %decision.id,
                    "the chronicle did not answer in time"
                );
                false
            }
        };
        if !recorded {
            self.counters.audit_failed();
        }
        let rule = decision.policy.policy().on_audit_failure;
        let may_do_without = rule == OnAuditFailure::BestEffort || !decision.is_enforced();
        if recorded || (may_do_without && entry.is_none()) {
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

/// Turns a deny into an allow, if there is an entry for that. What isn't recorded never comes here.
fn break_glass(request: &GateRequest<'_>, decision: Decision) -> (Decision, Option<BreakGlass>) {
    let denied = decision.outcome == Outcome::Deny;
    if !(denied && decision.reason.yields_to_break_glass()) {
        return (decision, None);
    }
    let now = decision.made_at.wall;
    let policy = &decision.policy;
    let entry = policy.break_glass(request.principal, request.template, now);
    let Some(entry) = entry.cloned() else {
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

fn conclude(
    asker: Asker,
    policy: Arc<EffectivePolicy>,
    verdict: Verdict,
    failure: Option<SourceFailure>,
    made_at: Moment,
) -> Decision {
    let reported = policy.policy().mode == Mode::ReportOnly;
    let (device, device_of) = asker.judged_by(policy.policy());
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
    };
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
