//! All that a connector is connected to, scripted, in one object that keeps the order of calls.

use std::{
    fmt,
    future::{Future, pending},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chronicle::{
    AppendError, AppendErrorKind, MemorySink, Receipt, Record, Sink, events::ConnectorInvoked,
};
use clock::ManualClock;
use futures_util::FutureExt as _;
use intune_core::{
    Acceptance, ActionOutcome, Approval, Ceremonies, CeremonyId, CeremonyRefusal, CeremonyRequest,
    ComplianceSource, Cursor, DeviceAction, DeviceActions, DeviceDirectory, DeviceQuery,
    EntraDeviceId, Finding, Freshness, InMemoryCeremonies, IntuneConnector, IntuneConnectorBuilder,
    Invalidation, InvocationId, ManagedDevice, ManagedDeviceId, MutationBudget, Observation,
    OpenCeremony, Operation, OperationsSwitch, Page, SourceFailure, Target,
};

use crate::people::{self, LAPTOP, device, rule};

/// Runs what needs no executor: time passes only because somebody asked says so.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("nothing waits for anything")
}

/// What somebody does who is asked.
#[derive(Clone, Debug)]
pub(crate) enum Does<T> {
    Answers(T),
    /// Lets time pass, and answers.
    Takes(Duration, T),
    /// Lets time pass, and never answers.
    Hangs(Duration),
    Panics,
}

pub(crate) struct Script<T>(Mutex<Does<T>>);

impl<T: Clone> Script<T> {
    fn new(answer: T) -> Self {
        Self(Mutex::new(Does::Answers(answer)))
    }

    pub(crate) fn set(&self, does: Does<T>) {
        *self.0.lock().unwrap() = does;
    }

    pub(crate) fn answer(&self, answer: T) {
        self.set(Does::Answers(answer));
    }

    async fn play(&self, clock: &ManualClock) -> T {
        let does = self.0.lock().unwrap().clone();
        match does {
            Does::Answers(answer) => answer,
            Does::Takes(time, answer) => {
                clock.advance(time);
                answer
            }
            Does::Hangs(time) => {
                clock.advance(time);
                pending().await
            }
            Does::Panics => panic!("somebody who was asked panics"),
        }
    }
}

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) memory: MemorySink,
    pub(crate) ceremonies: InMemoryCeremonies,
    pub(crate) page: Script<Result<Page<ManagedDevice>, SourceFailure>>,
    pub(crate) device: Script<Result<Option<ManagedDevice>, SourceFailure>>,
    pub(crate) compliance: Script<Result<Observation, SourceFailure>>,
    pub(crate) invalidate: Script<()>,
    pub(crate) perform: Script<ActionOutcome>,
    pub(crate) ready: Script<Result<(), SourceFailure>>,
    /// Whether the sink takes a record of this phase.
    pub(crate) intent: Script<bool>,
    pub(crate) outcome: Script<bool>,
    pub(crate) refused: Script<bool>,
    /// Before it is passed on to the ceremonies in memory, unless this is an error.
    pub(crate) open: Script<Result<(), CeremonyRefusal>>,
    pub(crate) approval: Script<Result<(), CeremonyRefusal>>,
    pub(crate) redeem: Script<Result<(), CeremonyRefusal>>,
    /// At which call an operator stops all actions.
    pub(crate) stops_at: Mutex<&'static str>,
    pub(crate) switch: OperationsSwitch,
    calls: Mutex<Vec<String>>,
    performed: Mutex<Vec<(DeviceAction, Target, InvocationId)>>,
}

impl World {
    /// One laptop, and all goes well.
    pub(crate) fn new() -> Arc<Self> {
        let clock = ManualClock::new(people::start());
        let now = clock::Clock::now(&clock);
        Arc::new(Self {
            memory: MemorySink::new(),
            ceremonies: InMemoryCeremonies::new(rule(), Arc::new(clock.clone())),
            page: Script::new(Ok(Page {
                items: vec![device(LAPTOP)],
                next: None,
            })),
            device: Script::new(Ok(Some(device(LAPTOP)))),
            compliance: Script::new(Ok(Observation::live(now, Finding::NotFound))),
            invalidate: Script::new(()),
            perform: Script::new(ActionOutcome::Accepted(Acceptance::new(
                Some(204),
                Some("request-1"),
            ))),
            ready: Script::new(Ok(())),
            intent: Script::new(true),
            outcome: Script::new(true),
            refused: Script::new(true),
            open: Script::new(Ok(())),
            approval: Script::new(Ok(())),
            redeem: Script::new(Ok(())),
            stops_at: Mutex::default(),
            switch: OperationsSwitch::new(),
            calls: Mutex::default(),
            performed: Mutex::default(),
            clock,
        })
    }

    pub(crate) fn builder(self: &Arc<Self>) -> IntuneConnectorBuilder {
        let clock = Arc::new(self.clock.clone());
        IntuneConnector::builder(Arc::clone(self) as _, Arc::clone(self) as _, clock)
            .chronicle(Arc::clone(self) as _, "urn:test".parse().unwrap())
            .actions(Arc::clone(self) as _)
            .ceremonies(Arc::clone(self) as _)
            .switch(self.switch.clone())
    }

