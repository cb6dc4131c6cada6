//! Whatever Graph does to an action: it is asked for once, and what came of it is told and recorded as it is.

use std::time::Duration;

use clock::{Clock as _, SystemClock};
use futures_util::future::join_all;
use intune_core::Operation;
use serde_json::{Value, json};

use crate::{
    desk::{ACTIONS, Desk},
    look_ups::DEADLINE,
    running::Running,
    shapes::{error, gateway, intune, missing, refusal},
    tenant::{Answer, DEVICE, RECORD, REQUEST_ID, Tenant, done},
};

type Fault = fn() -> Answer;

/// What Graph does with an action, and what must come of it.
struct Case {
    name: &'static str,
    takes_effect: bool,
    answer: Box<dyn Fn(&Tenant) -> Answer + Send + Sync>,
    result: &'static str,
    reason: Option<&'static str>,
    status: Option<u16>,
}

fn accepted(status: u16) -> Case {
    Case {
        name: "taken",
        takes_effect: true,
        answer: Box::new(move |_| Answer::text(status, "").with("request-id", REQUEST_ID)),
        result: "accepted",
        reason: None,
        status: Some(status),
    }
}

fn rejected(name: &'static str, reason: &'static str, answer: Fault) -> Case {
    let Answer::Whole(status, ..) = answer() else {
        panic!("{name} is no whole answer");
    };
    Case {
        name,
        takes_effect: false,
        answer: Box::new(move |_| answer()),
        result: "rejected",
        reason: Some(reason),
        status: Some(status),
    }
}

/// It is done, and the answer doesn't say so.
fn unknown(name: &'static str, reason: &'static str, answer: Fault) -> Case {
    let status = match answer() {
        Answer::Whole(status, ..) => Some(status),
        _ => None,
    };
    Case {
        name,
        takes_effect: true,
        answer: Box::new(move |_| answer()),
        result: "unknown",
        reason: Some(reason),
        status,
    }
}

fn held(status: u16) -> Answer {
    let body = json!({"error": {"code": "ApprovalRequired", "message": "canary-prose"}});
    error(status, &body).with(
        "x-msft-approval-code",
        "0b7a8f6e-9999-4222-8333-444455556666",
    )
}

fn cases() -> Vec<Case> {
    vec![
        accepted(204),
        accepted(202),
        rejected("400", "refused", || error(400, &intune("BadRequest"))),
        rejected("401, a bad token", "credential_rejected", || {
            error(401, &gateway("InvalidAuthenticationToken"))
        }),
        rejected("401, Intune refuses", "licence_missing", || {
            error(401, &refusal())
        }),
        rejected("403", "permission_missing", || {
            let role = "DeviceManagementManagedDevices.PrivilegedOperations.All";
            error(403, &missing(role))
        }),
        rejected("400, for approval", "approval_required", || held(400)),
        rejected("403, for approval", "approval_required", || held(403)),
        rejected("412, for approval", "approval_required", || held(412)),
        rejected("404", "refused", || error(404, &intune("ResourceNotFound"))),
        rejected("409", "refused", || error(409, &intune("Conflict"))),
        rejected("423", "refused", || error(423, &gateway("Locked"))),
        unknown("429", "throttled", || {
            error(429, &intune("TooManyRequests")).with("retry-after", 1)
        }),
        unknown("500", "unavailable", || {
            error(500, &intune("InternalServerError"))
        }),
        unknown("502", "unavailable", || {
            Answer::web_page(502).with("request-id", REQUEST_ID)
        }),
        unknown("503", "unavailable", || {
            Answer::web_page(503).with("request-id", REQUEST_ID)
        }),
        unknown("504", "unavailable", || error(504, &intune("UnknownError"))),
        unknown("408", "timed_out", || {
            error(408, &gateway("RequestTimeout"))
        }),
        unknown("cut", "unavailable", || Answer::Cut("")),
        Case {
            answer: Box::new(|tenant| {
                let elsewhere = tenant.next_link("x");
                error(307, &json!({})).with("location", elsewhere)
            }),
            ..unknown("a redirect", "malformed_answer", || error(307, &json!({})))
        },
    ]
}

