//! The gate in front of a service: who gets through, what the service then knows, and what the others are told.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    convert::Infallible,
    future::{Future, ready},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use crate::common::{self, Scripted, clock, entra_id, found, principal, wall};
use chronicle::MemorySink;
use compliance_gate::{
    BreakGlass, CachedCompliance, Decision, Delegates, DeviceIdentity, DeviceOf, Gate, GateLayer,
    GrpcRefusals, Policies, PoliciesBuilder, PolicyLayer, Reason, Refusal, VerifiedCaller,
};
use http::{Method, Request, Response, StatusCode, request::Parts};
use intune_core::{AccordTemplate, Capability, ComplianceState, SourceFailure, SourceFailureKind};
use serde_json::Value;
use tower::{Layer as _, Service, ServiceExt as _};

const PRESENT: fn() -> DeviceIdentity = || DeviceIdentity::Present(entra_id(0));

/// A service that notes the decision that it was called with, and is ready only once per readiness asked for.
#[derive(Debug, Default)]
struct Inner {
    calls: Arc<AtomicUsize>,
    ready: bool,
    never_ready: bool,
}

/// As with services that wait for room: a clone isn't ready because the original is.
impl Clone for Inner {
    fn clone(&self) -> Self {
        Self {
            calls: Arc::clone(&self.calls),
            ready: false,
            never_ready: self.never_ready,
        }
    }
}

impl Service<Request<String>> for Inner {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = !self.never_ready;
        match self.ready {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        assert!(self.ready, "called without having been found ready");
        self.ready = false;
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mut response = Response::new(format!("served {}", request.body()));
        *response.extensions_mut() = request.extensions().clone();
        ready(Ok(response))
    }
}

fn required() -> PoliciesBuilder {
    Policies::builder().global(PolicyLayer::new().required(true).strict(true))
}

struct Fixture {
    gate: Gate,
    source: Arc<Scripted>,
    sink: MemorySink,
    inner: Inner,
}

fn fixture(policies: PoliciesBuilder, state: ComplianceState) -> Fixture {
    let source = Scripted::new(Ok(found(state))).shared();
    let sink = MemorySink::new();
    let cached = Arc::new(CachedCompliance::new(source.clone()));
    let gate = Gate::builder(policies.build().unwrap(), cached, Arc::new(clock()))
        .chronicle(Arc::new(sink.clone()), "urn:broker:test".parse().unwrap())
        .build()
        .unwrap();
    Fixture {
        gate,
        source,
        sink,
        inner: Inner::default(),
    }
}

impl Fixture {
    fn layer(&self) -> GateLayer {
        GateLayer::new(self.gate.clone(), common::template())
    }

    fn served(&self) -> usize {
        self.inner.calls.load(Ordering::SeqCst)
    }

    fn records(&self) -> usize {
        let lines = self.sink.to_jsonl();
        lines.iter().filter(|byte| **byte == b'\n').count()
    }

    async fn send(&self, request: Request<String>) -> Response<String> {
        let service = self.layer().layer(self.inner.clone());
        service.oneshot(request).await.unwrap()
    }
}

fn from(device: DeviceIdentity) -> Request<String> {
    of(VerifiedCaller::new(principal(), device))
}

fn of(caller: VerifiedCaller) -> Request<String> {
    let mut request = Request::new("a request".to_owned());
    request.extensions_mut().insert(caller);
    request
}

fn json(response: &Response<String>) -> Value {
    assert_eq!(header(response, "content-type"), Some("application/json"));
    assert_eq!(header(response, "cache-control"), Some("no-store"));
    serde_json::from_str(response.body()).unwrap()
}

fn header<'a>(response: &'a Response<String>, name: &str) -> Option<&'a str> {
    let value = response.headers().get(name)?;
    Some(value.to_str().unwrap())
}