    pub(crate) fn connector(self: &Arc<Self>) -> IntuneConnector {
        self.builder().build().unwrap()
    }

    /// Makes a connector that needs a ceremony only where the caller's scope asks for one.
    pub(crate) fn without_floor(self: &Arc<Self>) -> IntuneConnectorBuilder {
        Operation::ALL
            .into_iter()
            .fold(self.builder(), IntuneConnectorBuilder::without_ceremony_for)
    }

    /// Such a connector, which has plenty to spend.
    pub(crate) fn lenient(self: &Arc<Self>) -> IntuneConnector {
        let builder = self.without_floor();
        let plenty = MutationBudget::new(1_000, 1_000, std::time::Duration::from_secs(1));
        builder.mutation_budget(plenty).build().unwrap()
    }

    /// What was called since this was asked last. A call to the sink is named after the record's phase.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    /// What the service was asked to do.
    pub(crate) fn performed(&self) -> Vec<(DeviceAction, Target, InvocationId)> {
        self.performed.lock().unwrap().clone()
    }

    /// What is on record, once its chain is verified.
    pub(crate) fn records(&self) -> Vec<ConnectorInvoked> {
        let stored = self.memory.records();
        let verified = chronicle::verify(self.memory.to_jsonl().as_slice()).unwrap();
        assert_eq!(verified.records, u64::try_from(stored.len()).unwrap());
        stored.iter().map(|stored| read(stored.record())).collect()
    }

    pub(crate) fn only_record(&self) -> ConnectorInvoked {
        let [record] = <[_; 1]>::try_from(self.records()).unwrap();
        record
    }

    fn called(&self, name: &str) {
        if *self.stops_at.lock().unwrap() == name {
            self.switch.stop();
        }
        self.calls.lock().unwrap().push(name.to_owned());
    }
}

fn read(record: &Record) -> ConnectorInvoked {
    assert_eq!(record.event_type().name(), "CONNECTOR_INVOKED");
    serde_json::from_str(record.data().get()).unwrap()
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

#[async_trait]
impl DeviceDirectory for World {
    async fn page(
        &self,
        _: &DeviceQuery,
        _: Option<Cursor>,
    ) -> Result<Page<ManagedDevice>, SourceFailure> {
        self.called("page");
        self.page.play(&self.clock).await
    }

    async fn device(&self, _: ManagedDeviceId) -> Result<Option<ManagedDevice>, SourceFailure> {
        self.called("device");
        self.device.play(&self.clock).await
    }

    async fn records(&self, _: EntraDeviceId) -> Result<Vec<ManagedDevice>, SourceFailure> {
        panic!("the connector has no use for this")
    }
}

#[async_trait]
impl ComplianceSource for World {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        _: Freshness,
    ) -> Result<Observation, SourceFailure> {
        self.called("compliance");
        self.compliance.play(&self.clock).await
    }

    fn invalidate(&self, what: Invalidation) {
        self.called(&format!("{what:?}"));
        run(self.invalidate.play(&self.clock));
    }
}

#[async_trait]
impl DeviceActions for World {
    async fn ready(&self, _: &DeviceAction) -> Result<(), SourceFailure> {
        self.called("ready");
        self.ready.play(&self.clock).await
    }

    async fn perform(
        &self,
        action: &DeviceAction,
        target: &Target,
        id: InvocationId,
    ) -> ActionOutcome {
        self.called("perform");
        let asked = (action.clone(), target.clone(), id);
        self.performed.lock().unwrap().push(asked);
        self.perform.play(&self.clock).await
    }
}

#[async_trait]
impl Ceremonies for World {
    async fn open(&self, request: &CeremonyRequest) -> Result<OpenCeremony, CeremonyRefusal> {
        self.called("open");
        self.open.play(&self.clock).await?;
        self.ceremonies.open(request).await
    }

    async fn approval(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
    ) -> Result<Approval, CeremonyRefusal> {
        self.called("approval");
        self.approval.play(&self.clock).await?;
        self.ceremonies.approval(id, request).await
    }

    async fn redeem(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
    ) -> Result<Approval, CeremonyRefusal> {
        self.called("redeem");
        self.redeem.play(&self.clock).await?;
        self.ceremonies.redeem(id, request).await
    }
}

#[async_trait]
impl Sink for World {
    async fn append(&self, record: Record) -> Result<Receipt, AppendError> {
        let phase = read(&record).phase;
        self.called(&phase);
        let script = match &*phase {
            "intent" => &self.intent,
            "outcome" => &self.outcome,
            "refused" => &self.refused,
            other => panic!("there is no phase {other}"),
        };
        if script.play(&self.clock).await {
            self.memory.append(record).await
        } else {
            Err(AppendError::new(AppendErrorKind::Unavailable))
        }
    }
}