impl Case {
    async fn plays_with(&self, (operation, name): (Operation, &'static str)) {
        let what = format!("{name}: {}", self.name);
        let tenant = Tenant::start().await;
        let host = Running::over(&tenant).await;
        let token = tenant.token(json!({}));
        let ask = || host.authorize(&token, "device-management");
        assert_eq!(ask().await.line(), "200 compliant live", "{what}");
        assert_eq!(ask().await.line(), "200 compliant cache", "{what}");
        let (takes_effect, answer) = (self.takes_effect, (self.answer)(&tenant));
        let answer = std::sync::Mutex::new(Some(answer));
        tenant.actions(move |_| {
            let first = answer.lock().unwrap().take();
            (takes_effect, first.unwrap_or_else(done))
        });

        let clock = SystemClock::new();
        let begun = clock.now();
        let invoked = Desk::at(&host).invokes(operation).await;
        let took = clock.now().since(begun);
        assert_eq!(invoked.outcome.as_str(), self.result, "{what}");
        assert!(invoked.is_outcome_recorded, "{what}");
        assert!(took <= DEADLINE, "{what}: {took:?}");
        assert!(!format!("{invoked:?}").contains("canary-prose"), "{what}");
        let failure = invoked.outcome.failure();
        assert_eq!(
            failure.map(|failure| failure.kind().as_str()),
            self.reason,
            "{what}"
        );

        let sent = tenant.action_calls();
        assert_eq!(sent.len(), 1, "{what}");
        let path = format!("/v1.0/deviceManagement/managedDevices/{RECORD}/{name}");
        assert_eq!(sent[0].path, path, "{what}");
        assert_eq!(sent[0].query, "", "{what}");
        let invocation = invoked.invocation.to_string();
        assert_eq!(
            sent[0].header("client-request-id"),
            Some(&*invocation),
            "{what}"
        );
        assert_eq!(
            tenant.effects().len(),
            usize::from(self.takes_effect),
            "{what}"
        );

        self.is_recorded(&what, &host.records(), operation, &invocation);
        // What may have changed is asked for again, and what can't have isn't.
        let served = if self.result == "rejected" {
            "cache"
        } else {
            "live"
        };
        assert_eq!(
            ask().await.line(),
            format!("200 compliant {served}"),
            "{what}"
        );
        assert_eq!(tenant.action_calls().len(), 1, "{what}");
    }

    fn is_recorded(&self, what: &str, records: &[Value], operation: Operation, invocation: &str) {
        let of_invocation = |record: &&Value| record["data"]["invocation_id"] == invocation;
        let records: Vec<_> = records.iter().filter(of_invocation).collect();
        let [intent, outcome] = records.as_slice() else {
            panic!("{what}: {records:?}");
        };
        assert_eq!(intent["data"]["phase"], "intent", "{what}");
        assert_eq!(intent["data"].get("result"), None, "{what}");
        for record in [intent, outcome] {
            let data = &record["data"];
            assert_eq!(record["eventname"], "CONNECTOR_INVOKED", "{what}");
            assert_eq!(record.get("eventcode"), None, "{what}");
            assert_eq!(data["operation"], operation.as_str(), "{what}");
            assert_eq!(data["target"]["managed_device_id"], RECORD, "{what}");
            assert_eq!(data["target"]["entra_device_id"], DEVICE, "{what}");
            assert_eq!(data["principal"]["delegate"], "agent-7", "{what}");
            assert!(!record.to_string().contains("canary"), "{what}: {record}");
        }
        let data = &outcome["data"];
        assert_eq!(data["phase"], "outcome", "{what}");
        assert_eq!(data["result"], self.result, "{what}");
        assert_eq!(
            data.get("reason"),
            self.reason.map(Value::from).as_ref(),
            "{what}"
        );
        assert_eq!(
            data.get("status"),
            self.status.map(Value::from).as_ref(),
            "{what}"
        );
        // The service's own id, or else ours, which it has seen.
        let id = self.status.map_or(invocation, |_| REQUEST_ID);
        assert_eq!(data["request_id"], id, "{what}");
        assert!(data["duration_ms"].is_u64(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_is_sent_once_and_told_and_recorded_for_what_came_of_it() {
    let cases = cases();
    let wiped = cases.iter().map(|case| case.plays_with(ACTIONS[3]));
    let others = cases.iter().enumerate();
    let others = others.map(|(number, case)| case.plays_with(ACTIONS[number % 3]));
    tokio::join!(join_all(wiped), join_all(others));
}

/// Actions that are never answered, which take as long as patience lasts.
pub(crate) async fn unanswered() {
    let silence = unknown("silence", "timed_out", || Answer::Silence);
    let drip = unknown("a drip", "timed_out", || Answer::Drip);
    let all = ACTIONS.map(|action| silence.plays_with(action));
    tokio::join!(join_all(all), drip.plays_with(ACTIONS[3]));
}

#[tokio::test]
async fn a_web_page_is_no_word_of_the_service_that_it_took_an_action() {
    for status in [200, 202] {
        let tenant = Tenant::start().await;
        let host = Running::over(&tenant).await;
        tenant.actions(move |_| (false, Answer::web_page(status)));
        let invoked = Desk::at(&host).invokes(Operation::WipeDevice).await;
        assert_eq!(tenant.action_calls().len(), 1);
        assert_eq!(invoked.outcome.as_str(), "unknown", "{status}");
    }
}

#[tokio::test]
async fn the_intent_is_on_record_before_anything_is_sent() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let chronicle = host.chronicle().clone();
    tenant.actions(move |call| {
        let text = std::fs::read_to_string(&chronicle).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(last["data"]["phase"], "intent");
        assert_eq!(
            last["data"]["invocation_id"],
            call.header("client-request-id").unwrap()
        );
        (true, done())
    });
    for (operation, _) in ACTIONS {
        let invoked = Desk::at(&host).invokes(operation).await;
        assert_eq!(invoked.outcome.as_str(), "accepted", "{operation}");
    }
    assert_eq!(tenant.effects().len(), 4);
}

#[tokio::test]
async fn a_device_that_cannot_be_looked_at_is_not_acted_on() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let faults: [(Fault, &str); 4] = [
        (
            || error(404, &intune("ResourceNotFound")),
            "device_not_found",
        ),
        (|| Answer::web_page(404), "refused"),
        (|| error(403, &gateway("Forbidden")), "permission_missing"),
        (|| Answer::web_page(200), "malformed_answer"),
    ];
    for (fault, reason) in faults {
        tenant.behaviour().device = std::sync::Arc::new(move |_| fault());
        for (operation, _) in ACTIONS {
            let refused = Desk::at(&host).attempts(operation).await.unwrap_err();
            assert_eq!(refused.kind().as_str(), reason, "{operation}");
            let record = host.records().pop().unwrap();
            assert_eq!(record["data"]["phase"], "refused", "{record}");
            assert_eq!(record["data"]["reason"], reason, "{record}");
        }
    }
    assert!(tenant.action_calls().is_empty());
}

#[tokio::test]
async fn a_token_that_is_rejected_is_not_used_again() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    tenant.actions(|_| (false, error(401, &gateway("InvalidAuthenticationToken"))));
    let desk = Desk::at(&host);
    assert_eq!(
        desk.invokes(Operation::WipeDevice).await.outcome.as_str(),
        "rejected"
    );
    assert_eq!(tenant.action_calls().len(), 1);
    let tokens = tenant.calls("/token").len();
    tenant.actions(|_| (true, done()));
    assert_eq!(
        desk.invokes(Operation::WipeDevice).await.outcome.as_str(),
        "accepted"
    );
    assert_eq!(tenant.calls("/token").len(), tokens + 1);
    assert_eq!(tenant.effects().len(), 1);
}

#[tokio::test]
async fn while_the_service_asks_to_be_left_alone_no_action_is_sent() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    tenant.actions(|_| (false, Answer::text(429, "{}").with("retry-after", 86_400)));
    let desk = Desk::at(&host);
    assert_eq!(
        desk.invokes(Operation::SyncDevice).await.outcome.as_str(),
        "unknown"
    );
    let clock = SystemClock::new();
    let begun = clock.now();
    for (operation, _) in ACTIONS {
        let refused = desk.attempts(operation).await.unwrap_err();
        assert_eq!(refused.kind().as_str(), "throttled", "{operation}");
    }
    assert!(clock.now().since(begun) < Duration::from_secs(2));
    assert_eq!(tenant.action_calls().len(), 1);
}