#[tokio::test]
async fn an_allowed_request_is_served_with_its_decision() {
    let all = fixture(required(), ComplianceState::Compliant);
    let response = all.send(from(PRESENT())).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.body(), "served a request");
    let decision = response.extensions().get::<Decision>().unwrap();
    assert_eq!(decision.reason(), Reason::Compliant);
    let evidence = serde_json::to_value(decision.evidence().unwrap()).unwrap();
    assert_eq!(
        evidence.get("entra_device_id").unwrap(),
        &entra_id(0).to_string()
    );
    assert_eq!(decision.capability_limit(), None);
    assert_eq!((all.served(), all.records()), (1, 1));
}

#[tokio::test]
async fn a_denied_request_is_not_served_and_told_why() {
    let all = fixture(required(), ComplianceState::Noncompliant);
    let response = all.send(from(PRESENT())).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(header(&response, "retry-after"), None);
    let body = json(&response);
    let decision = body.get("decision").unwrap();
    assert_eq!(decision.get("outcome").unwrap(), "deny");
    assert_eq!(decision.get("reason").unwrap(), "noncompliant");
    assert_eq!(decision.get("retryable").unwrap(), false);
    assert_eq!((all.served(), all.records()), (0, 1));
}

#[tokio::test]
async fn every_identity_that_the_table_denies_is_denied() {
    let all = fixture(required(), ComplianceState::Compliant);
    for (device, reason) in [
        (DeviceIdentity::Absent, "no_device_identity"),
        (DeviceIdentity::Invalid, "invalid_device_identity"),
    ] {
        let response = all.send(from(device)).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        let body = json(&response);
        assert_eq!(body.pointer("/decision/reason").unwrap(), reason);
    }
    assert_eq!(all.served(), 0);
}

#[tokio::test]
async fn what_may_fare_better_soon_is_503_with_when() {
    let all = fixture(required(), ComplianceState::Compliant);
    let throttled = SourceFailure::new(SourceFailureKind::Throttled)
        .with_retry_after(Duration::from_millis(6500));
    all.source.answer(Err(throttled));
    let response = all.send(from(PRESENT())).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&response, "retry-after"), Some("7"));
    assert_eq!(
        json(&response).pointer("/decision/reason").unwrap(),
        "source_unavailable"
    );
    assert_eq!(all.served(), 0);
}

#[tokio::test]
async fn without_a_caller_nobody_gets_through() {
    // Not even where the policy requires nothing.
    for policies in [required(), Policies::builder()] {
        let all = fixture(policies, ComplianceState::Compliant);
        let response = all.send(Request::new(String::new())).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(
            json(&response),
            serde_json::json!({"error": "not_authenticated"})
        );
        assert_eq!((all.served(), all.records(), all.source.calls()), (0, 0, 0));
    }
}

/// Reading is one template, the rest of `/devices` another, and nothing else has one.
fn by_method(parts: &Parts) -> Option<AccordTemplate> {
    let name = match (parts.uri.path(), &parts.method) {
        ("/devices", &Method::GET) => "read-only",
        ("/devices", _) => "device-management",
        _ => return None,
    };
    name.parse().ok()
}

#[tokio::test]
async fn the_request_says_which_template_and_without_one_nobody_gets_through() {
    let open = PolicyLayer::new().required(false);
    let policies = required().template(common::template(), open);
    let all = fixture(policies, ComplianceState::Noncompliant);
    let layer = GateLayer::by_request(all.gate.clone(), by_method);
    let service = layer.layer(all.inner.clone());
    for (method, path, status) in [
        (Method::GET, "/devices", StatusCode::OK),
        (Method::POST, "/devices", StatusCode::FORBIDDEN),
        (Method::GET, "/elsewhere", StatusCode::FORBIDDEN),
    ] {
        let mut request = from(PRESENT());
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        if path == "/elsewhere" {
            assert_eq!(
                json(&response),
                serde_json::json!({"error": "no_accord_template"})
            );
        }
    }
    assert_eq!(all.served(), 1);
}

