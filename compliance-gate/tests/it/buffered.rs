//! Records that are written behind the decision: nothing is allowed that is neither recorded nor held, and what is
//! held is never lost.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::{
    future::{Future, pending, ready},
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use crate::common::{self, Scripted, clock, entra_id, found, wall};
use async_trait::async_trait;
use chronicle::{AppendError, AppendErrorKind, MemorySink, Receipt, Record, RecordId, Sink};
use clock::ManualClock;
use compliance_gate::{
    BreakGlass, CachedCompliance, Decision, DeviceIdentity, Gate, GateBuilder, GateRequest, Mode,
    OnAuditFailure, Outcome, Policies, PolicyLayer, Reason, ReloadError, ReloadOrigin, Unwritten,
};
use futures_executor::block_on;
use futures_util::FutureExt as _;
use intune_core::{ComplianceState, Principal, SourceFailure, SourceFailureKind};
use proptest::prelude::*;
use serde_json::Value;
use tokio::sync::oneshot;

/// By the clock, longer than a pause of the writer's.
const PAUSE: Duration = Duration::from_secs(6);
const DEADLINE: Duration = Duration::from_secs(10);

/// What a sink does with a record.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Take,
    Refuse,
    Panic,
    Hang,
    /// After one record, it hangs.
    TakeOne,
    /// It stores the record and doesn't say so.
    TakeAndHang,
}

/// A sink that does as it is told.
#[derive(Debug)]
struct Told {
    does: Mutex<Does>,
    stored: MemorySink,
    /// The decisions on record, one a record.
    decisions: Mutex<Vec<String>>,
    attempts: Mutex<Vec<RecordId>>,
}

impl Told {
    fn to(does: Does) -> Arc<Self> {
        Arc::new(Self {
            does: Mutex::new(does),
            stored: MemorySink::new(),
            decisions: Mutex::default(),
            attempts: Mutex::default(),
        })
    }

    fn now(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    fn attempts(&self) -> Vec<RecordId> {
        self.attempts.lock().unwrap().clone()
    }

    fn records(&self) -> Vec<Value> {
        let records = self.stored.records();
        let records = records.iter().map(|stored| stored.record());
        records
            .map(|record| serde_json::to_value(record).unwrap())
            .collect()
    }

    fn decisions(&self) -> Vec<String> {
        self.decisions.lock().unwrap().clone()
    }

    async fn store(&self, record: Record) -> Result<Receipt, AppendError> {
        let data: Value = serde_json::from_str(record.data().get()).unwrap();
        let receipt = self.stored.append(record).await?;
        if let Some(decision) = data["decision_id"].as_str() {
            self.decisions.lock().unwrap().push(decision.to_owned());
        }
        Ok(receipt)
    }
}

#[async_trait]
impl Sink for Told {
    async fn append(&self, record: Record) -> Result<Receipt, AppendError> {
        self.attempts.lock().unwrap().push(record.id());
        let does = *self.does.lock().unwrap();
        match does {
            Does::Take => self.store(record).await,
            Does::Refuse => Err(AppendError::new(AppendErrorKind::Unavailable)),
            Does::Panic => panic!("as told"),
            Does::Hang => pending().await,
            Does::TakeOne => {
                self.now(Does::Hang);
                self.store(record).await
            }
            Does::TakeAndHang => {
                self.store(record).await?;
                pending().await
            }
        }
    }
}

/// A gate that buffers, its sink and its clock.
struct Host {
    gate: Gate,
    sink: Arc<Told>,
    clock: ManualClock,
}

fn builder(policies: Policies, clock: &ManualClock) -> GateBuilder {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant)));
    let mut answers = source.answers.lock().unwrap();
    answers.insert(entra_id(1), Ok(found(ComplianceState::Noncompliant)));
    let down = SourceFailure::new(SourceFailureKind::Unavailable).with_request_id("r-1");
    answers.insert(entra_id(2), Err(down));
    drop(answers);
    let source = Arc::new(CachedCompliance::new(source.shared()));
    Gate::builder(policies, source, Arc::new(clock.clone())).deadline(DEADLINE)
}

fn policies(layer: PolicyLayer) -> Policies {
    let layer = layer.required(true);
    Policies::builder().global(layer).build().unwrap()
}

