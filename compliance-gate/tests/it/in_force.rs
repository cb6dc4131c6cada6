//! A decision is by the policy in force of its own gate, whatever the thread decided before, and whoever else is at work.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    cell::RefCell,
    fmt,
    sync::{Arc, Mutex, mpsc},
    task::{Context, Poll, Waker},
    thread,
};

use crate::common::{Scripted, ask, clock, entra_id, found, principal, template};
use async_trait::async_trait;
use chronicle::MemorySink;
use clock::Clock as _;
use compliance_gate::{
    CachedCompliance, Decision, DeviceIdentity, Gate, GateRequest, Mode, Outcome, Policies,
    PolicyLayer, Reason, ReloadOrigin,
};
use futures_executor::block_on;
use futures_util::FutureExt as _;
use intune_core::{
    ComplianceSource, ComplianceState, EntraDeviceId, Finding, Freshness, Observation,
    SourceFailure,
};

const ORIGIN: ReloadOrigin<'_> = ReloadOrigin {
    source: "test",
    requested_by: "test",
};

fn policies(layer: PolicyLayer) -> Policies {
    Policies::builder().global(layer).build().unwrap()
}

fn required() -> PolicyLayer {
    PolicyLayer::new().required(true)
}

/// Denies whoever has no device.
fn strict() -> Policies {
    policies(required().strict(true))
}

/// Lets whoever has no device in.
fn lenient() -> Policies {
    policies(required().strict(false))
}

fn gate_of(policies: Policies, source: Arc<dyn ComplianceSource>) -> Gate {
    let gate = Gate::builder(policies, source, Arc::new(clock()));
    gate.unrecorded().build().unwrap()
}

fn gate(policies: Policies) -> Gate {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant)));
    gate_of(policies, source.shared())
}

fn reload(gate: &Gate, policies: Policies) {
    assert!(
        block_on(gate.reload(policies, ORIGIN))
            .unwrap()
            .is_changed()
    );
}

fn reload_elsewhere(gate: &Gate, policies: Policies) {
    thread::scope(|scope| scope.spawn(|| reload(gate, policies)).join().unwrap());
}

/// A decision about nobody's device, which is by the policy in force.
fn decide(gate: &Gate) -> Decision {
    let decision = ask(gate, "read-only", DeviceIdentity::Absent);
    // Without a runtime or what else may be gone when a thread ends.
    let decision = decision.now_or_never().unwrap();
    let in_force = gate.policies();
    let in_force = in_force.for_template(&template());
    assert_eq!(decision.policy().digest(), in_force.digest());
    assert_eq!(decision.is_allow(), !in_force.policy().strict);
    decision
}

#[test]
fn gates_that_share_a_thread_decide_by_their_own_policies() {
    let (one, other) = (gate(strict()), gate(lenient()));
    for _ in 0..3 {
        assert!(!decide(&one).is_allow());
        assert!(decide(&other).is_allow());
    }
    reload_elsewhere(&one, lenient());
    reload_elsewhere(&other, strict());
    for _ in 0..3 {
        assert!(decide(&one).is_allow());
        assert!(!decide(&other).is_allow());
    }
}

#[test]
fn a_gate_takes_a_thread_over_and_is_reloaded_there() {
    for round in 0..4 {
        let gate = match round % 2 {
            0 => gate(strict()),
            _ => gate(lenient()),
        };
        assert_eq!(decide(&gate).is_allow(), round % 2 == 1);
        reload_elsewhere(&gate, if round % 2 == 0 { lenient() } else { strict() });
        assert_eq!(decide(&gate).is_allow(), round % 2 == 0);
        // A clone that is dropped elsewhere doesn't end it.
        let clone = gate.clone();
        thread::spawn(move || drop(clone)).join().unwrap();
        reload(
            &gate,
            policies(required().strict(true).mode(Mode::ReportOnly)),
        );
        assert_eq!(
            block_on(ask(&gate, "read-only", DeviceIdentity::Absent)).would(),
            Some(Outcome::Deny)
        );
    }
}