#[tokio::test]
async fn live_looks_the_device_up_each_time() {
    let all = fixture(required(), ComplianceState::Compliant);
    for layer in [
        all.layer(),
        all.layer(),
        all.layer().live(),
        all.layer().live(),
    ] {
        let service = layer.layer(all.inner.clone());
        assert_eq!(
            service.oneshot(from(PRESENT())).await.unwrap().status(),
            StatusCode::OK
        );
    }
    assert_eq!(all.source.calls(), 3);
}

#[tokio::test]
async fn the_trace_goes_into_the_record_and_a_bad_one_hurts_nobody() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (sent, recorded) in [(trace, true), ("garbage", false)] {
        let all = fixture(required(), ComplianceState::Compliant);
        let mut request = from(PRESENT());
        request
            .headers_mut()
            .insert("traceparent", sent.parse().unwrap());
        assert_eq!(all.send(request).await.status(), StatusCode::OK);
        let record = String::from_utf8(all.sink.to_jsonl()).unwrap();
        assert_eq!(
            record.contains(&format!("\"traceparent\":\"{sent}\"")),
            recorded
        );
    }
}

#[tokio::test]
async fn an_agent_is_judged_by_its_delegators_device_where_the_policy_says_so() {
    let rule = PolicyLayer::new().delegates(Delegates::DelegatorDevice);
    let all = fixture(
        required().template(common::template(), rule),
        ComplianceState::Compliant,
    );
    let agent = VerifiedCaller::new(principal().with_delegate("agent"), DeviceIdentity::Absent);
    assert_eq!(
        all.send(of(agent.clone())).await.status(),
        StatusCode::FORBIDDEN
    );
    let response = all.send(of(agent.delegator(PRESENT()))).await;
    assert_eq!(response.status(), StatusCode::OK);
    let decision = response.extensions().get::<Decision>().unwrap();
    assert_eq!(decision.device_of(), DeviceOf::Delegator);
}

#[tokio::test]
async fn broken_glass_reaches_the_service_with_its_limit() {
    let until = wall().saturating_add(Duration::from_secs(3600));
    let adele = principal();
    let entry = BreakGlass::new(adele.issuer(), adele.subject(), wall(), until, "INC-4711");
    let all = fixture(
        required().break_glass(entry.unwrap()),
        ComplianceState::Noncompliant,
    );
    let response = all.send(from(PRESENT())).await;
    assert_eq!(response.status(), StatusCode::OK);
    let decision = response.extensions().get::<Decision>().unwrap();
    assert_eq!(decision.reason(), Reason::BreakGlass);
    let limit = decision.capability_limit().unwrap();
    assert!(!limit.contains(&Capability::Mutate));
}

#[tokio::test]
async fn a_decision_of_an_outer_gate_is_replaced() {
    let open = PolicyLayer::new().required(false);
    let policies = required().template("open".parse().unwrap(), open);
    let all = fixture(policies, ComplianceState::Compliant);
    let outer = GateLayer::new(all.gate.clone(), "open".parse().unwrap());
    let service = outer.layer(all.layer().layer(all.inner.clone()));
    let response = service.oneshot(from(PRESENT())).await.unwrap();
    let decision = response.extensions().get::<Decision>().unwrap();
    assert_eq!(decision.reason(), Reason::Compliant);
}

