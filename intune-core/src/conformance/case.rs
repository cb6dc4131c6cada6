//! One implementation under test, fresh, and the people around it.

use std::{fmt::Debug, num::NonZeroU8, str::FromStr, sync::Arc, time::Duration};

use clock::{Clock as _, ManualClock, Timestamp};

use super::{CeremonyFixture, CeremonySettings, KeepsCeremonies};
use crate::{
    Approval, ApprovalRule, Approver, CeremonyId, CeremonyRefusal, CeremonyRequest, DecideError,
    DelegationScope, DeviceAction, InvocationContext, ManagementState, OpenCeremony,
    PendingCeremony, People, Principal, Target, WipeOptions,
};

pub(super) const ISSUER: &str = "https://login.example/t1/v2.0";
pub(super) const ROLE: &str = "device-approver";
pub(super) const LIFETIME: Duration = Duration::from_secs(600);

/// Megan has a second account, `megan-admin`, and Adele one, `adele-admin`, of which only the host knows.
#[derive(Debug)]
struct TwoAccounts;

impl People for TwoAccounts {
    fn are_same(&self, one: &Principal, other: &Principal) -> bool {
        fn person(principal: &Principal) -> (&str, &str) {
            let subject = principal.subject();
            let subject = subject.strip_suffix("-admin").unwrap_or(subject);
            (principal.issuer(), subject)
        }
        person(one) == person(other) || one.is_same_person(other)
    }
}

pub(super) struct Case {
    pub(super) kept: Arc<dyn KeepsCeremonies>,
    pub(super) clock: ManualClock,
}

impl Case {
    /// Where so many must approve.
    pub(super) async fn new(fixture: &dyn CeremonyFixture, approvals: u8) -> Self {
        let clock = ManualClock::new(start());
        let needed = NonZeroU8::new(approvals).unwrap_or(NonZeroU8::MIN);
        let settings = CeremonySettings {
            rule: ApprovalRule::new(ISSUER, ROLE).approvals(needed),
            people: Arc::new(TwoAccounts),
            lifetime: LIFETIME,
            clock: Arc::new(clock.clone()),
        };
        Self {
            kept: fixture.fresh(settings).await,
            clock,
        }
    }

    pub(super) async fn open(&self, request: &CeremonyRequest) -> OpenCeremony {
        must(self.kept.open(request).await, "a ceremony can be opened")
    }

    /// Opens one that a person approves.
    pub(super) async fn approved(&self, request: &CeremonyRequest) -> CeremonyId {
        let id = self.open(request).await.id;
        self.approve(id, "megan").await;
        id
    }

    pub(super) async fn approve(&self, id: CeremonyId, subject: &str) -> PendingCeremony {
        let approved = self.kept.approve(id, &self.person(subject), "").await;
        must(approved, "somebody whom the rule admits can approve")
    }

    pub(super) async fn deny(&self, id: CeremonyId, subject: &str) -> PendingCeremony {
        let denied = self.kept.deny(id, &self.person(subject), "").await;
        must(denied, "somebody whom the rule admits can deny")
    }

    pub(super) async fn pending(&self) -> Vec<PendingCeremony> {
        must(self.kept.pending().await, "what waits can be listed")
    }

    /// Somebody with the role, who has just signed in.
    pub(super) fn person(&self, subject: &str) -> Approver {
        Approver::new(principal(subject), self.clock.now().wall).role(ROLE)
    }

    /// Neither looking nor redeeming succeeds, and both say why in the same way.
    pub(super) async fn assert_refused(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
        refusal: CeremonyRefusal,
        when: &str,
    ) {
        let looked = self.kept.approval(id, request).await;
        assert_eq!(looked, Err(refusal), "`approval`, {when}");
        let redeemed = self.kept.redeem(id, request).await;
        assert_eq!(redeemed, Err(refusal), "`redeem`, {when}");
    }

    /// It can be used for this now, and then never again.
    pub(super) async fn assert_used_once(&self, id: CeremonyId, request: &CeremonyRequest) {
        for _ in 0..2 {
            let looked = self.kept.approval(id, request).await;
            must(looked, "looking at an approval consumes nothing");
        }
        let approval: Approval = must(
            self.kept.redeem(id, request).await,
            "an approval of exactly this can be redeemed",
        );
        assert_eq!(approval.id, id, "an approval says of which ceremony it is");
        let used = CeremonyRefusal::Consumed;
        self.assert_refused(id, request, used, "once it was redeemed")
            .await;
    }

    /// Nobody can decide about it any more.
    pub(super) async fn assert_undecidable(&self, id: CeremonyId, error: DecideError, when: &str) {
        for subject in ["megan", "lynne"] {
            let person = self.person(subject);
            let approved = self.kept.approve(id, &person, "").await;
            assert_eq!(approved, Err(error), "`approve`, {when}");
            let denied = self.kept.deny(id, &person, "").await;
            assert_eq!(denied, Err(error), "`deny`, {when}");
        }
    }
}

pub(super) fn start() -> Timestamp {
    parsed("2026-11-23T06:00:00Z")
}

pub(super) fn principal(subject: &str) -> Principal {
    Principal::new(ISSUER, subject)
}

/// Adele, through an agent, wants to wipe a laptop.
pub(super) fn wipe() -> CeremonyRequest {
    let requester = principal("adele")
        .with_delegate("agent-7")
        .with_object_id(parsed("55555555-4444-4555-8666-777777777777"));
    request(requester, &DeviceAction::Wipe(WipeOptions::new()), 1)
}

/// This action on one of many devices.
pub(super) fn request(requester: Principal, action: &DeviceAction, device: u32) -> CeremonyRequest {
    let target = Target {
        managed_device_id: parsed(&format!("11111111-2222-4333-8444-{device:012x}")),
        entra_device_id: Some(parsed("33333333-4444-4555-8666-777777777777")),
        device_name: Some("ADELE-LAPTOP".to_owned()),
        serial_number: Some("5CG1234XYZ".to_owned()),
        user_id: Some(parsed("66666666-4444-4555-8666-777777777777")),
        management_state: ManagementState::Managed,
    };
    let scope = DelegationScope::until(start().saturating_add(LIFETIME * 100));
    let context = InvocationContext::new(requester, scope).authorized_by(
        parsed("infrastructure-operations"),
        parsed("0199b3a4-6f0e-7c61"),
    );
    CeremonyRequest::new(&context, action, &target, Some("t1"))
}

pub(super) fn parsed<T: FromStr<Err: Debug>>(text: &str) -> T {
    must(text.parse(), text)
}

/// What must have succeeded.
#[expect(clippy::panic, reason = "a suite says by a panic what is broken")]
pub(super) fn must<T, E: Debug>(answer: Result<T, E>, what: &str) -> T {
    match answer {
        Ok(answer) => answer,
        Err(error) => panic!("{what}: {error:?}"),
    }
}