fn host(policies: Policies, capacity: usize) -> Host {
    let (clock, sink) = (clock(), Told::to(Does::Take));
    let urn = "urn:broker:test".parse().unwrap();
    let capacity = NonZeroUsize::new(capacity).unwrap();
    let gate = builder(policies, &clock)
        .buffered_chronicle(sink.clone(), urn, capacity)
        .build()
        .unwrap();
    Host { gate, sink, clock }
}

fn required(capacity: usize) -> Host {
    host(policies(PolicyLayer::new()), capacity)
}

impl Host {
    /// Asks, and is not made to wait.
    fn ask(&self) -> Decision {
        self.ask_about(DeviceIdentity::Present(entra_id(0)))
    }

    fn ask_about(&self, device: DeviceIdentity) -> Decision {
        let asked = common::ask(&self.gate, common::TEMPLATE, device);
        asked.now_or_never().unwrap()
    }

    /// So many decisions that are in the buffer.
    fn accepted(&self, count: usize) -> Vec<String> {
        let accepted = (0..count).map(|_| {
            let decision = self.ask();
            assert_eq!(decision.reason(), Reason::Compliant);
            decision.id().to_string()
        });
        accepted.collect()
    }

    fn is_refused(&self) -> bool {
        let decision = self.ask();
        let refused = decision.reason() == Reason::AuditUnavailable;
        assert_eq!(refused, decision.outcome() == Outcome::Deny);
        assert!(!refused || decision.is_retryable() && decision.valid_until().is_none());
        refused
    }

    fn writer(&self) -> Writer {
        self.writer_until(pending())
    }

    fn writer_until(&self, stop: impl Future<Output = ()> + Send + 'static) -> Writer {
        let gate = self.gate.clone();
        Writer(Box::pin(
            async move { gate.write_records_until(stop).await },
        ))
    }

    fn stoppable_writer(&self) -> (Writer, oneshot::Sender<()>) {
        let (stop, stopped) = oneshot::channel();
        (self.writer_until(stopped.map(drop)), stop)
    }

    fn waiting(&self) -> u64 {
        self.gate.counters().records_waiting
    }
}

/// A writer that goes on only when it is told to.
struct Writer(Pin<Box<dyn Future<Output = Result<(), Unwritten>> + Send>>);

impl Writer {
    /// Goes on as long as it can without the clock.
    fn go_on(&mut self) -> Poll<Result<(), Unwritten>> {
        for _ in 0..1000 {
            if let Poll::Ready(ended) = self.step() {
                return Poll::Ready(ended);
            }
        }
        Poll::Pending
    }

    fn step(&mut self) -> Poll<Result<(), Unwritten>> {
        self.0
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
    }

    fn started(mut self) -> Self {
        assert!(self.go_on().is_pending());
        self
    }
}

#[test]
fn a_decision_waits_for_no_sink_and_is_recorded_once() {
    let host = required(10);
    let mut writer = host.writer().started();
    host.sink.now(Does::Hang);
    let mut accepted = host.accepted(1);
    assert!(host.sink.attempts().is_empty());
    assert_eq!(host.waiting(), 1);
    host.sink.now(Does::Take);
    accepted.extend(host.accepted(4));
    assert!(writer.go_on().is_pending());
    assert_eq!(host.sink.decisions(), accepted);
    assert_eq!((host.waiting(), host.sink.attempts().len()), (0, 5));
    let counters = host.gate.counters();
    assert_eq!((counters.audit_failures, counters.write_failures), (0, 0));
    assert_eq!((counters.hits, counters.misses), (4, 1));
}

/// All that differs between two records of the same decision.
fn comparable(records: Vec<Value>) -> Vec<Value> {
    let strip = |mut record: Value| {
        let removed = record.as_object_mut().unwrap().remove("id");
        let data = record["data"].as_object_mut().unwrap();
        assert!(removed.is_some() && data.remove("decision_id").is_some());
        record
    };
    records.into_iter().map(strip).collect()
}