#[test]
fn threads_that_decided_before_see_a_reload_at_once() {
    let gate = gate(strict());
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (turns, turn) = mpsc::channel::<bool>();
                let (done, is_done) = mpsc::channel();
                let gate = &gate;
                scope.spawn(move || {
                    for allows in turn {
                        assert_eq!(decide(gate).is_allow(), allows);
                        done.send(()).unwrap();
                    }
                });
                (turns, is_done)
            })
            .collect();
        for round in 0..20 {
            for (turns, is_done) in &threads {
                turns.send(round % 2 == 1).unwrap();
                is_done.recv().unwrap();
            }
            reload(&gate, if round % 2 == 0 { lenient() } else { strict() });
        }
    });
}

type Hook = Box<dyn FnOnce() + Send>;

/// A source that has something done when it is looked at.
struct Hooked {
    hook: Mutex<Option<Hook>>,
    at_hand: Option<Finding>,
}

impl fmt::Debug for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooked")
    }
}

impl Hooked {
    fn new(at_hand: Option<Finding>) -> Arc<Self> {
        Arc::new(Self {
            hook: Mutex::default(),
            at_hand,
        })
    }

    fn once(&self, hook: impl FnOnce() + Send + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }
}

#[async_trait]
impl ComplianceSource for Hooked {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        let state = found(ComplianceState::Noncompliant);
        Ok(Observation::live(freshness.now, state))
    }

    fn peek(&self, _: EntraDeviceId, freshness: Freshness) -> Option<Observation> {
        let hook = self.hook.lock().unwrap().take();
        if let Some(hook) = hook {
            hook();
        }
        self.at_hand
            .map(|finding| Observation::live(freshness.now, finding))
    }
}

fn device() -> DeviceIdentity {
    DeviceIdentity::Present(entra_id(0))
}

/// Decides about a device, with `hook` in the middle of it.
fn hooked(at_hand: Option<Finding>, hook: impl FnOnce(Gate) + Send + 'static) {
    let source = Hooked::new(at_hand);
    let gate = gate_of(strict(), source.clone());
    let digest = gate
        .policies()
        .for_template(&template())
        .digest()
        .to_owned();
    for near in [true, false] {
        // Of the second round, another gate's policy is near.
        let other = gate_of(lenient(), Hooked::new(None));
        if !near {
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _ = decide(&other);
                    let there = block_on(ask(&gate, "read-only", device()));
                    assert_eq!(there.is_allow(), at_hand.is_some());
                });
            });
        }
        let decision = block_on(ask(&gate, "read-only", device()));
        assert_eq!(decision.policy().digest(), digest);
    }
    let again = gate.clone();
    source.once(move || hook(again));
    let decision = block_on(ask(&gate, "read-only", device()));
    assert_eq!(decision.policy().digest(), digest);
    assert_eq!(decision.is_allow(), at_hand.is_some());
    let _ = decide(&gate);
}

#[test]
fn a_source_may_ask_gates_while_a_gate_asks_it() {
    for at_hand in [None, Some(found(ComplianceState::Compliant))] {
        hooked(at_hand, |same| {
            assert!(!decide(&same).is_allow());
            let other = gate(lenient());
            assert!(decide(&other).is_allow());
            assert!(!decide(&same).is_allow());
            drop(other);
            assert!(decide(&gate(lenient())).is_allow());
        });
    }
}

#[test]
fn a_source_that_panics_leaves_the_policy_in_force() {
    let source = Hooked::new(Some(found(ComplianceState::Compliant)));
    let gate = gate_of(strict(), source.clone());
    let _ = decide(&gate);
    source.once(|| panic!("a bug in a source"));
    let decision = block_on(ask(&gate, "read-only", device()));
    assert_eq!(decision.reason(), Reason::Noncompliant);
    reload_elsewhere(&gate, lenient());
    assert!(decide(&gate).is_allow());
}

/// What is at hand is judged by the policy that the request began with.
#[test]
fn another_policy_that_takes_force_during_a_look_is_for_the_next() {
    let source = Hooked::new(Some(found(ComplianceState::Noncompliant)));
    let gate = gate_of(strict(), source.clone());
    let before = decide(&gate);
    let again = gate.clone();
    source.once(move || reload_elsewhere(&again, lenient()));
    let decision = block_on(ask(&gate, "read-only", device()));
    assert_eq!(decision.policy().digest(), before.policy().digest());
    assert!(decide(&gate).is_allow());
}

