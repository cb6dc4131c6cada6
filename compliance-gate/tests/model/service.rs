//! The service as the cache sees it: look-ups that take their time, and a device whose state changes.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex as Ghost,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use clock::Timestamp;
use intune_core::{
    ComplianceSource, ComplianceState, DeviceCompliance, EntraDeviceId, Finding, Freshness,
    Invalidation, ManagedDeviceId, Observation, SourceFailure, SourceFailureKind,
};
use shuttle::{
    rand::{Rng as _, thread_rng},
    sync::{Mutex, atomic::AtomicBool},
    thread,
};

pub(crate) fn device() -> EntraDeviceId {
    "33333333-4444-4555-8666-000000000001".parse().unwrap()
}

pub(crate) fn managed_device() -> ManagedDeviceId {
    "11111111-2222-4333-8444-555555555555".parse().unwrap()
}

/// Of the device, by one of its ids or with all others.
pub(crate) fn any_invalidation() -> Invalidation {
    let any = [
        Invalidation::Device(device()),
        Invalidation::ManagedDevice(managed_device()),
        Invalidation::All,
    ];
    any[thread_rng().gen_range(0..any.len())]
}

/// How look-ups end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    Answer,
    Fail,
    Panic,
    Never,
    /// The first with an answer, all others with a failure.
    AnswerThenFail,
    /// With an answer or a failure.
    Either,
    /// In any way but never.
    Anything,
}

/// Its own records are `std`'s: keeping them is no point at which others get their turn.
#[derive(Debug)]
pub(crate) struct Service {
    plan: Plan,
    /// How often the device's state has changed.
    version: AtomicUsize,
    look_ups: Ghost<Vec<LookUp>>,
    /// What each look-up found.
    found: Ghost<Vec<usize>>,
    under_way: AtomicUsize,
    most_at_once: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LookUp {
    UnderWay,
    Answered,
    Failed,
}

impl Service {
    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        Arc::new(Self {
            plan,
            version: AtomicUsize::new(0),
            look_ups: Ghost::default(),
            found: Ghost::default(),
            under_way: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
        })
    }

    pub(crate) fn change(&self) -> usize {
        self.version.fetch_add(1, SeqCst) + 1
    }

    /// How many look-ups have begun. They are numbered in that order.
    pub(crate) fn begun(&self) -> usize {
        self.look_ups.lock().unwrap().len()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.most_at_once.load(SeqCst)
    }

    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(SeqCst)
    }

    /// The number of the look-up with an answer that began last.
    pub(crate) fn last_answered(&self) -> Option<usize> {
        let look_ups = self.look_ups.lock().unwrap();
        look_ups.iter().rposition(|&it| it == LookUp::Answered)
    }

    /// Whether all of it is of one look-up.
    pub(crate) fn assert_is_whole(&self, observation: &Observation) {
        let found = self.found.lock().unwrap()[number(observation)];
        assert_eq!(version(observation), found, "it is torn");
    }

    fn begin(&self) -> Begun<'_> {
        let mut look_ups = self.look_ups.lock().unwrap();
        look_ups.push(LookUp::UnderWay);
        let under_way = self.under_way.fetch_add(1, SeqCst) + 1;
        self.most_at_once.fetch_max(under_way, SeqCst);
        let version = self.version.load(SeqCst);
        self.found.lock().unwrap().push(version);
        Begun {
            service: self,
            number: look_ups.len() - 1,
            version,
        }
    }
}

struct Begun<'a> {
    service: &'a Service,
    number: usize,
    version: usize,
}

impl Begun<'_> {
    fn end(self, how: LookUp) {
        self.service.look_ups.lock().unwrap()[self.number] = how;
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.service.under_way.fetch_sub(1, SeqCst);
    }
}

#[async_trait]
impl ComplianceSource for Service {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        let begun = self.begin();
        let number = begun.number;
        let plan = match self.plan {
            Plan::AnswerThenFail if number == 0 => Plan::Answer,
            Plan::AnswerThenFail => Plan::Fail,
            Plan::Either => [Plan::Answer, Plan::Fail][thread_rng().gen_range(0..2)],
            Plan::Anything => {
                [Plan::Answer, Plan::Answer, Plan::Fail, Plan::Panic][thread_rng().gen_range(0..4)]
            }
            plan => plan,
        };
        if plan == Plan::Never {
            std::future::pending::<()>().await;
        }
        for _ in 0..thread_rng().gen_range(0..3) {
            RoundTrip::begin().await;
        }
        match plan {
            Plan::Answer => {
                let observation = observation(freshness, number, begun.version);
                begun.end(LookUp::Answered);
                Ok(observation)
            }
            Plan::Panic => {
                begun.end(LookUp::Failed);
                // Without the panic hook, by which shuttle would take it for the end of the test.
                std::panic::resume_unwind(Box::new("a bug in a source"))
            }
            _ => {
                begun.end(LookUp::Failed);
                let failure = SourceFailure::new(SourceFailureKind::Unavailable);
                Err(failure.with_status(u16::try_from(number).unwrap()))
            }
        }
    }
}

/// Two of a device's dates say which look-up found it, and in what version.
fn observation(freshness: Freshness, number: usize, version: usize) -> Observation {
    let date = |n: usize| Some(Timestamp::from_unix_millis(n.try_into().unwrap()));
    let found = DeviceCompliance {
        managed_device_id: managed_device(),
        user_id: None,
        state: ComplianceState::Compliant,
        grace_expires_at: date(number),
        last_check_in: date(version),
        being_removed: false,
        records: 1,
    };
    Observation::live(freshness.now, Finding::Device(found))
}

pub(crate) fn number(observation: &Observation) -> usize {
    count(found(observation).grace_expires_at)
}

pub(crate) fn version(observation: &Observation) -> usize {
    count(found(observation).last_check_in)
}

fn found(observation: &Observation) -> DeviceCompliance {
    match observation.finding {
        Finding::Device(found) => found,
        other => panic!("not an observation of this service: {other:?}"),
    }
}

fn count(date: Option<Timestamp>) -> usize {
    date.unwrap().unix_millis().try_into().unwrap()
}

/// Waits for another thread, as for the network.
pub(crate) struct RoundTrip(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_over: bool,
    waker: Option<Waker>,
}

impl RoundTrip {
    pub(crate) fn begin() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let other_end = Arc::clone(&state);
        thread::spawn(move || {
            let mut state = other_end.lock().unwrap();
            state.is_over = true;
            let waker = state.waker.take();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        Self(state)
    }
}

impl Future for RoundTrip {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if state.is_over {
            return Poll::Ready(());
        }
        state.waker = Some(context.waker().clone());
        drop(state);
        others_turn();
        Poll::Pending
    }
}

/// Lets the scheduler choose who goes on.
pub(crate) fn others_turn() {
    AtomicBool::new(false).load(SeqCst);
}

/// A device that is there until it leaves.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    pub(crate) has_left: std::sync::atomic::AtomicBool,
    /// Whether the cache has been told.
    pub(crate) is_known: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl ComplianceSource for Leaving {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        let has_left = self.has_left.load(SeqCst);
        RoundTrip::begin().await;
        Ok(match has_left {
            true => Observation::live(freshness.now, Finding::NotFound),
            false => observation(freshness, 0, 0),
        })
    }
}
