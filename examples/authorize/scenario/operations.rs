//! Operations on devices, within what an Authorization Context gives: with and without a ceremony.

use std::time::Duration;

use clock::{Clock as _, SystemClock};
use intune_core::{
    Capability, CeremonyId, DelegationScope, DeviceQuery, InMemoryCeremonies, IntuneConnector,
    InvocationContext, Invoked, Operation, OperationError, OperationErrorKind, Principal, Served,
    WipeOptions,
};
use intune_sim::{Fault, FaultKind, Route, Sim};

use super::{
    cast,
    walk::{Issued, Walk},
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const TEMPLATE: &str = "device-management";

/// What was asked of the connector, and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) operation: Operation,
    pub(super) what: &'static str,
    pub(super) result: String,
    pub(super) expected: &'static str,
}

impl Step {
    pub(super) fn is_as_expected(&self) -> bool {
        self.result == self.expected
    }
}

/// Adele's agent at the connector, and the ceremonies that Megan decides.
pub(super) struct Desk {
    connector: IntuneConnector,
    ceremonies: InMemoryCeremonies,
    steps: Vec<Step>,
}

impl Desk {
    pub(super) fn new(connector: IntuneConnector, ceremonies: InMemoryCeremonies) -> Self {
        Self {
            connector,
            ceremonies,
            steps: Vec::new(),
        }
    }

    /// Goes through the seven operations, under Authorization Contexts that `host` issues.
    pub(super) async fn work(mut self, host: &mut Walk, sim: &Sim) -> Result<Vec<Step>, Failure> {
        self.read(host, sim).await?;
        self.lock(host, sim).await?;
        self.retire_and_wipe(host, sim).await?;
        Ok(self.steps)
    }

    async fn read(&mut self, host: &mut Walk, sim: &Sim) -> Result<(), Failure> {
        let laptop = cast::device(sim, "LAPTOP-07", "compliant");
        let case = ("13", "an AC to look at devices with");
        let token = sim.mint(cast::on(&laptop));
        let ac = host.issue(case, TEMPLATE, token).await?;
        let reader = ac.within(&[Capability::Read]);

        let desk = self.connector.clone();

        let page = desk.list_devices(&reader, &DeviceQuery::new(), None).await;
        self.seen(Operation::ListDevices, "a page of all", &page, "succeeded");
        let device = desk.get_device(&reader, laptop.id().parse()?).await;
        self.seen(
            Operation::GetDevice,
            "one, by Intune's id",
            &device,
            "succeeded",
        );
        let id = laptop.entra_device_id().parse()?;
        let seen = desk.get_compliance(&reader, id).await;
        let what = "the device of the AC";
        self.seen(Operation::GetCompliance, what, &seen, "succeeded");
        if !seen.is_ok_and(|seen| seen.served == Served::Cache) {
            return Err("the connector asked again for what the gate knew".into());
        }
        let over = desk.get_compliance(&ac.expired(), id).await;
        let what = "when the scope is over";
        self.seen(Operation::GetCompliance, what, &over, "scope_expired");
        Ok(())
    }

    async fn lock(&mut self, host: &mut Walk, sim: &Sim) -> Result<(), Failure> {
        let laptop = cast::device(sim, "LAPTOP-08", "compliant");
        let case = ("13", "an AC to act on devices with");
        let token = sim.mint(cast::on(&laptop));
        let ac = host.issue(case, TEMPLATE, token).await?;
        let proposer = ac.within(&[Capability::Read, Capability::Propose]);
        let operator = ac.within(&Capability::ALL);
        let device = laptop.id().parse()?;
        let desk = self.connector.clone();

        let synced = desk.sync_device(&proposer, device, None).await;
        self.done(
            Operation::SyncDevice,
            "no ceremony needed",
            &synced,
            "accepted",
        );
        let refused = desk.remote_lock(&proposer, device, None).await;
        self.done(
            Operation::RemoteLock,
            "without MUTATE",
            &refused,
            "capability_missing",
        );
        let asked = desk.remote_lock(&operator, device, None).await;
        self.done(
            Operation::RemoteLock,
            "the first try",
            &asked,
            "ceremony_required",
        );
        let id = opened(&asked)?;
        let early = desk.remote_lock(&operator, device, Some(id)).await;
        self.done(
            Operation::RemoteLock,
            "nobody has approved",
            &early,
            "ceremony_pending",
        );
        if self.ceremonies.approve(id, &ac.requester()).is_ok() {
            return Err("a requester approved their own ceremony".into());
        }
        let early = desk.remote_lock(&operator, device, Some(id)).await;
        self.done(
            Operation::RemoteLock,
            "Adele tried to approve",
            &early,
            "ceremony_pending",
        );
        self.ceremonies.approve(id, &ac.colleague())?;
        let locked = desk.remote_lock(&operator, device, Some(id)).await;
        self.done(
            Operation::RemoteLock,
            "Megan has approved",
            &locked,
            "accepted",
        );
        let again = desk.remote_lock(&operator, device, Some(id)).await;
        self.done(
            Operation::RemoteLock,
            "with the same approval",
            &again,
            "ceremony_consumed",
        );
        Ok(())
    }