#[test]
fn the_records_are_those_that_would_have_been_appended_at_once() {
    let buffered = required(100);
    let (direct_clock, direct_sink) = (clock(), Told::to(Does::Take));
    let urn = "urn:broker:test".parse().unwrap();
    let direct = builder(policies(PolicyLayer::new()), &direct_clock);
    let direct = direct.chronicle(direct_sink.clone(), urn).build().unwrap();
    let mut writer = buffered.writer().started();

    let present = |n| DeviceIdentity::Present(entra_id(n));
    let agent = common::principal().with_delegate("agent-7");
    let (template, adele) = (common::template(), common::principal());
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = |device| GateRequest::new(&adele, &template, device);
    let requests = [
        request(present(0)),
        request(present(0)),
        request(present(1)),
        request(present(2)),
        request(DeviceIdentity::Absent),
        request(DeviceIdentity::Invalid),
        request(present(0)).live(),
        request(present(0)).with_traceparent(Some(trace.parse().unwrap())),
        GateRequest::new(&agent, &template, DeviceIdentity::Absent).delegator(present(1)),
    ];
    for request in &requests {
        let one = buffered.gate.evaluate(request).now_or_never().unwrap();
        let other = direct.evaluate(request).now_or_never().unwrap();
        assert_eq!(
            (one.outcome(), one.reason()),
            (other.outcome(), other.reason())
        );
        for clock in [&buffered.clock, &direct_clock] {
            clock.advance(Duration::from_secs(7));
        }
    }
    assert!(buffered.sink.records().is_empty());
    assert!(writer.go_on().is_pending());
    let written = comparable(buffered.sink.records());
    assert_eq!(written.len(), requests.len());
    assert_eq!(written, comparable(direct_sink.records()));
}

#[test]
fn while_nobody_writes_nothing_is_recorded() {
    let host = required(10);
    assert!(host.is_refused(), "no writer was started");
    let writer = host.writer();
    assert!(host.is_refused(), "the writer was not polled yet");
    let writer = writer.started();
    assert!(!host.is_refused());
    drop(writer);
    assert!(host.is_refused(), "the writer was dropped");
    let (mut writer, stop) = host.stoppable_writer();
    assert!(writer.go_on().is_pending());
    assert!(!host.is_refused());
    stop.send(()).unwrap();
    assert_eq!(writer.go_on(), Poll::Ready(Ok(())));
    assert!(host.is_refused(), "the writer was stopped");
    assert_eq!(host.gate.counters().audit_failures, 4);
    assert_eq!((host.waiting(), host.sink.decisions().len()), (0, 2));
}

#[test]
fn a_writer_that_panics_writes_no_more() {
    let host = required(10);
    let mut writer = host.writer_until(async { panic!("as told") });
    let gone = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| writer.go_on()));
    assert!(gone.is_err());
    assert!(host.is_refused());
}

#[test]
fn policy_says_what_becomes_of_decisions_that_are_not_buffered() {
    let best_effort = PolicyLayer::new().on_audit_failure(OnAuditFailure::BestEffort);
    let reported = PolicyLayer::new().mode(Mode::ReportOnly);
    for layer in [best_effort, reported] {
        let host = host(policies(layer), 1);
        assert_eq!(host.ask().reason(), Reason::Compliant);
        assert_eq!(host.gate.counters().audit_failures, 1);
        assert_eq!(host.waiting(), 0);
    }
}

#[test]
fn no_more_are_held_than_there_is_room_for() {
    let host = required(3);
    let mut writer = host.writer().started();
    host.sink.now(Does::Hang);
    let mut accepted = host.accepted(1);
    assert!(writer.go_on().is_pending());
    accepted.extend(host.accepted(2));
    assert!(host.is_refused(), "the one being written counts");
    assert_eq!(host.waiting(), 3);
    host.sink.now(Does::Take);
    host.clock.advance(DEADLINE);
    assert!(writer.go_on().is_pending());
    host.clock.advance(PAUSE);
    assert!(writer.go_on().is_pending());
    assert_eq!(host.sink.decisions(), accepted);
    host.accepted(3);
    assert!(host.is_refused());
}

#[test]
fn a_record_that_fails_is_kept_and_others_are_refused_until_it_is_written() {
    for does in [Does::Refuse, Does::Panic, Does::Hang] {
        let host = required(10);
        let mut writer = host.writer().started();
        host.sink.now(does);
        let accepted = host.accepted(3);
        assert!(writer.go_on().is_pending());
        if does == Does::Hang {
            assert!(!host.is_refused(), "nothing has failed yet");
            host.clock.advance(DEADLINE);
            assert!(writer.go_on().is_pending());
        }
        for failures in 1..4 {
            assert!(host.is_refused(), "{does:?}");
            assert_eq!(host.gate.counters().write_failures, failures);
            host.clock.advance(PAUSE);
            assert!(writer.go_on().is_pending());
            if does == Does::Hang {
                host.clock.advance(DEADLINE);
                assert!(writer.go_on().is_pending());
            }
        }
        host.sink.now(Does::Take);
        assert!(host.is_refused(), "it has not been tried again yet");
        host.clock.advance(PAUSE);
        assert!(writer.go_on().is_pending());
        let held: Vec<_> = host.sink.decisions().into_iter().take(3).collect();
        assert_eq!(held, accepted);
        assert_eq!(host.waiting(), 0);
        assert!(!host.is_refused());
        let attempts = host.sink.attempts();
        let (first, others) = attempts.split_first().unwrap();
        assert_eq!(others.iter().filter(|id| *id == first).count(), 4);
    }
}

