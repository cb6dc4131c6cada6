//! What Graph may answer to one look-up, and what must come of it.

use std::time::Duration;

use compliance_gate::Policies;
use serde_json::{Value, json};

use crate::{
    running::{Answered, Running},
    tenant::{Answer, DEVICE, GRAPH_TOKEN, Tenant, changed, device, granted, page},
};

async fn asked(tenant: &Tenant) -> Answered {
    let host = Running::over(tenant).await;
    host.authorize(&tenant.token(json!({})), "device-management")
        .await
}

fn unavailable(answer: &Answered, what: &str) {
    assert_eq!(answer.line(), "503 source_unavailable -", "{what}");
    assert!(answer.headers.contains_key("retry-after"), "{what}");
    assert_eq!(answer.body["decision"]["outcome"], "deny", "{what}");
    assert_eq!(answer.body.get("ac"), None, "{what}");
}

#[tokio::test]
async fn a_look_up_asks_for_the_one_device_with_the_bearer() {
    let tenant = Tenant::start().await;
    assert_eq!(asked(&tenant).await.line(), "200 compliant live");
    let calls = tenant.calls("managedDevices");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].path, "/v1.0/deviceManagement/managedDevices");
    let query = url::form_urlencoded::parse(calls[0].query.as_bytes());
    let filter = query.into_owned().find(|(name, _)| name == "$filter");
    assert_eq!(filter.unwrap().1, format!("azureADDeviceId eq '{DEVICE}'"));
    let bearer = calls[0].authorization.as_deref();
    assert_eq!(bearer, Some(format!("Bearer {GRAPH_TOKEN}").as_str()));
}

#[tokio::test]
async fn rows_of_other_devices_do_not_count() {
    let tenant = Tenant::start().await;
    let stranger = |number: usize, state: &str| {
        let id = format!("22222222-2222-4333-8444-{number:012}");
        let entra = format!("99999999-2222-4333-8444-{number:012}");
        changed(device(state), json!({"id": id, "azureADDeviceId": entra}))
    };
    let mut rows: Vec<_> = (0..300)
        .map(|number| stranger(number, "compliant"))
        .collect();
    for odd in [
        json!(null),
        json!(""),
        json!(7),
        json!("00000000-0000-0000-0000-000000000000"),
    ] {
        rows.push(changed(
            stranger(1, "compliant"),
            json!({"azureADDeviceId": odd}),
        ));
    }
    let only_strangers = rows.clone();
    tenant.devices(move |_| page(&only_strangers));
    assert_eq!(asked(&tenant).await.line(), "403 device_not_found live");
    rows.insert(150, device("noncompliant"));
    tenant.devices(move |_| page(&rows));
    assert_eq!(asked(&tenant).await.line(), "403 noncompliant live");
}

#[tokio::test]
async fn all_pages_are_read_before_anything_is_decided() {
    let tenant = Tenant::start().await;
    let link = format!(
        "{}/v1.0/deviceManagement/managedDevices?$skiptoken=2",
        tenant.base()
    );
    tenant.devices(move |call| {
        if call.query.contains("skiptoken") {
            let other = json!({"id": "22222222-2222-4333-8444-555555555555"});
            return page(&[changed(device("noncompliant"), other)]);
        }
        Answer::json(&json!({"value": [device("compliant")], "@odata.nextLink": link}))
    });
    assert_eq!(asked(&tenant).await.line(), "403 conflicting_records live");
    assert_eq!(tenant.look_ups(), 2);

    // An empty page with a link is not the end either.
    let link = format!(
        "{}/v1.0/deviceManagement/managedDevices?$skiptoken=2",
        tenant.base()
    );
    tenant.devices(move |call| {
        if call.query.contains("skiptoken") {
            return page(&[device("compliant")]);
        }
        Answer::json(&json!({"value": [], "@odata.nextLink": link}))
    });
    assert_eq!(asked(&tenant).await.line(), "200 compliant live");
}