    async fn retire_and_wipe(&mut self, host: &mut Walk, sim: &Sim) -> Result<(), Failure> {
        let phone = cast::device(sim, "PHONE-14", "compliant");
        let tablet = cast::device(sim, "TABLET-09", "compliant");
        let case = ("13", "an AC from a device that will be wiped");
        let ac = host
            .issue(case, TEMPLATE, sim.mint(cast::on(&phone)))
            .await?;
        let operator = ac.within(&Capability::ALL);
        let desk = self.connector.clone();

        let asked = desk
            .retire_device(&operator, tablet.id().parse()?, None)
            .await;
        self.done(
            Operation::RetireDevice,
            "the first try",
            &asked,
            "ceremony_required",
        );
        let id = opened(&asked)?;
        self.ceremonies.deny(id, &ac.colleague())?;
        let denied = desk
            .retire_device(&operator, tablet.id().parse()?, Some(id))
            .await;
        self.done(
            Operation::RetireDevice,
            "Megan said no",
            &denied,
            "ceremony_denied",
        );

        let device = phone.id().parse()?;
        let all = WipeOptions::new();
        let asked = desk.wipe_device(&operator, device, all.clone(), None).await;
        self.done(
            Operation::WipeDevice,
            "the first try",
            &asked,
            "ceremony_required",
        );
        let id = opened(&asked)?;
        self.ceremonies.approve(id, &ac.colleague())?;
        let kept = WipeOptions::new().keep_user_data(true);
        let other = desk.wipe_device(&operator, device, kept, Some(id)).await;
        self.done(
            Operation::WipeDevice,
            "with other parameters",
            &other,
            "ceremony_for_other_parameters",
        );
        sim.inject(Fault::new(
            Route::Wipe,
            FaultKind::effect_then(FaultKind::CutConnection),
        ));
        let lost = desk.wipe_device(&operator, device, all, Some(id)).await;
        self.done(
            Operation::WipeDevice,
            "it is done, the answer is lost",
            &lost,
            "unknown",
        );

        let wiped = sim
            .actions()
            .iter()
            .filter(|action| action.device == phone.id())
            .count();
        if wiped != 1 {
            return Err(format!("the wipe was sent {wiped} times").into());
        }
        let case = ("9", "the same device, and not from the cache");
        let token = Some(sim.mint(cast::on(&phone)));
        let expected = (403, "device_being_removed", "live");
        host.ask(case, TEMPLATE, token, expected).await
    }

    fn seen<T>(
        &mut self,
        operation: Operation,
        what: &'static str,
        read: &Result<T, OperationError>,
        expected: &'static str,
    ) {
        let result = match read {
            Ok(_) => "succeeded",
            Err(error) => error.kind().as_str(),
        };
        self.step(operation, what, result, expected);
    }

    fn done(
        &mut self,
        operation: Operation,
        what: &'static str,
        invoked: &Result<Invoked, OperationError>,
        expected: &'static str,
    ) {
        let result = match invoked {
            Ok(invoked) => invoked.outcome.as_str(),
            Err(error) => error.kind().as_str(),
        };
        self.step(operation, what, result, expected);
    }

    fn step(
        &mut self,
        operation: Operation,
        what: &'static str,
        result: &str,
        expected: &'static str,
    ) {
        self.steps.push(Step {
            operation,
            what,
            result: result.to_owned(),
            expected,
        });
    }
}

/// The ceremony that a first try opened.
fn opened(asked: &Result<Invoked, OperationError>) -> Result<CeremonyId, Failure> {
    match asked.as_ref().map_err(OperationError::kind) {
        Err(OperationErrorKind::CeremonyRequired(open)) => Ok(open.id),
        other => Err(format!("no ceremony was opened: {other:?}").into()),
    }
}

impl Issued {
    /// Adele's agent, under this Authorization Context, with these capabilities.
    fn within(&self, capabilities: &[Capability]) -> InvocationContext {
        let none = DelegationScope::until(self.expires_at);
        let scope = capabilities
            .iter()
            .copied()
            .fold(none, DelegationScope::capability);
        let agent = self.requester().with_delegate("agent-7");
        InvocationContext::new(agent, scope).authorized_by(self.template.clone(), self.id.clone())
    }

    /// The same, when its time is over.
    fn expired(&self) -> InvocationContext {
        let now = SystemClock::new().now().wall;
        let over = now.saturating_sub(Duration::from_secs(1));
        let scope = DelegationScope::until(over).capability(Capability::Read);
        InvocationContext::new(self.requester(), scope)
            .authorized_by(self.template.clone(), self.id.clone())
    }

    fn requester(&self) -> Principal {
        Principal::new(self.issuer.as_str(), self.subject.as_str())
    }

    /// Somebody else whom the same issuer vouches for.
    fn colleague(&self) -> Principal {
        Principal::new(self.issuer.as_str(), "megan")
    }
}