#[test]
fn a_writer_lets_others_go_on_after_each_record() {
    let host = required(10);
    let mut writer = host.writer().started();
    host.accepted(3);
    for left in [2, 1, 0] {
        assert!(writer.step().is_pending());
        assert_eq!(host.waiting(), left);
    }
}

#[test]
fn pauses_grow_and_end() {
    let host = required(10);
    let mut writer = host.writer().started();
    host.sink.now(Does::Refuse);
    host.accepted(1);
    assert!(writer.go_on().is_pending());
    let mut pauses = vec![];
    for attempts in 2..12 {
        let mut pause = Duration::ZERO;
        while host.sink.attempts().len() < attempts {
            pause += Duration::from_millis(100);
            host.clock.advance(Duration::from_millis(100));
            assert!(writer.go_on().is_pending());
        }
        pauses.push(pause.as_millis());
    }
    assert_eq!(
        pauses,
        [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000]
    );
}

#[test]
fn what_was_stored_without_an_answer_is_there_twice_with_one_id() {
    let host = required(10);
    let mut writer = host.writer().started();
    host.sink.now(Does::TakeAndHang);
    let accepted = host.accepted(1);
    assert!(writer.go_on().is_pending());
    host.clock.advance(DEADLINE);
    assert!(writer.go_on().is_pending());
    host.sink.now(Does::Take);
    host.clock.advance(PAUSE);
    assert!(writer.go_on().is_pending());
    let records = host.sink.records();
    let [one, other] = records.as_slice() else {
        panic!("{records:?}");
    };
    assert_eq!(one, other);
    assert_eq!(one["data"]["decision_id"], *accepted.first().unwrap());
}

#[test]
fn a_writer_goes_on_where_a_dropped_one_was() {
    let host = required(10);
    let mut writer = host.writer().started();
    host.sink.now(Does::Hang);
    let accepted = host.accepted(4);
    assert!(writer.go_on().is_pending());
    assert_eq!(host.sink.attempts().len(), 1);
    drop(writer);
    assert_eq!(host.waiting(), 4, "nor is what was in hand lost");
    host.sink.now(Does::Take);
    let writer = host.writer().started();
    assert_eq!(host.sink.decisions(), accepted);
    let attempts = host.sink.attempts();
    assert_eq!(attempts.first(), attempts.get(1), "the same record's id");
    drop(writer);

    // Also where it had failed.
    let mut writer = host.writer().started();
    host.sink.now(Does::Refuse);
    host.accepted(1);
    assert!(writer.go_on().is_pending());
    drop(writer);
    let mut writer = host.writer().started();
    assert!(host.is_refused(), "nothing has succeeded since");
    host.sink.now(Does::Take);
    host.clock.advance(PAUSE);
    assert!(writer.go_on().is_pending());
    assert_eq!((host.waiting(), host.is_refused()), (0, false));
}

#[test]
fn a_writer_that_is_stopped_writes_what_is_left_and_takes_nothing_more() {
    let host = required(10);
    let (mut writer, stop) = host.stoppable_writer();
    assert!(writer.go_on().is_pending());
    host.sink.now(Does::Hang);
    let accepted = host.accepted(5);
    assert!(writer.go_on().is_pending());
    stop.send(()).unwrap();
    assert!(writer.go_on().is_pending());
    assert!(host.is_refused());
    // It fails once more, and works again.
    host.sink.now(Does::Take);
    host.clock.advance(DEADLINE);
    assert!(writer.go_on().is_pending());
    host.clock.advance(Duration::from_millis(100));
    assert_eq!(writer.go_on(), Poll::Ready(Ok(())));
    assert_eq!(host.sink.decisions(), accepted);
    assert!(host.is_refused());
}