#[tokio::test]
async fn a_list_that_never_ends_or_breaks_off_is_no_answer() {
    let tenant = Tenant::start().await;
    let list = format!("{}/v1.0/deviceManagement/managedDevices", tenant.base());
    let first = |link: String| {
        move |call: &crate::tenant::Call| {
            if call.query.contains("skiptoken=broken") {
                return Answer::text(500, "{}");
            }
            Answer::json(&json!({"value": [device("compliant")], "@odata.nextLink": link}))
        }
    };
    tenant.devices(first(format!("{list}?$skiptoken=again")));
    unavailable(&asked(&tenant).await, "the same link again");
    assert!(tenant.look_ups() <= 3);
    tenant.devices(first(format!("{list}?$skiptoken=broken")));
    unavailable(&asked(&tenant).await, "the second page fails");
    for odd in ["", "not a url", "/v1.0/relative", "file:///etc/passwd"] {
        tenant.devices(first(odd.to_owned()));
        unavailable(&asked(&tenant).await, odd);
    }
    let growing = std::sync::atomic::AtomicUsize::new(0);
    tenant.devices(move |_| {
        let number = growing.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let link = format!("{list}?$skiptoken={number}");
        Answer::json(&json!({"value": [device("compliant")], "@odata.nextLink": link}))
    });
    unavailable(&asked(&tenant).await, "a new link every time");
}

#[tokio::test]
async fn the_bearer_stays_at_home() {
    let elsewhere = Tenant::start().await;
    let there = format!(
        "{}/v1.0/deviceManagement/managedDevices?$skiptoken=x",
        elsewhere.base()
    );
    let user_info = there.replacen("http://", "http://user@", 1);
    for link in [there.clone(), user_info] {
        let tenant = Tenant::start().await;
        tenant.devices(move |_| {
            Answer::json(&json!({"value": [device("compliant")], "@odata.nextLink": link}))
        });
        unavailable(&asked(&tenant).await, "a nextLink to another host");
    }
    for status in [301, 302, 303, 307, 308] {
        let tenant = Tenant::start().await;
        let location = there.clone();
        tenant.devices(move |_| Answer::text(status, "").with("location", &location));
        unavailable(&asked(&tenant).await, "a redirect");
        tenant.devices(|_| page(&[device("compliant")]));
        let location = there.clone();
        tenant.tokens(move |_| Answer::text(status, "").with("location", &location));
        unavailable(&asked(&tenant).await, "a redirect of the token endpoint");
    }
    assert!(elsewhere.calls("").is_empty(), "{:?}", elsewhere.calls(""));
}

#[tokio::test]
async fn refusals_and_failures_are_retryable_denies() {
    let error = json!({"error": {"code": "x", "message": "canary-message"}});
    for status in [
        400, 401, 403, 404, 408, 409, 410, 418, 429, 500, 502, 503, 504, 599,
    ] {
        let tenant = Tenant::start().await;
        let body = error.clone();
        // Longer than a call can wait: how often it is tried again is another matter.
        tenant.devices(move |_| Answer::status(status, &body).with("retry-after", 60));
        let host = Running::over(&tenant).await;
        let answer = host
            .authorize(&tenant.token(json!({})), "device-management")
            .await;
        unavailable(&answer, &status.to_string());
        let bound = if status == 401 { 2 } else { 4 };
        assert!(
            tenant.look_ups() <= bound,
            "{status}: {}",
            tenant.look_ups()
        );
        let record = host.records().remove(0);
        assert_eq!(record["data"]["source_error"]["status"], status);
        assert!(!record.to_string().contains("canary"), "{record}");
    }
}

#[tokio::test]
async fn how_long_to_wait_is_passed_on() {
    for (text, expected) in [
        ("17", "17"),
        ("0", "1"),
        ("16.5", "17"),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "1"),
    ] {
        let tenant = Tenant::start().await;
        tenant.devices(move |_| Answer::text(429, "{}").with("retry-after", text));
        let answer = asked(&tenant).await;
        unavailable(&answer, text);
        assert_eq!(answer.headers["retry-after"], expected, "{text}");
    }
}