#[test]
fn a_request_may_go_on_in_another_thread() {
    let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
    let gate = gate_of(strict(), source.clone());
    let other = self::gate(lenient());
    let (principal, template) = (principal(), template());
    let request = GateRequest::new(&principal, &template, device());
    let mut future = Box::pin(gate.evaluate(&request));
    let waiting = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(waiting, Poll::Pending));
    assert!(decide(&other).is_allow());
    reload(&gate, lenient());
    source.release(1);
    let decision = thread::scope(|scope| {
        let there = scope.spawn(move || {
            let _ = decide(&other);
            block_on(future)
        });
        there.join().unwrap()
    });
    assert!(decision.is_allow());
    assert!(decision.policy().policy().strict);
    let counted = gate.counters();
    assert_eq!((counted.hits, counted.misses), (0, 1));
    assert_eq!(counted.of(Reason::Compliant).allowed, 1);
}

#[test]
fn a_request_that_nobody_polls_leaves_nothing() {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let sink = MemorySink::new();
    let gate = Gate::builder(strict(), source.clone(), Arc::new(clock()))
        .chronicle(Arc::new(sink.clone()), "urn:broker:test".parse().unwrap())
        .build()
        .unwrap();
    let (principal, template) = (principal(), template());
    drop(gate.evaluate(&GateRequest::new(&principal, &template, device())));
    assert_eq!(source.calls(), 0);
    assert!(sink.to_jsonl().is_empty());
    assert_eq!(gate.counters().allowed() + gate.counters().denied(), 0);
}

/// Decides once more when its thread ends.
struct Late(Gate, mpsc::Sender<(Decision, Decision)>, Option<Decision>);

impl Drop for Late {
    fn drop(&mut self) {
        let early = self.2.take().unwrap();
        self.1.send((early, decide(&self.0))).unwrap();
    }
}

thread_local! {
    static LATE: RefCell<Vec<Late>> = const { RefCell::new(Vec::new()) };
}

#[test]
fn a_thread_decides_until_its_very_end() {
    let gate = gate(strict());
    let (sender, receiver) = mpsc::channel();
    let there = gate.clone();
    // Whichever of what is the thread's own goes first.
    for is_last in [false, true] {
        let (gate, sender) = (there.clone(), sender.clone());
        thread::spawn(move || {
            let late = |early| Late(gate.clone(), sender.clone(), Some(early));
            if is_last {
                LATE.with_borrow_mut(Vec::clear);
            }
            let early = decide(&gate);
            LATE.with_borrow_mut(|all| all.push(late(early)));
            drop(decide(&gate));
        })
        .join()
        .unwrap();
    }
    drop((there, sender));
    let digest = gate
        .policies()
        .for_template(&template())
        .digest()
        .to_owned();
    drop(gate);
    let all: Vec<_> = receiver.iter().collect();
    assert_eq!(all.len(), 2);
    for (early, late) in all {
        assert_eq!(early.policy().digest(), digest);
        assert_eq!(late.policy().digest(), digest);
        assert_eq!(late.reason(), Reason::NoDeviceIdentity);
    }
}

/// Whether it was decided at once, after a look-up, or after a record: it counts once, and leaves one record.
#[test]
fn every_way_to_a_decision_counts_once() {
    let clock = clock();
    let live = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let cached = CachedCompliance::builder(live);
    let sink = MemorySink::new();
    let recorded = Gate::builder(strict(), Arc::new(cached.build()), Arc::new(clock.clone()))
        .chronicle(Arc::new(sink.clone()), "urn:broker:test".parse().unwrap())
        .build()
        .unwrap();
    let ask = |device| block_on(ask(&recorded, "read-only", device));
    let mut ids: Vec<_> = [
        (device(), Reason::Compliant),
        (device(), Reason::Compliant),
        (DeviceIdentity::Absent, Reason::NoDeviceIdentity),
        (DeviceIdentity::Invalid, Reason::InvalidDeviceIdentity),
    ]
    .map(|(device, reason)| {
        let decision = ask(device);
        assert_eq!(decision.reason(), reason);
        assert_eq!(decision.made_at(), clock.now().wall);
        decision.id().to_string()
    })
    .to_vec();
    let counted = recorded.counters();
    assert_eq!((counted.hits, counted.misses), (1, 1));
    assert_eq!((counted.allowed(), counted.denied()), (2, 2));
    let lines = String::from_utf8(sink.to_jsonl()).unwrap();
    assert_eq!(lines.lines().count(), ids.len());
    ids.retain(|id| lines.matches(id.as_str()).count() == 0);
    assert!(ids.is_empty(), "without a record: {ids:?}");
}
