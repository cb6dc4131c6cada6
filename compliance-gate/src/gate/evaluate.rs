//! From a request to a decision, at once where that is possible.

use std::{
    future::{Future, poll_fn},
    ops::ControlFlow,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use intune_core::{EntraDeviceId, Freshness, Observation, SourceFailure};

use super::{Gate, GateRequest, Inner, recorded::leaves_event};
use crate::{
    Decision, DecisionId, DeviceIdentity, DeviceOf, Outcome, Reason,
    counters::Asked,
    decide::{by_absence, by_failure, by_invalidity, by_observation, by_policy},
    decision::Said,
    policy::Held,
    record::Recorder,
};

impl Gate {
    /// Decides. Everything that goes wrong on the way is a deny with its own reason, never an error.
    ///
    /// One policy decides it all, also if another takes force meanwhile. Nothing happens until the future is polled; after it is ready, it
    /// is not to be polled again.
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
    /// The one that said how fresh an answer is to be.
    policy: Held,
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
                        policy: policy.hold_longer(),
                        device,
                        device_of: judged.1,
                        freshness,
                    };
                    policies.put_back_late();
                    return rest
                        .insert(self.after_look_up(request, miss))
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
    fn after_look_up<'a>(&'a self, request: &'a GateRequest<'a>, miss: Miss) -> Rest<'a> {
        Box::pin(async move {
            let decision = self.ask(request, miss).await;
            // What a device was asked about for always leaves an event.
            let decision = match &self.recorder {
                Some(recorder) => match self.buffered(recorder, request, decision) {
                    ControlFlow::Break(decision) => decision,
                    ControlFlow::Continue(decision) => {
                        self.record(recorder, request, decision).await
                    }
                },
                None => decision,
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
    async fn ask(&self, request: &GateRequest<'_>, miss: Miss) -> Decision {
        let Miss {
            policy,
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
