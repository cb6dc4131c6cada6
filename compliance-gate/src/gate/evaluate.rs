use std::{
    future::{Future, poll_fn},
    ops::ControlFlow,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use intune_core::{EntraDeviceId, Freshness, Observation, SourceFailure};

use super::{Gate, GateRequest, Inner, in_force::Loaded};
use crate::{
    BreakGlass, Decision, DecisionId, DeviceIdentity, DeviceOf, OnAuditFailure, Outcome, Reason,
    counters::Asked,
    decide::{by_absence, by_failure, by_invalidity, by_observation, by_policy, earlier},
    decision::Said,
    policy::Held,
    record::{Recorder, in_time},
};

impl Gate {
    /// Decides. Everything that goes wrong on the way is a deny with its own reason, never an error.
    ///
    /// One policy decides it all, also if another takes force meanwhile. Nothing happens until the future is polled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the request up without a decision; a record of it may or may not have
    /// been made. Others who wait for the same device are not disturbed.
    pub fn evaluate<'a>(
        &'a self,
        request: &'a GateRequest<'a>,
    ) -> impl Future<Output = Decision> + Send + use<'a> {
        let gate = &*self.inner;
        let mut rest = None;
        // By hand, as an async function moves what it returns from place to place, which is a good part of a decision.
        poll_fn(move |context| match &mut rest {
            None => gate.begin(request, &mut rest, context),
            Some(rest) => rest.as_mut().poll(context),
        })
    }
}

/// What can't be done at once. Boxed, so that who needn't wait doesn't carry the room for it.
type Rest<'a> = Pin<Box<dyn Future<Output = Decision> + Send + 'a>>;

/// What the source has to be asked about.
struct Miss {
    device: EntraDeviceId,
    device_of: DeviceOf,
    freshness: Freshness,
}

impl Inner {
    /// Decides at once if that is possible, and begins with the rest if not.
    #[inline]
    fn begin<'a>(
        &'a self,
        request: &'a GateRequest<'a>,
        rest: &mut Option<Rest<'a>>,
        context: &mut Context<'_>,
    ) -> Poll<Decision> {
        let now = self.clock.now();
        let mut policies = self.policies.load();
        let policy = policies.policies().shared(request.template);
        let settings = policy.settings();
        let judged = request.judged_by(settings);
        let mut observation = None;
        let (ruling, asked) = match (
            by_policy(settings, policy.denies_unknown_template()),
            judged.0,
        ) {
            (Some(ruling), _) => (ruling, Asked::Nothing),
            (None, DeviceIdentity::Invalid) => (by_invalidity(), Asked::Nothing),
            (None, DeviceIdentity::Absent) => (by_absence(settings), Asked::Nothing),
            (None, DeviceIdentity::Present(device)) => {
                let max_age = match request.live {
                    true => Duration::ZERO,
                    false => settings.max_age,
                };
                let freshness = Freshness { now, max_age };
                self.peek(device, freshness, &mut observation);
                let Some(seen) = &observation else {
                    let miss = Miss {
                        device,
                        device_of: judged.1,
                        freshness,
                    };
                    return rest
                        .insert(self.after_look_up(request, policies, miss))
                        .as_mut()
                        .poll(context);
                };
                let user = || request.principal.object_id();
                let ruling = by_observation(settings, user, seen, now);
                (ruling, Asked::Hit)
            }
        };
        let said = Said::new(ruling, settings, now);
        let policy = policy.hold();
        policies.put_back();
        if let Some(recorder) = &self.recorder
            && leaves_event(&said, &policy)
        {
            let decision = conclude(said, policy, judged, observation, None);
            return match self.buffered(recorder, request, decision) {
                ControlFlow::Break(decision) => {
                    self.tell_late(request, &decision, asked);
                    Poll::Ready(decision)
                }
                ControlFlow::Continue(decision) => rest
                    .insert(self.after_record(recorder, request, decision, asked))
                    .as_mut()
                    .poll(context),
            };
        }
        self.tell(request, said, asked);
        Poll::Ready(conclude(said, policy, judged, observation, None))
    }

    #[cold]
    fn after_look_up<'a>(
        &'a self,
        request: &'a GateRequest<'a>,
        mut policies: Loaded,
        miss: Miss,
    ) -> Rest<'a> {
        let policy = policies.policies().shared(request.template).hold();
        policies.put_back();
        Box::pin(async move {
            let decision = self.ask(request, policy, miss).await;
            let decision = match &self.recorder {
                Some(recorder) if leaves_event(&decision.said, &decision.policy) => {
                    match self.buffered(recorder, request, decision) {
                        ControlFlow::Break(decision) => decision,
                        ControlFlow::Continue(decision) => {
                            self.record(recorder, request, decision).await
                        }
                    }
                }
                _ => decision,
            };
            self.tell_late(request, &decision, Asked::Miss);
            decision
        })
    }

    #[inline(never)]
    fn after_record<'a>(
        &'a self,
        recorder: &'a Recorder,
        request: &'a GateRequest<'a>,
        decision: Decision,
        asked: Asked,
    ) -> Rest<'a> {
        Box::pin(async move {
            let decision = self.record(recorder, request, decision).await;
            self.tell_late(request, &decision, asked);
            decision
        })
    }

    /// Goes on with a decision only if its record is not for the buffer, but to be waited for.
    #[inline(never)]
    fn buffered(
        &self,
        recorder: &Recorder,
        request: &GateRequest<'_>,
        decision: Decision,
    ) -> ControlFlow<Decision, Decision> {
        match recorder.buffer() {
            Some(buffer) if buffer.suits(request) && entry(request, &decision).is_none() => {
                let recorded = buffer.put(request, &decision);
                ControlFlow::Break(self.as_recorded(decision, recorded, false))
            }
            _ => ControlFlow::Continue(decision),
        }
    }

    /// Counts and traces what was decided.
    #[inline]
    fn tell(&self, request: &GateRequest<'_>, said: Said, asked: Asked) {
        self.counters.decided(said, asked);
        if tracing::event_enabled!(target: "compliance_gate", tracing::Level::DEBUG) {
            trace(request, said.id, said.outcome, said.reason, said.would);
        }
    }

    /// As [`tell`](Self::tell), for all but the one place that must not be slowed down by a call.
    #[inline(never)]
    fn tell_late(&self, request: &GateRequest<'_>, decision: &Decision, asked: Asked) {
        self.tell(request, decision.said, asked);
    }

    /// Asks the source, and decides.
    async fn ask(&self, request: &GateRequest<'_>, policy: Held, miss: Miss) -> Decision {
        let Miss {
            device,
            device_of,
            freshness,
        } = miss;
        let judged = (DeviceIdentity::Present(device), device_of);
        let user = || request.principal.object_id();
        let settings = policy.policy();
        let (found, now) = self.look_up(device, freshness, settings).await;
        let failure = match found {
            Ok(observation) => {
                let ruling = by_observation(settings, user, &observation, now);
                let said = Said::new(ruling, settings, now);
                return conclude(said, policy, judged, Some(observation), None);
            }
            // Live is live: what was known before is no answer, whatever policy allows in an outage.
            Err(failure) if request.live => failure.with_last_known(None),
            Err(failure) => failure,
        };
        let (ruling, observation) = by_failure(settings, user, &failure, now);
        let said = Said::new(ruling, settings, now);
        tracing::warn!(
            name: "compliance_gate.source_failed",
            target: "compliance_gate",
            decision = %said.id,
            %failure,
            "the compliance source failed"
        );
        if observation.is_some() {
            self.counters.stale();
        }
        let failure = Some(Box::new(failure));
        conclude(said, policy, judged, observation, failure)
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
        let recorded = in_time(appended, deadline, decision.id()).await;
        self.as_recorded(decision, recorded, entry.is_some())
    }

    /// A decision as it stands after its record was made, or wasn't.
    #[inline]
    fn as_recorded(&self, decision: Decision, recorded: bool, broken: bool) -> Decision {
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
            said: Said {
                outcome: Outcome::Deny,
                reason: Reason::AuditUnavailable,
                would: None,
                valid_until: None,
                ..decision.said
            },
            would_reason: None,
            ..decision
        }
    }
}

