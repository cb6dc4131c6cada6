//! The record of a decision, and what becomes of a decision that can't be recorded.

use std::ops::ControlFlow;

use super::{GateRequest, Inner};
use crate::{
    BreakGlass, Decision, OnAuditFailure, Outcome, Reason,
    decide::earlier,
    decision::Said,
    policy::Held,
    record::{Recorder, in_time},
};

impl Inner {
    /// Goes on with a decision only if its record is not for the buffer, but to be waited for.
    #[inline(never)]
    pub(super) fn buffered(
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

    /// Records a decision, or turns it into the deny that a missing record asks for.
    pub(super) async fn record(
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
pub(super) fn leaves_event(said: &Said, policy: &Held) -> bool {
    let checked = !matches!(said.reason, Reason::NotEnabled | Reason::NotRequired);
    checked || policy.is_loosened()
}