#[test]
fn an_append_under_way_at_the_stop_is_not_begun_again() {
    let host = required(10);
    let (mut writer, stop) = host.stoppable_writer();
    assert!(writer.go_on().is_pending());
    host.sink.now(Does::Hang);
    host.accepted(1);
    assert!(writer.go_on().is_pending());
    stop.send(()).unwrap();
    assert!(writer.go_on().is_pending());
    assert_eq!(host.sink.attempts().len(), 1);
}

#[test]
fn a_writer_that_is_stopped_gives_up_and_says_how_many_are_left() {
    let host = required(10);
    let (mut writer, stop) = host.stoppable_writer();
    assert!(writer.go_on().is_pending());
    host.sink.now(Does::Refuse);
    let accepted = host.accepted(4);
    assert!(writer.go_on().is_pending());
    stop.send(()).unwrap();
    assert!(writer.go_on().is_pending());
    let mut waited = Duration::ZERO;
    let ended = loop {
        waited += Duration::from_secs(1);
        host.clock.advance(Duration::from_secs(1));
        if let Poll::Ready(ended) = writer.go_on() {
            break ended;
        }
    };
    assert_eq!(ended.unwrap_err().count(), 4);
    assert_eq!(waited, DEADLINE + Duration::from_secs(5));
    assert_eq!(host.waiting(), 4, "they are still there");
    host.sink.now(Does::Take);
    let mut flush = host.writer_until(ready(()));
    assert_eq!(flush.go_on(), Poll::Ready(Ok(())));
    assert_eq!(host.sink.decisions(), accepted);
}

#[test]
fn a_writer_that_is_stopped_is_patient_while_the_sink_takes_records() {
    let host = required(10);
    let (mut writer, stop) = host.stoppable_writer();
    assert!(writer.go_on().is_pending());
    host.sink.now(Does::Hang);
    let accepted = host.accepted(5);
    assert!(writer.go_on().is_pending());
    stop.send(()).unwrap();
    assert!(writer.go_on().is_pending());
    // Each record hangs until its deadline, and is taken when it is tried again.
    for left in (0..5).rev() {
        host.clock.advance(DEADLINE);
        assert!(writer.go_on().is_pending());
        host.sink.now(Does::TakeOne);
        host.clock.advance(Duration::from_millis(100));
        let ended = writer.go_on();
        assert_eq!(ended.is_ready(), left == 0);
        assert_eq!(host.waiting(), left);
    }
    assert_eq!(host.sink.decisions(), accepted);
}

#[test]
fn a_second_writer_waits_for_the_first_to_end() {
    let host = required(10);
    let (mut first, stop_first) = host.stoppable_writer();
    assert!(first.go_on().is_pending());
    let (mut second, stop_second) = host.stoppable_writer();
    assert!(second.go_on().is_pending());
    let mut third = host.writer_until(ready(()));
    assert_eq!(third.go_on(), Poll::Ready(Ok(())), "it doesn't outwait it");

    let mut accepted = host.accepted(2);
    assert!(second.go_on().is_pending());
    assert!(host.sink.decisions().is_empty());
    stop_first.send(()).unwrap();
    assert_eq!(first.go_on(), Poll::Ready(Ok(())));
    assert!(host.is_refused());
    assert!(second.go_on().is_pending());
    accepted.extend(host.accepted(2));
    stop_second.send(()).unwrap();
    assert_eq!(second.go_on(), Poll::Ready(Ok(())));
    assert_eq!(host.sink.decisions(), accepted);
}

#[test]
fn without_a_buffer_a_writer_only_waits_for_its_stop() {
    let gate = builder(policies(PolicyLayer::new()), &clock()).unrecorded();
    let gate = gate.build().unwrap();
    assert!(gate.write_records_until(pending()).now_or_never().is_none());
    let stopped = gate.write_records_until(ready(())).now_or_never();
    assert_eq!(stopped, Some(Ok(())));
}

