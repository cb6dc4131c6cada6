//! Whatever Graph does to a look-up: a retryable deny in time, few requests, and all is well once it is over.

use std::{collections::HashSet, ops::RangeInclusive, time::Duration};

use clock::{Clock as _, SystemClock};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    running::{Answered, Running},
    shapes::{error, gateway, http_date, intune, intune_busy, missing, no_licence, refusal},
    tenant::{Answer, Call, Tenant, device, now, page},
};

/// The gate gives up after 10 s; the rest is the way there and back.
pub(crate) const DEADLINE: Duration = Duration::from_secs(12);

type Misbehaviour = dyn Fn(&Tenant, &Call) -> Answer + Send + Sync;

/// What the list of devices does, and what must come of it.
struct Case {
    name: &'static str,
    /// `source_error.kind` of the record.
    kind: &'static str,
    /// `source_error.status` of the record.
    status: Option<u16>,
    requests: RangeInclusive<usize>,
    fault: Box<Misbehaviour>,
    /// Whether the service asks to be left alone for longer than a test can wait.
    is_long: bool,
}

fn case(
    name: &'static str,
    kind: &'static str,
    status: impl Into<Option<u16>>,
    requests: RangeInclusive<usize>,
    fault: impl Fn(&Tenant, &Call) -> Answer + Send + Sync + 'static,
) -> Case {
    Case {
        name,
        kind,
        status: status.into(),
        requests,
        fault: Box::new(fault),
        is_long: false,
    }
}

/// An answer that is no answer, and would be none again.
fn refused(name: &'static str, kind: &'static str, status: u16, body: Value) -> Case {
    let requests = if name.contains("token") { 2..=2 } else { 1..=1 };
    case(name, kind, status, requests, move |_, _| {
        error(status, &body)
    })
}

/// The service is out, and may be asked three times.
fn out(name: &'static str, status: u16, answer: fn() -> Answer) -> Case {
    case(name, "unavailable", status, 2..=3, move |_, _| answer())
}

/// The service is busy, and says when to come back; or doesn't.
fn busy(name: &'static str, body: Value, retry_after: Option<&'static str>) -> Case {
    case(name, "throttled", 429, 1..=3, move |_, _| {
        let answer = error(429, &body);
        match retry_after {
            Some(text) => answer.with("retry-after", text),
            None => answer,
        }
    })
}

fn busy_until(name: &'static str, seconds: u64) -> Case {
    case(name, "throttled", 429, 1..=3, move |_, _| {
        let until = now().saturating_add(Duration::from_secs(seconds));
        let until = http_date(until);
        error(429, &gateway("TooManyRequests")).with("retry-after", until)
    })
}

fn long(case: Case) -> Case {
    let requests = 1..=1;
    Case {
        is_long: true,
        requests,
        ..case
    }
}

/// An answer of 200 that can't be read.
fn malformed(name: &'static str, answer: fn(&Tenant, &Call) -> Answer) -> Case {
    case(name, "malformed_answer", None, 1..=3, answer)
}

fn linked(link: &str) -> Answer {
    Answer::json(&json!({"value": [device("compliant")], "@odata.nextLink": link}))
}

