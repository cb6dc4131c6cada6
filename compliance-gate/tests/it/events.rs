//! The events that the gate emits by `tracing`: names, targets and fields are for others to rely on.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::{
    collections::BTreeMap,
    fmt::Debug,
    num::NonZeroUsize,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use crate::common::{Scripted, ask, clock, entra_id, found, principal, template};
use async_trait::async_trait;
use chronicle::{AppendError, AppendErrorKind, MemorySink, Receipt, Record, Sink};
use clock::ManualClock;
use compliance_gate::{
    Decision, DeviceIdentity, Gate, GateLayer, Policies, PolicyLayer, ReloadOrigin, VerifiedCaller,
};
use futures_executor::block_on;
use futures_util::{FutureExt as _, future::join};
use http::{Request, Response};
use intune_core::{ComplianceState, SourceFailure, SourceFailureKind};
use tokio::{sync::oneshot, task::yield_now};
use tower::{Layer as _, ServiceExt as _};
use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::with_default,
};

/// Keeps each event.
#[derive(Clone, Debug, Default)]
struct Captured(Arc<Mutex<Vec<Seen>>>);

#[derive(Clone, Debug)]
struct Seen {
    name: &'static str,
    level: Level,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

impl Subscriber for Captured {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("compliance_gate")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        // Not the module's path: that changes when code moves.
        assert_eq!(metadata.target(), "compliance_gate");
        let mut seen = Seen {
            name: metadata.name(),
            level: *metadata.level(),
            fields: BTreeMap::new(),
        };
        event.record(&mut seen);
        assert!(
            seen.fields.remove("message").is_some(),
            "a person reads it too"
        );
        self.0.lock().unwrap().push(seen);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// While there is only one subscriber, `tracing` asks the thread that first comes to an event whether anybody wants it,
/// and remembers the answer. That may be the thread of a test that wants none; so there is a second one.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Captured::default()));

/// What `during` emits.
fn captured<T>(during: impl FnOnce() -> T) -> (T, Vec<Seen>) {
    LazyLock::force(&SECOND);
    let captured = Captured::default();
    let value = with_default(captured.clone(), during);
    let seen = captured.0.lock().unwrap().clone();
    (value, seen)
}

fn shape(seen: &[Seen]) -> Vec<(&'static str, Level, Vec<&'static str>)> {
    seen.iter()
        .map(|each| (each.name, each.level, each.fields.keys().copied().collect()))
        .collect()
}

fn all_are_of(seen: &[Seen], decision: &Decision) -> bool {
    let id = decision.id().to_string();
    seen.iter()
        .all(|each| each.fields.get("decision") == Some(&id))
}

const DECISION: [&str; 5] = ["decision", "enforced", "outcome", "reason", "template"];

fn required() -> Policies {
    let layer = PolicyLayer::new().required(true);
    Policies::builder().global(layer).build().unwrap()
}

fn gate(answer: Result<ComplianceState, SourceFailureKind>, sink: Arc<dyn Sink>) -> Gate {
    let answer = answer.map(found).map_err(SourceFailure::new);
    let source = Scripted::new(answer).shared();
    Gate::builder(required(), source, Arc::new(clock()))
        .chronicle(sink, "urn:broker:test".parse().unwrap())
        .build()
        .unwrap()
}

fn asked(gate: &Gate) -> (Decision, Vec<Seen>) {
    let device = DeviceIdentity::Present(entra_id(0));
    captured(|| block_on(ask(gate, "read-only", device)))
}

#[test]
fn a_decision_is_an_event() {
    let gate = gate(
        Ok(ComplianceState::Noncompliant),
        Arc::new(MemorySink::new()),
    );
    let (decision, seen) = asked(&gate);
    let expected = ("compliance_gate.decision", Level::DEBUG, DECISION.to_vec());
    assert_eq!(shape(&seen), [expected]);
    assert!(all_are_of(&seen, &decision));
    let fields = &seen.first().unwrap().fields;
    let value = |name| fields.get(name).map(String::as_str);
    assert_eq!(value("template"), Some("read-only"));
    assert_eq!(value("outcome"), Some("deny"));
    assert_eq!(value("reason"), Some("noncompliant"));
    assert_eq!(value("enforced"), Some("true"));
}

#[test]
fn a_failure_of_the_source_names_the_decision() {
    let failing = gate(
        Err(SourceFailureKind::Throttled),
        Arc::new(MemorySink::new()),
    );
    let (decision, seen) = asked(&failing);
    let failed = (
        "compliance_gate.source_failed",
        Level::WARN,
        vec!["decision", "failure"],
    );
    let decided = ("compliance_gate.decision", Level::DEBUG, DECISION.to_vec());
    assert_eq!(shape(&seen), [failed, decided]);
    assert!(all_are_of(&seen, &decision));
}

#[derive(Debug)]
enum Broken {
    Refuses,
    Panics,
}

#[async_trait]
impl Sink for Broken {
    async fn append(&self, _: Record) -> Result<Receipt, AppendError> {
        match self {
            Self::Refuses => Err(AppendError::new(AppendErrorKind::Unavailable)),
            Self::Panics => panic!("as told"),
        }
    }
}

#[test]
fn a_record_that_fails_names_the_decision() {
    for (sink, fields) in [
        (
            Broken::Refuses,
            vec!["decision", "error", "event", "record"],
        ),
        (Broken::Panics, vec!["decision", "event", "record"]),
    ] {
        let (decision, seen) = asked(&gate(Ok(ComplianceState::Compliant), Arc::new(sink)));
        let failed = ("compliance_gate.record_failed", Level::ERROR, fields);
        let decided = ("compliance_gate.decision", Level::DEBUG, DECISION.to_vec());
        assert_eq!(shape(&seen), [failed, decided]);
        assert!(all_are_of(&seen, &decision));
    }
}

#[derive(Debug)]
struct Silent;

#[async_trait]
impl Sink for Silent {
    async fn append(&self, _: Record) -> Result<Receipt, AppendError> {
        std::future::pending().await
    }
}

#[test]
fn a_record_that_takes_too_long_names_the_decision() {
    let clock = clock();
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let gate = Gate::builder(required(), source, Arc::new(clock.clone()))
        .chronicle(Arc::new(Silent), "urn:broker:test".parse().unwrap())
        .build()
        .unwrap();
    let asked = ask(&gate, "read-only", DeviceIdentity::Present(entra_id(0)));
    let late = async { clock.advance(Duration::from_secs(10)) };
    let ((decision, ()), seen) = captured(|| block_on(join(asked, late)));
    let failed = (
        "compliance_gate.record_failed",
        Level::ERROR,
        vec!["decision"],
    );
    let decided = ("compliance_gate.decision", Level::DEBUG, DECISION.to_vec());
    assert_eq!(shape(&seen), [failed, decided]);
    assert!(all_are_of(&seen, &decision));
}

fn buffered(sink: Arc<dyn Sink>, clock: &ManualClock) -> Gate {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let urn = "urn:broker:test".parse().unwrap();
    Gate::builder(required(), source, Arc::new(clock.clone()))
        .buffered_chronicle(sink, urn, NonZeroUsize::MIN)
        .build()
        .unwrap()
}

#[test]
fn a_record_that_is_not_buffered_names_the_decision() {
    let gate = buffered(Arc::new(MemorySink::new()), &clock());
    let (decision, seen) = asked(&gate);
    let fields = vec!["decision", "error"];
    let failed = ("compliance_gate.record_failed", Level::ERROR, fields);
    let decided = ("compliance_gate.decision", Level::DEBUG, DECISION.to_vec());
    assert_eq!(shape(&seen), [failed, decided]);
    assert!(all_are_of(&seen, &decision));
}

#[test]
fn a_writer_names_the_decision_that_it_fails_to_record_and_counts_what_is_left() {
    let clock = clock();
    let gate = buffered(Arc::new(Broken::Refuses), &clock);
    let (stop, stopped) = oneshot::channel::<()>();
    let ((decision, left), seen) = captured(|| {
        block_on(async {
            let writing = gate.write_records_until(stopped.map(drop));
            let asked = async {
                let decision = ask(&gate, "read-only", DeviceIdentity::Present(entra_id(0))).await;
                stop.send(()).unwrap();
                while gate.counters().write_failures == 0 {
                    yield_now().await;
                }
                clock.advance(Duration::from_secs(15));
                decision
            };
            let (left, decision) = join(writing, asked).await;
            (decision, left.unwrap_err())
        })
    });
    assert_eq!(left.count(), 1);
    let fields = vec!["decision", "error", "event", "record"];
    let decided = ("compliance_gate.decision", Level::DEBUG, DECISION.to_vec());
    let failed = ("compliance_gate.record_failed", Level::ERROR, fields);
    let unwritten = (
        "compliance_gate.records_unwritten",
        Level::ERROR,
        vec!["records"],
    );
    let (last, others) = seen.split_last().unwrap();
    assert_eq!(shape(std::slice::from_ref(last)), [unwritten]);
    assert_eq!(last.fields.get("records").unwrap(), "1");
    let expected = [decided, failed.clone(), failed];
    assert_eq!(shape(others), expected.get(..others.len()).unwrap());
    assert!(others.len() > 1 && all_are_of(others, &decision));
}

#[test]
fn a_reload_is_of_no_decision() {
    let origin = ReloadOrigin {
        source: "policy.toml",
        requested_by: "SIGHUP",
    };
    let strict = || {
        let layer = PolicyLayer::new().required(true).strict(true);
        Policies::builder().global(layer).build().unwrap()
    };
    let sound = gate(Ok(ComplianceState::Compliant), Arc::new(MemorySink::new()));
    let (reloaded, seen) = captured(|| block_on(sound.reload(strict(), origin)));
    let expected = (
        "compliance_gate.policy_reloaded",
        Level::INFO,
        vec!["digest", "old_digest"],
    );
    assert_eq!(shape(&seen), [expected]);
    let digest = reloaded.unwrap().new_digest;
    assert_eq!(seen.first().unwrap().fields.get("digest"), Some(&digest));

    let broken = gate(Ok(ComplianceState::Compliant), Arc::new(Broken::Refuses));
    let (_, seen) = captured(|| block_on(broken.reload(strict(), origin)).unwrap_err());
    let fields = vec!["error", "event", "record"];
    let expected = ("compliance_gate.record_failed", Level::ERROR, fields);
    assert_eq!(shape(&seen), [expected]);
}

#[test]
fn the_layer_says_what_its_host_forgot() {
    let gate = gate(Ok(ComplianceState::Compliant), Arc::new(MemorySink::new()));
    let inner = tower::service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(Response::new(String::new()))
    });
    let no_caller = GateLayer::new(gate.clone(), template()).layer(inner);
    let no_template = GateLayer::by_request(gate, |_| None).layer(inner);

    let (_, seen) = captured(|| block_on(no_caller.oneshot(Request::new(()))));
    let expected = ("compliance_gate.no_caller", Level::ERROR, vec![]);
    assert_eq!(shape(&seen), [expected]);

    let mut request = Request::new(());
    let caller = VerifiedCaller::new(principal(), DeviceIdentity::Absent);
    request.extensions_mut().insert(caller);
    let (_, seen) = captured(|| block_on(no_template.oneshot(request)));
    let expected = ("compliance_gate.no_template", Level::WARN, vec![]);
    assert_eq!(shape(&seen), [expected]);
}