#[test]
fn the_use_of_a_break_glass_entry_is_never_buffered() {
    let until = wall().saturating_add(Duration::from_secs(3600));
    let issuer = "https://login.example/t1/v2.0";
    let entry = BreakGlass::new(issuer, "adele", wall(), until, "INC-4711").unwrap();
    let best_effort = PolicyLayer::new()
        .required(true)
        .on_audit_failure(OnAuditFailure::BestEffort);
    let policies = Policies::builder().global(best_effort).break_glass(entry);
    let host = host(policies.build().unwrap(), 10);
    let denied = DeviceIdentity::Present(entra_id(1));
    for writer in [None, Some(host.writer().started())] {
        host.sink.now(Does::Take);
        let before = host.sink.records().len();
        let decision = host.ask_about(denied);
        assert_eq!(decision.reason(), Reason::BreakGlass);
        assert_eq!(host.sink.records().len(), before + 2);
        host.sink.now(Does::Refuse);
        let decision = host.ask_about(denied);
        assert_eq!(
            (decision.outcome(), decision.reason()),
            (Outcome::Deny, Reason::AuditUnavailable)
        );
        assert_eq!(host.waiting(), 0);
        drop(writer);
    }
    // Nor after a look-up that was waited for.
    host.sink.now(Does::Take);
    let before = host.sink.records().len();
    let decision = host.ask_about(DeviceIdentity::Present(entra_id(2)));
    assert_eq!(decision.reason(), Reason::BreakGlass);
    assert_eq!(host.sink.records().len(), before + 2);
    // Whoever gets in anyway uses no entry, and is buffered.
    let _writer = host.writer().started();
    assert_eq!(host.ask().reason(), Reason::Compliant);
    assert_eq!(host.waiting(), 1);
}

#[test]
fn a_reload_is_never_buffered() {
    let host = required(10);
    let _writer = host.writer().started();
    let origin = ReloadOrigin {
        source: "policy.toml",
        requested_by: "SIGHUP",
    };
    let strict = || policies(PolicyLayer::new().strict(true));
    host.sink.now(Does::Refuse);
    let reloaded = host.gate.reload(strict(), origin).now_or_never().unwrap();
    assert_eq!(reloaded, Err(ReloadError::NotRecorded));
    host.sink.now(Does::Take);
    let reloaded = host.gate.reload(strict(), origin).now_or_never().unwrap();
    assert!(reloaded.unwrap().is_changed());
    assert_eq!(host.sink.records().len(), 1);
    assert_eq!(host.waiting(), 0);
}

#[test]
fn what_leaves_no_record_needs_no_writer() {
    let policies = Policies::builder().build().unwrap();
    let host = host(policies, 10);
    assert_eq!(host.ask().reason(), Reason::NotRequired);
    assert_eq!(host.gate.counters().audit_failures, 0);
    let _writer = host.writer().started();
    assert_eq!(host.ask().reason(), Reason::NotRequired);
    assert_eq!(host.waiting(), 0);
}

#[test]
fn long_names_are_appended_at_once() {
    let host = required(10);
    let _writer = host.writer().started();
    let template = common::template();
    let device = DeviceIdentity::Present(entra_id(0));
    for (length, waiting) in [(4096 - 3, 1), (4096 - 2, 0), (2 << 20, 0)] {
        let principal = Principal::new("iss", "s".repeat(length));
        let request = GateRequest::new(&principal, &template, device);
        let before = host.waiting();
        let decision = host.gate.evaluate(&request).now_or_never().unwrap();
        assert_eq!(host.waiting() - before, waiting);
        // What no sink takes is the trouble of who asks, and of nobody else.
        let refused = decision.reason() == Reason::AuditUnavailable;
        assert_eq!(refused, length > 1 << 20);
        assert!(!host.is_refused());
    }
}

#[test]
fn room_is_taken_as_it_is_needed() {
    let host = required(usize::MAX);
    let mut writer = host.writer().started();
    let accepted = host.accepted(200);
    assert!(writer.go_on().is_pending());
    assert_eq!(host.sink.decisions(), accepted);
}

