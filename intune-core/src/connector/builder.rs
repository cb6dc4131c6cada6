use std::{collections::BTreeSet, sync::Arc, time::Duration};

use chronicle::{Sink, Source};
use clock::Clock;

use super::{
    Inner, IntuneConnector, MutationBudget, OperationsSwitch, bounded::Bounded, limits::Ledger,
    recorder::Recorder,
};
use crate::{Capability, Ceremonies, ComplianceSource, DeviceActions, DeviceDirectory, Operation};

const DEFAULT_MAX_AGE: Duration = Duration::from_secs(300);
const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);
const DEFAULT_ACTION_DEADLINE: Duration = Duration::from_secs(30);

/// Puts an [`IntuneConnector`] together.
#[derive(Debug)]
#[must_use]
pub struct IntuneConnectorBuilder {
    directory: Arc<dyn DeviceDirectory>,
    compliance: Arc<dyn ComplianceSource>,
    clock: Arc<dyn Clock>,
    chronicle: Option<(Arc<dyn Sink>, Source)>,
    actions: Option<Arc<dyn DeviceActions>>,
    ceremonies: Option<Arc<dyn Ceremonies>>,
    without_ceremony: BTreeSet<Operation>,
    tenant: Option<String>,
    mutation_budget: MutationBudget,
    switch: OperationsSwitch,
    allows_own_device: bool,
    max_age: Duration,
    deadline: Duration,
    action_deadline: Duration,
}

impl IntuneConnectorBuilder {
    pub(super) fn new(
        directory: Arc<dyn DeviceDirectory>,
        compliance: Arc<dyn ComplianceSource>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            directory,
            compliance,
            clock,
            chronicle: None,
            actions: None,
            ceremonies: None,
            without_ceremony: BTreeSet::new(),
            tenant: None,
            mutation_budget: MutationBudget::default(),
            switch: OperationsSwitch::default(),
            allows_own_device: false,
            max_age: DEFAULT_MAX_AGE,
            deadline: DEFAULT_DEADLINE,
            action_deadline: DEFAULT_ACTION_DEADLINE,
        }
    }

    /// Records every invocation in `sink`, as coming from `source`. Required.
    pub fn chronicle(mut self, sink: Arc<dyn Sink>, source: Source) -> Self {
        self.chronicle = Some((sink, source));
        self
    }

    /// Gives the connector the power to act. Without it, the four actions are refused: `operations_off`.
    pub fn actions(mut self, actions: Arc<dyn DeviceActions>) -> Self {
        self.actions = Some(actions);
        self
    }

    /// Says where approvals are had. Without it, what needs one is refused.
    pub fn ceremonies(mut self, ceremonies: Arc<dyn Ceremonies>) -> Self {
        self.ceremonies = Some(ceremonies);
        self
    }

    /// Lets this operation go without a ceremony, unless the caller's scope asks for one.
    ///
    /// Without this, every operation that takes `MUTATE` needs one.
    pub fn without_ceremony_for(mut self, operation: Operation) -> Self {
        self.without_ceremony.insert(operation);
        self
    }

    /// Says whose devices they are: an approval is for this tenant only.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Sets how many devices may be changed in a time.
    pub const fn mutation_budget(mut self, budget: MutationBudget) -> Self {
        self.mutation_budget = budget;
        self
    }

    /// Gives the connector a switch that its operator keeps.
    pub fn switch(mut self, switch: OperationsSwitch) -> Self {
        self.switch = switch;
        self
    }

    /// Lets people wipe their own device, as far as `oid` and the device of their grant tell.
    pub const fn allow_wipe_of_own_device(mut self) -> Self {
        self.allows_own_device = true;
        self
    }

    /// Sets how old an answer of `get_compliance` may be; 300 s by default. Give it what the gate has.
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Sets how long to wait for each: the devices, the ceremonies, the chronicle. 10 s by default.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets how long to wait for the answer to an action; 30 s by default. Then its outcome is unknown.
    pub const fn action_deadline(mut self, deadline: Duration) -> Self {
        self.action_deadline = deadline;
        self
    }

    /// Makes the connector.
    ///
    /// # Errors
    ///
    /// [`chronicle`](Self::chronicle) was not called: nothing is done without a record.
    pub fn build(self) -> Result<IntuneConnector, BuildConnectorError> {
        let (sink, source) = self.chronicle.ok_or(BuildConnectorError(()))?;
        let bounded = Bounded::new(Arc::clone(&self.clock), self.deadline);
        let floor = Operation::ALL.into_iter().filter(|operation| {
            operation.capability() == Capability::Mutate
                && !self.without_ceremony.contains(operation)
        });
        Ok(IntuneConnector {
            inner: Arc::new(Inner {
                floor: floor.collect(),
                tenant: self.tenant,
                ledger: Ledger::new(self.mutation_budget, Arc::clone(&self.clock)),
                switch: self.switch,
                allows_own_device: self.allows_own_device,
                recorder: Recorder::new(sink, source, bounded.clone()),
                actions: self.actions,
                action_bound: bounded.with_deadline(self.action_deadline),
                bounded,
                directory: self.directory,
                compliance: self.compliance,
                clock: self.clock,
                ceremonies: self.ceremonies,
                max_age: self.max_age,
            }),
        })
    }
}

/// Nobody said where invocations are recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("say where invocations are recorded, with `chronicle`")]
pub struct BuildConnectorError(());