fn cases() -> Vec<Case> {
    let read = "DeviceManagementManagedDevices.Read.All";
    let throttled = || gateway("TooManyRequests");
    vec![
        refused("400", "refused", 400, gateway("BadRequest")),
        refused("400 of Intune", "refused", 400, intune("InternalError")),
        refused(
            "401, a bad token",
            "credential_rejected",
            401,
            gateway("InvalidAuthenticationToken"),
        ),
        refused("401, Intune refuses", "licence_missing", 401, refusal()),
        refused(
            "403",
            "permission_missing",
            403,
            gateway("Authorization_RequestDenied"),
        ),
        refused("403 of Intune", "permission_missing", 403, missing(read)),
        refused("404 of Intune", "refused", 404, intune("ResourceNotFound")),
        refused("404, no licence", "licence_missing", 404, no_licence()),
        refused("409", "refused", 409, intune("Conflict")),
        case(
            "401 by its challenge",
            "licence_missing",
            401,
            1..=1,
            |_, _| {
                let challenge = "Bearer realm=\"urn:intune:service,c3998d6e\"";
                error(401, &json!({})).with("www-authenticate", challenge)
            },
        ),
        busy("429, a second", throttled(), Some("1")),
        busy("429, a fraction", throttled(), Some("0.25")),
        busy("429, in the body", intune_busy(&json!(1)), None),
        busy("429, a text in the body", intune_busy(&json!("1")), None),
        busy_until("429, a date", 1),
        long(busy("429, a day", throttled(), Some("86400"))),
        long(busy(
            "429, a day in the body",
            intune_busy(&json!(86400)),
            None,
        )),
        long(busy_until("429, a date tomorrow", 86_400)),
        out("500", 500, || error(500, &intune("InternalServerError"))).asked(1..=3),
        out("502, a page", 502, || Answer::web_page(502)),
        out("503, a page", 503, || Answer::web_page(503)),
        out("503, a second", 503, || {
            error(503, &gateway("ServiceUnavailable")).with("retry-after", 1)
        }),
        out("504", 504, || error(504, &intune("UnknownError"))),
        case("cut at once", "unavailable", None, 2..=3, |_, _| {
            Answer::Cut("")
        }),
        case("cut within", "unavailable", None, 2..=3, |_, _| {
            Answer::Cut("{\"value\":[{\"id\":\"")
        }),
        malformed("a page with 200", |_, _| Answer::web_page(200)),
        malformed("garbage", |_, _| {
            Answer::Whole(200, Vec::new(), vec![0xff; 300].into())
        }),
        malformed("deep", |_, _| {
            Answer::Whole(200, Vec::new(), vec![b'['; 100_000].into())
        }),
        malformed("too large", |_, _| {
            Answer::Whole(200, Vec::new(), vec![b' '; 5 << 20].into())
        }),
        malformed("not gzip", |_, _| {
            Answer::text(200, "{}").with("content-encoding", "gzip")
        })
        .kind("unavailable"),
        malformed("the page itself", |tenant, _| {
            linked(&tenant.next_link("again"))
        }),
        malformed("there and back", |tenant, call| {
            linked(&tenant.next_link(if call.query.contains("one") {
                "two"
            } else {
                "one"
            }))
        }),
        malformed("no end", |tenant, _| {
            linked(&tenant.next_link(&tenant.look_ups().to_string()))
        })
        .asked(1..=100),
        malformed("a page elsewhere", |_, _| {
            linked("https://graph.example/v1.0/deviceManagement")
        }),
        case("a redirect", "malformed_answer", 302, 1..=1, |tenant, _| {
            Answer::text(302, "").with("location", tenant.next_link("there"))
        }),
    ]
}

/// Those that take the whole deadline, or ask for pauses that grow.
fn slow_cases() -> Vec<Case> {
    let throttled = || gateway("TooManyRequests");
    vec![
        busy("429, no header", throttled(), None),
        busy("429 of Intune", intune("TooManyRequests"), None),
        busy("429, nonsense", throttled(), Some("in a while")),
        case("silence", "timed_out", None, 1..=3, |_, _| Answer::Silence),
        case("a drip", "timed_out", None, 1..=3, |_, _| Answer::Drip),
    ]
}

impl Case {
    fn asked(self, requests: RangeInclusive<usize>) -> Self {
        Self { requests, ..self }
    }

    fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// What isn't as it must be.
    async fn complaints(self) -> Vec<String> {
        let Self {
            name,
            kind,
            status,
            requests,
            fault,
            is_long,
        } = self;
        let tenant = Tenant::start().await;
        let teller = tenant.clone();
        tenant.devices(move |call| fault(&teller, call));
        let host = Running::over(&tenant).await;
        let token = tenant.token(json!({}));
        assert_eq!(host.get("/readyz").await.status, 200);
        let clock = SystemClock::new();

        let begun = clock.now();
        let answer = host.authorize(&token, "device-management").await;
        let took = clock.now().since(begun);
        let record = host.records().remove(0);
        let failure = &record["data"]["source_error"];
        let asked = tenant.look_ups();
        let tokens = tenant.calls("/token").len();
        let mut found = vec![
            (
                is_unavailable(&answer),
                format!("answered {}", answer.line()),
            ),
            (took <= DEADLINE, format!("took {took:?}")),
            (requests.contains(&asked), format!("asked {asked} times")),
            (failure["kind"] == kind, format!("recorded as {failure}")),
            (
                failure["status"] == json!(status),
                format!("recorded as {failure}"),
            ),
            (
                asked > 3 || failure["request_id"].is_string(),
                format!("recorded as {failure}"),
            ),
            // By which Intune refuses the tenant, whatever the token.
            (
                kind != "licence_missing" || tokens == 1,
                format!("{tokens} tokens"),
            ),
            (!record.to_string().contains("canary"), record.to_string()),
            (
                !answer.body.to_string().contains("canary"),
                answer.body.to_string(),
            ),
        ];

        tenant.devices(|_| page(&[device("compliant")]));
        if !is_long {
            let next = host.authorize(&token, "device-management").await;
            found.push((
                next.line() == "200 compliant live",
                format!("then {}", next.line()),
            ));
        }
        found.retain(|(is_right, _)| !is_right);
        found
            .into_iter()
            .map(|(_, what)| format!("{name}: {what}"))
            .collect()
    }
}

/// A deny that may be tried again, when it says.
pub(crate) fn is_unavailable(answer: &Answered) -> bool {
    let seconds = answer.headers.get("retry-after");
    let seconds = seconds.and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    answer.line() == "503 source_unavailable -"
        && answer.body["decision"]["outcome"] == "deny"
        && answer.body.get("ac").is_none()
        && seconds.is_some_and(|seconds| seconds >= 1)
}

async fn all_are_right(cases: Vec<Case>) {
    let complaints = cases.into_iter().map(Case::complaints);
    let complaints = join_all(complaints.map(tokio::spawn)).await;
    let complaints: Vec<_> = complaints.into_iter().flat_map(Result::unwrap).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

pub(crate) async fn slow_look_ups() {
    all_are_right(slow_cases()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_a_retryable_deny_in_time_and_forgotten_when_it_is_over() {
    all_are_right(cases()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_fails_once_or_twice_is_tried_again() {
    let faults: [fn() -> Answer; 6] = [
        || Answer::web_page(502),
        || Answer::web_page(503),
        || error(504, &intune("UnknownError")),
        || error(429, &gateway("TooManyRequests")).with("retry-after", "0.2"),
        || Answer::Cut(""),
        || Answer::Cut("{\"value\":"),
    ];
    let fails = |fault: fn() -> Answer, times: usize| async move {
        let tenant = Tenant::start().await;
        let teller = tenant.clone();
        tenant.devices(move |_| match teller.look_ups() {
            asked if asked <= times => fault(),
            _ => page(&[device("compliant")]),
        });
        let host = Running::over(&tenant).await;
        let token = tenant.token(json!({}));
        let answer = host.authorize(&token, "device-management").await;
        assert_eq!(answer.line(), "200 compliant live");
        assert_eq!(tenant.look_ups(), times + 1);
        // Graph's own advice to those who repeat a request, and an id for each.
        let calls = tenant.calls("managedDevices");
        let attempts: Vec<_> = calls
            .iter()
            .map(|call| call.header("retry-attempt"))
            .collect();
        assert_eq!(attempts, [None, Some("1"), Some("2")][..=times]);
        let ids = calls
            .iter()
            .map(|call| call.header("client-request-id").unwrap());
        assert_eq!(ids.collect::<HashSet<_>>().len(), times + 1);
    };
    let both = faults
        .into_iter()
        .flat_map(|fault| [fails(fault, 1), fails(fault, 2)]);
    join_all(both).await;
}