/// Threads that ask, and a writer on a thread of its own that is stopped while they do.
#[test]
fn what_threads_were_promised_is_written_before_the_writer_ends() {
    for round in 0..12 {
        let host = required(64);
        let (stop, stopped) = oneshot::channel::<()>();
        let accepted = thread::scope(|scope| {
            let writer = scope.spawn(|| {
                block_on(host.gate.write_records_until(stopped.map(drop))).unwrap();
                host.sink.decisions()
            });
            let askers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let device = DeviceIdentity::Present(entra_id(0));
                        let ask = || block_on(common::ask(&host.gate, common::TEMPLATE, device));
                        let decisions = (0..100).map(|_| ask());
                        let accepted = decisions.filter(Decision::is_allow);
                        let ids = accepted.map(|it| it.id().to_string());
                        ids.collect::<Vec<_>>()
                    })
                })
                .collect();
            for _ in 0..round * 10 {
                thread::yield_now();
            }
            stop.send(()).unwrap();
            let accepted = askers.into_iter().flat_map(|it| it.join().unwrap());
            let mut accepted: Vec<_> = accepted.collect();
            let mut written = writer.join().unwrap();
            assert_eq!(host.waiting(), 0);
            written.sort();
            accepted.sort();
            assert_eq!(written, accepted);
            accepted.len() as u64
        });
        let counters = host.gate.counters();
        assert_eq!(
            (counters.allowed(), counters.audit_failures),
            (accepted, 300 - accepted)
        );
    }
}

#[derive(Clone, Debug)]
enum Action {
    Ask(u32),
    Step(usize),
    Tell(Does),
    Advance(u64),
    Start,
    Stop,
    Leave,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let does = prop_oneof![
        4 => Just(Does::Take),
        1 => Just(Does::Refuse),
        1 => Just(Does::Panic),
        1 => Just(Does::Hang),
        1 => Just(Does::TakeAndHang),
    ];
    let action = prop_oneof![
        8 => (0..3_u32).prop_map(Action::Ask),
        6 => (1..6_usize).prop_map(Action::Step),
        3 => does.prop_map(Action::Tell),
        3 => (1..12_000_u64).prop_map(Action::Advance),
        2 => Just(Action::Start),
        1 => Just(Action::Stop),
        1 => Just(Action::Leave),
    ];
    prop::collection::vec(action, 1..120)
}

proptest! {
    /// Nothing is allowed or denied that is neither recorded nor held, in the order of asking; nothing else is recorded.
    #[test]
    fn no_order_of_events_loses_a_record(actions in actions(), capacity in 1..6_usize) {
        let host = required(capacity);
        let mut writer: Option<(Writer, Option<oneshot::Sender<()>>)> = None;
        let mut accepted: Vec<String> = vec![];
        for action in actions {
            match action {
                Action::Ask(device) => {
                    let before = host.waiting();
                    let decision = host.ask_about(DeviceIdentity::Present(entra_id(device)));
                    if decision.reason() == Reason::AuditUnavailable {
                        prop_assert_eq!(decision.outcome(), Outcome::Deny);
                        prop_assert_eq!(host.waiting(), before);
                    } else {
                        prop_assert!(writer.is_some() && before < capacity as u64);
                        prop_assert_eq!(host.waiting(), before + 1);
                        accepted.push(decision.id().to_string());
                    }
                }
                Action::Step(steps) => {
                    for _ in 0..steps {
                        let Some((writing, stop)) = &mut writer else { break };
                        if let Poll::Ready(ended) = writing.step() {
                            prop_assert!(stop.is_none(), "it ends only when it is stopped");
                            let left = ended.err().map_or(0, |it| it.count() as u64);
                            prop_assert_eq!(left, host.waiting());
                            writer = None;
                        }
                    }
                }
                Action::Tell(does) => host.sink.now(does),
                Action::Advance(millis) => host.clock.advance(Duration::from_millis(millis)),
                Action::Start if writer.is_none() => {
                    let (writing, stop) = host.stoppable_writer();
                    writer = Some((writing, Some(stop)));
                }
                Action::Start => {}
                Action::Stop => {
                    let stop = writer.as_mut().and_then(|(_, stop)| stop.take());
                    stop.into_iter().for_each(|stop| stop.send(()).unwrap());
                }
                Action::Leave => writer = None,
            }
            // One that was stored without an answer is stored again: next to itself.
            let mut stored = host.sink.decisions();
            stored.dedup();
            prop_assert_eq!(accepted.get(..stored.len()), Some(stored.as_slice()));
            let lost = accepted.len() - stored.len();
            let uncertain = host.waiting() as usize - lost;
            prop_assert!(uncertain <= 1, "only the one in hand can be stored and held");
        }
        drop(writer);
        host.sink.now(Does::Take);
        prop_assert_eq!(host.writer_until(ready(())).go_on(), Poll::Ready(Ok(())));
        let mut stored = host.sink.decisions();
        stored.dedup();
        prop_assert_eq!(stored, accepted);
        prop_assert_eq!(host.waiting(), 0);
    }
}
