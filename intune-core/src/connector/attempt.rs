//! What must hold before an action is sent, and what is done with what comes of it.

use std::sync::Arc;

use super::{
    Entry, Inner, Invoked, OperationErrorKind, limits::Reservation, reads::millis, stale::Stale,
};
use crate::{
    ActionOutcome, Approval, Capability, Ceremonies, CeremonyId, CeremonyRefusal, CeremonyRequest,
    DeviceAction, DeviceActions, InvocationContext, InvocationId, ManagedDeviceId, SourceFailure,
    Target,
};

/// An action on its way, with what is to be recorded of it.
pub(super) struct Attempt<'a> {
    pub(super) inner: &'a Inner,
    pub(super) context: &'a InvocationContext,
    pub(super) invocation: InvocationId,
    pub(super) action: &'a DeviceAction,
    pub(super) entry: Entry<'a>,
}

/// Leave to act.
pub(super) struct Ready<'a> {
    actions: &'a Arc<dyn DeviceActions>,
    target: Target,
    reservation: Option<Reservation>,
}

impl<'a> Attempt<'a> {
    /// All that must hold before anything is sent.
    pub(super) async fn prepare(
        &mut self,
        device: ManagedDeviceId,
        ceremony: Option<CeremonyId>,
    ) -> Result<Ready<'a>, OperationErrorKind> {
        let inner = self.inner;
        let operation = self.action.operation();
        // Before the device is asked for: who may do nothing learns nothing, and spends nothing.
        inner.may_act(self.context, operation)?;
        let actions = inner.actions.as_ref();
        let actions = actions.ok_or(OperationErrorKind::OperationsOff)?;
        let target = self.resolve(device).await?;
        // All this may have taken a while, here and below.
        inner.may_act(self.context, operation)?;
        let approved = self.approved(&target, ceremony).await?;
        let reservation = self.reserve()?;
        let ready = inner.bounded.wait_for(|| actions.ready(self.action)).await;
        let ready = ready.unwrap_or_else(|lost| Err(lost.into()));
        ready.map_err(OperationErrorKind::SourceFailed)?;
        inner.may_act(self.context, operation)?;
        let intent = self.entry.clone().intent();
        let recorded = inner.recorder.append(intent, inner.clock.now().wall).await;
        recorded.map_err(|_| OperationErrorKind::AuditUnavailable)?;
        // Once more, since an approval is used up for good.
        inner.may_act(self.context, operation)?;
        if let Some((ceremonies, request, id)) = approved {
            let redeemed = inner.bounded.wait_for(|| ceremonies.redeem(id, &request));
            let approval = redeemed.await.unwrap_or(Err(CeremonyRefusal::Unavailable));
            self.note(id, &request, approval)?;
            inner.may_act(self.context, operation)?;
        }
        Ok(Ready {
            actions,
            target,
            reservation,
        })
    }

    /// Sets one aside of what may be changed in a time.
    fn reserve(&self) -> Result<Option<Reservation>, OperationErrorKind> {
        if self.action.operation().capability() != Capability::Mutate {
            return Ok(None);
        }
        let principal = self.context.principal();
        let reserved = self.inner.ledger.reserve(self.invocation, principal);
        let reserved = reserved.map_err(OperationErrorKind::BudgetExhausted)?;
        Ok(Some(reserved))
    }

    async fn resolve(&mut self, id: ManagedDeviceId) -> Result<Target, OperationErrorKind> {
        let found = self.inner.bounded.wait_for(|| self.inner.device(id));
        let found = found.await.unwrap_or_else(|lost| Err(lost.into()));
        let device = found.map_err(OperationErrorKind::SourceFailed)?;
        let device = device.ok_or(OperationErrorKind::DeviceNotFound)?;
        let target = Target::of(&device);
        self.entry = self.entry.clone().target(&target);
        if self.inner.is_forbidden(self.context, self.action, &device) {
            return Err(OperationErrorKind::OwnDevice);
        }
        Ok(target)
    }

    /// The ceremony that approves this, where one is required or was brought along.
    async fn approved(
        &mut self,
        target: &Target,
        ceremony: Option<CeremonyId>,
    ) -> Result<Option<(&'a Arc<dyn Ceremonies>, CeremonyRequest, CeremonyId)>, OperationErrorKind>
    {
        let inner = self.inner;
        let operation = self.action.operation();
        let required = inner.needs_ceremony(self.context, operation);
        if !required && ceremony.is_none() {
            return Ok(None);
        }
        let refused = OperationErrorKind::CeremonyRefused;
        let ceremonies = inner.ceremonies.as_ref();
        let ceremonies = ceremonies.ok_or(refused(CeremonyRefusal::Unavailable))?;
        let request =
            CeremonyRequest::new(self.context, self.action, target, inner.tenant.as_deref());
        let Some(id) = ceremony else {
            let opened = inner.bounded.wait_for(|| ceremonies.open(&request)).await;
            let opened = opened.unwrap_or(Err(CeremonyRefusal::Unavailable));
            let opened = opened.map_err(refused)?;
            self.entry = self.entry.clone().ceremony(opened.id, &[]);
            return Err(OperationErrorKind::CeremonyRequired(opened));
        };
        let approval = inner.bounded.wait_for(|| ceremonies.approval(id, &request));
        let approval = approval.await.unwrap_or(Err(CeremonyRefusal::Unavailable));
        self.note(id, &request, approval)?;
        Ok(Some((ceremonies, request, id)))
    }

    /// Notes what is said of a ceremony, and checks that what is given as an approval is one.
    fn note(
        &mut self,
        id: CeremonyId,
        request: &CeremonyRequest,
        approval: Result<Approval, CeremonyRefusal>,
    ) -> Result<(), OperationErrorKind> {
        let approval = approval.and_then(|approval| match approval.counts_for(id, request) {
            true => Ok(approval),
            false => Err(CeremonyRefusal::Invalid),
        });
        let approvers = approval.as_ref().map(|approval| &*approval.approvers);
        let entry = self.entry.clone();
        self.entry = entry.ceremony(id, approvers.unwrap_or_default());
        approval
            .map(|_| ())
            .map_err(OperationErrorKind::CeremonyRefused)
    }

    /// Sends the request. From here on, whatever happens, it may have been received.
    pub(super) async fn carry_out(self, ready: Ready<'a>) -> Invoked {
        let Self {
            inner,
            invocation,
            action,
            entry,
            ..
        } = self;
        let Ready {
            actions,
            target,
            mut reservation,
        } = ready;
        let began = inner.clock.now();
        let mut stale = Stale {
            compliance: &inner.compliance,
            target: &target,
            is_stale: true,
        };
        if let Some(reservation) = &mut reservation {
            reservation.spend();
        }
        let perform = || actions.perform(action, &target, invocation);
        let outcome = inner.action_bound.wait_for(perform).await;
        let outcome =
            outcome.unwrap_or_else(|lost| ActionOutcome::Unknown(SourceFailure::from(lost)));
        stale.is_stale = outcome.may_take_effect();
        drop(stale);
        if let (Some(reservation), false) = (&mut reservation, outcome.may_take_effect()) {
            reservation.give_back();
        }
        let now = inner.clock.now();
        let took = millis(now.monotonic.since(began.monotonic));
        log(invocation, action, &outcome);
        let recorded = inner
            .recorder
            .append(entry.action(took, &outcome), now.wall);
        let is_outcome_recorded = recorded.await.is_ok();
        Invoked {
            invocation,
            target,
            outcome,
            is_outcome_recorded,
        }
    }
}

fn log(invocation: InvocationId, action: &DeviceAction, outcome: &ActionOutcome) {
    let operation = action.operation().as_str();
    match outcome.failure() {
        None => tracing::info!(%invocation, operation, "the service took the request"),
        Some(failure) => {
            let outcome = outcome.as_str();
            tracing::warn!(%invocation, operation, outcome, %failure, "the service did not take the request");
        }
    }
}