/// What turns a deny into an allow, if there is an entry for that.
fn entry<'a>(request: &GateRequest<'_>, decision: &'a Decision) -> Option<&'a BreakGlass> {
    let denied = decision.said.outcome == Outcome::Deny;
    if !(denied && decision.said.reason.yields_to_break_glass()) {
        return None;
    }
    let now = decision.said.made_at.wall;
    let policy = &decision.policy;
    policy.break_glass(request.principal, request.template, now)
}

/// Turns a deny into an allow, if there is an entry for that. What isn't recorded never comes here.
fn break_glass(request: &GateRequest<'_>, decision: Decision) -> (Decision, Option<BreakGlass>) {
    let Some(entry) = entry(request, &decision).cloned() else {
        return (decision, None);
    };
    let said = decision.said;
    let decision = Decision {
        said: Said {
            outcome: Outcome::Allow,
            reason: Reason::BreakGlass,
            would: Some(Outcome::Deny),
            valid_until: earlier(said.valid_until, Some(entry.expires_at())),
            ..said
        },
        would_reason: Some(said.reason),
        ..decision
    };
    (decision, Some(entry))
}

/// Nothing was checked if the gate is off or nothing is required; but that a template switched a check off
/// is worth a record.
#[inline]
fn leaves_event(said: &Said, policy: &Held) -> bool {
    let checked = !matches!(said.reason, Reason::NotEnabled | Reason::NotRequired);
    checked || policy.is_loosened()
}

#[cold]
fn trace(
    request: &GateRequest<'_>,
    id: DecisionId,
    outcome: Outcome,
    reason: Reason,
    would: Option<Outcome>,
) {
    tracing::debug!(
        name: "compliance_gate.decision",
        target: "compliance_gate",
        decision = %id,
        template = %request.template,
        outcome = outcome.as_str(),
        reason = reason.as_str(),
        enforced = would.is_none(),
        "decided"
    );
}

#[inline]
fn conclude(
    said: Said,
    policy: Held,
    (device, device_of): (DeviceIdentity, DeviceOf),
    observation: Option<Observation>,
    failure: Option<Box<SourceFailure>>,
) -> Decision {
    Decision {
        said,
        would_reason: None,
        device: match device {
            DeviceIdentity::Present(device) => Some(device),
            DeviceIdentity::Absent | DeviceIdentity::Invalid => None,
        },
        device_of,
        observation,
        failure,
        policy,
    }
}