#[tokio::test]
async fn garbage_is_no_answer() {
    let bodies = [
        "",
        "{}",
        "[]",
        "null",
        "<html><body>Service Unavailable</body></html>",
        r#"{"value":null}"#,
        r#"{"value":{}}"#,
        r#"{"value":"[]"}"#,
        r#"{"value":[7]}"#,
        r#"{"value":[null]}"#,
        r#"{"value":[[]]}"#,
        r#"{"value":[],"value":[]}"#,
        r#"{"value":["#,
        r#"{"value":[]}x"#,
        r#"{"value":[],"@odata.nextLink":7}"#,
        r#"{"error":{"code":"x"}}"#,
        "\u{feff}{\"value\":[]}",
    ];
    for body in bodies {
        let tenant = Tenant::start().await;
        tenant.devices(move |_| Answer::text(200, body));
        unavailable(&asked(&tenant).await, body);
    }
    let tenant = Tenant::start().await;
    let deep: &'static str = Box::leak("[".repeat(100_000).into_boxed_str());
    for answer in [
        || Answer::Cut(r#"{"value":[{"id":"#),
        || Answer::Cut(""),
        || Answer::Whole(200, Vec::new(), vec![b' '; 17 << 20].into()),
        || Answer::Whole(204, Vec::new(), bytes::Bytes::new()),
        || Answer::Whole(206, Vec::new(), br#"{"value":[]}"#.as_slice().into()),
    ] {
        tenant.devices(move |_| answer());
        unavailable(&asked(&tenant).await, "cut, huge, empty or partial");
    }
    tenant.devices(move |_| Answer::text(200, deep));
    unavailable(&asked(&tenant).await, "deep");
}

#[tokio::test]
async fn a_record_of_ours_that_is_damaged_does_not_pass() {
    // A property given twice, with the good news last or first, is no good news.
    let twice = |first: &str, last: &str| {
        let row = changed(device(first), json!({})).to_string();
        let row =
            row.trim_end_matches('}').to_owned() + &format!(",\"complianceState\":\"{last}\"}}");
        format!("{{\"value\":[{row}]}}")
    };
    for body in [
        twice("noncompliant", "compliant"),
        twice("compliant", "noncompliant"),
    ] {
        let tenant = Tenant::start().await;
        tenant.devices(move |_| Answer::Whole(200, Vec::new(), body.clone().into()));
        assert_ne!(asked(&tenant).await.status, 200);
    }
    for id in [json!(null), json!(""), json!(7), json!("x")] {
        let tenant = Tenant::start().await;
        tenant.devices(move |_| page(&[changed_to(&id)]));
        unavailable(&asked(&tenant).await, "a record without an id");
    }
}

fn changed_to(id: &Value) -> Value {
    let mut row = device("compliant");
    row["id"] = id.clone();
    row
}

#[tokio::test]
async fn undeclared_members_of_enumerations_spoil_nothing() {
    let tenant = Tenant::start().await;
    let odd = json!({
        "managementState": "somethingNew", "managementAgent": "intuneAosp", "jailBroken": false,
        "managedDeviceOwnerType": 7, "isEncrypted": "yes", "enrolledDateTime": "never", "new": {"a": [1]},
    });
    tenant.devices(move |_| page(&[changed(device("compliant"), odd.clone())]));
    assert_eq!(asked(&tenant).await.line(), "200 compliant live");
}

#[tokio::test]
async fn a_token_that_cannot_be_had_is_an_unavailable_source() {
    let refusal = json!({"error": "invalid_client", "error_codes": [7_000_215],
        "error_description": "AADSTS7000215: Invalid client secret provided."});
    for (status, body) in [
        (401, refusal.clone()),
        (400, refusal),
        (429, json!({})),
        (500, json!({})),
    ] {
        let tenant = Tenant::start().await;
        tenant.tokens(move |_| Answer::status(status, &body));
        unavailable(&asked(&tenant).await, &status.to_string());
        assert_eq!(tenant.look_ups(), 0);
    }
    for body in [
        json!({}),
        json!({"token_type": "Bearer", "expires_in": 3599}),
        json!({"token_type": "mac", "expires_in": 3599, "access_token": "x"}),
        json!({"token_type": "Bearer", "expires_in": 0, "access_token": "x"}),
        json!({"token_type": "Bearer", "expires_in": 3599, "access_token": "x\r\nhost: evil"}),
    ] {
        let tenant = Tenant::start().await;
        tenant.tokens(move |_| Answer::json(&body));
        unavailable(&asked(&tenant).await, "a token that is none");
        assert_eq!(tenant.look_ups(), 0);
    }
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once() {
    let tenant = Tenant::start().await;
    let count = std::sync::atomic::AtomicUsize::new(0);
    tenant.tokens(move |_| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        granted(&format!("token-{number}"))
    });
    tenant.devices(|call| match call.authorization.as_deref() {
        Some("Bearer token-0") => Answer::text(401, "{}"),
        _ => page(&[device("compliant")]),
    });
    assert_eq!(asked(&tenant).await.line(), "200 compliant live");
    assert_eq!(tenant.calls("/token").len(), 2);
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let tenant = Tenant::start().await;
    tenant.devices(|_| Answer::Silence);
    let policies = Policies::builder().build().unwrap();
    let deadline = Duration::from_millis(500);
    let host = Running::decided_by(&tenant, policies, deadline).await;
    let token = tenant.token(json!({}));
    let answer = host.authorize(&token, "device-management").await;
    unavailable(&answer, "silence");
    assert_eq!(
        host.records()[0]["data"]["source_error"]["kind"],
        "timed_out"
    );
    // And the device can be asked about again.
    tenant.devices(|_| page(&[device("compliant")]));
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "200 compliant live");
}