#[tokio::test]
async fn grpc_is_told_by_status() {
    let all = fixture(required(), ComplianceState::Compliant);
    let throttled = SourceFailure::new(SourceFailureKind::Throttled)
        .with_retry_after(Duration::from_millis(6500));
    let service = all
        .layer()
        .refuse_with(GrpcRefusals)
        .layer(all.inner.clone());
    let unnamed = GateLayer::by_request(all.gate.clone(), |_| None);
    let unnamed = unnamed.refuse_with(GrpcRefusals).layer(all.inner.clone());

    let denied = service.clone().oneshot(from(DeviceIdentity::Absent)).await;
    let no_caller = service.clone().oneshot(Request::new(String::new())).await;
    let no_template = unnamed.oneshot(from(PRESENT())).await;
    all.source.answer(Err(throttled));
    let unavailable = service.clone().oneshot(from(PRESENT())).await;

    for (response, status, message, pushback) in [
        (denied, "7", "no_device_identity: decision ", None),
        (
            unavailable,
            "14",
            "source_unavailable: decision ",
            Some("6500"),
        ),
        (no_caller, "13", "not_authenticated", None),
        (no_template, "7", "no_accord_template", None),
    ] {
        let response = response.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.body(), "", "a status alone has no message");
        assert_eq!(header(&response, "content-type"), Some("application/grpc"));
        assert_eq!(header(&response, "grpc-status"), Some(status));
        assert!(
            header(&response, "grpc-message")
                .unwrap()
                .starts_with(message)
        );
        assert_eq!(header(&response, "grpc-retry-pushback-ms"), pushback);
    }
    assert_eq!(all.served(), 0);
    all.source.answer(Ok(found(ComplianceState::Compliant)));
    let allowed = service.oneshot(from(PRESENT())).await.unwrap();
    assert_eq!(allowed.body(), "served a request");
}

#[tokio::test]
async fn a_host_may_answer_by_itself() {
    let all = fixture(required(), ComplianceState::Compliant);
    let layer = all.layer().refuse_with(|refusal: Refusal<'_>| {
        let code = match refusal {
            Refusal::Denied(decision) => decision.reason().as_str(),
            Refusal::NoCaller => "who?",
            Refusal::NoTemplate => "what?",
        };
        Response::new(code.to_owned())
    });
    let service = layer.layer(all.inner.clone());
    let response = service.clone().oneshot(from(DeviceIdentity::Invalid)).await;
    assert_eq!(response.unwrap().body(), "invalid_device_identity");
    let response = service.oneshot(Request::new(String::new())).await;
    assert_eq!(response.unwrap().body(), "who?");
}

#[tokio::test]
async fn it_is_ready_when_the_service_is() {
    let all = fixture(required(), ComplianceState::Compliant);
    let mut never = all.layer().layer(Inner {
        never_ready: true,
        ..Inner::default()
    });
    let mut context = Context::from_waker(std::task::Waker::noop());
    assert!(never.poll_ready(&mut context).is_pending());
    let mut ready = all.layer().layer(all.inner.clone());
    assert!(ready.poll_ready(&mut context).is_ready());
}

#[tokio::test]
async fn the_service_that_was_found_ready_is_the_one_that_is_called() {
    // `Inner` panics if it isn't.
    let all = fixture(required(), ComplianceState::Compliant);
    let mut service = all.layer().layer(all.inner.clone());
    for _ in 0..3 {
        let response = service.ready().await.unwrap().call(from(PRESENT())).await;
        assert_eq!(response.unwrap().status(), StatusCode::OK);
    }
    let mut clone = service.clone();
    let response = clone.ready().await.unwrap().call(from(PRESENT())).await;
    assert_eq!(response.unwrap().status(), StatusCode::OK);
    assert_eq!(all.served(), 4);
}

#[tokio::test]
async fn nothing_happens_before_the_future_is_polled_and_dropping_it_serves_nothing() {
    let all = fixture(required(), ComplianceState::Compliant);
    let mut service = all.layer().layer(all.inner.clone());
    let future: Pin<Box<dyn Future<Output = _> + Send>> =
        service.ready().await.unwrap().call(from(PRESENT()));
    drop(future);
    assert_eq!((all.served(), all.source.calls()), (0, 0));
}

#[tokio::test]
async fn a_service_that_fails_fails_as_itself() {
    let all = fixture(required(), ComplianceState::Compliant);
    let service = all
        .layer()
        .layer(tower::service_fn(async |_: Request<String>| {
            Err::<Response<String>, _>("it broke")
        }));
    assert_eq!(
        service.oneshot(from(PRESENT())).await.unwrap_err(),
        "it broke"
    );
}
