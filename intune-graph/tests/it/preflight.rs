//! What stands between a host and its tenant, and what to do about it.

use std::time::Duration;

use entra_auth::TokenErrorKind;
use intune_graph::{
    Preflight,
    Verdict::{self, *},
};
use serde_json::{Value, json};

use crate::support::*;

/// The preflight of a host that only reads.
async fn reading(graph: &Graph, tokens: &Tokens) -> Preflight {
    let client = hurried(&graph.url, tokens.clone(), &Hurried::new());
    client.build().unwrap().preflight(None).await
}

async fn acting(graph: &Graph, reader: &Tokens, operator: &Tokens) -> Preflight {
    let client = hurried(&graph.url, reader.clone(), &Hurried::new());
    let client = client.build().unwrap();
    let actions = acting_as(&client, operator);
    client.preflight(Some(&actions)).await
}

fn verdicts(preflight: &Preflight) -> Vec<Verdict> {
    let checks = preflight.checks().iter();
    checks.map(|check| check.verdict).collect()
}

#[tokio::test]
async fn all_is_well() {
    let graph = tenant(secure).await;
    let tokens = granted("one", &[READ, PRIVILEGED]);
    let preflight = acting(&graph, &tokens, &tokens).await;
    assert!(preflight.has_passed());
    assert_eq!(verdicts(&preflight), vec![Passed; 12], "{preflight}");
    assert_eq!((graph.count(), tokens.asked().len()), (2, 4));
    // One line for each, with its name.
    let shown = preflight.to_string();
    assert_eq!(shown.lines().count(), preflight.checks().len());
    for (line, check) in shown.lines().zip(preflight.checks()) {
        assert!(
            line.starts_with("ok ") && line.contains(check.name),
            "{line}"
        );
        assert!(line.contains(&*check.detail));
    }
    let requests = graph.received();
    assert_eq!(requests[0].option("$top").as_deref(), Some("1"));
    assert_eq!(requests[1].path(), "/v1.0/deviceManagement");
    assert_eq!(requests[1].option("$select").as_deref(), Some("settings"));
    assert!(requests.iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn who_only_reads_needs_no_more() {
    let graph = tenant(secure).await;
    for role in [READ, READ_WRITE] {
        let preflight = reading(&graph, &granted("one", &[role])).await;
        assert_eq!(verdicts(&preflight), vec![Passed; 11], "{preflight}");
        assert!(!has(&preflight, "token for operations"));
        for name in WRITES {
            assert!(check(&preflight, name).detail.contains("off"));
        }
    }
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let graph = tenant(secure).await;
    for roles in [&[][..], &["Directory.Read.All"], &[PRIVILEGED]] {
        let tokens = granted("one", roles);
        let preflight = acting(&graph, &tokens, &tokens).await;
        assert!(!preflight.has_passed());
        for name in READS {
            let check = check(&preflight, name);
            assert_eq!(check.verdict, Failed);
            assert!(check.detail.contains(READ), "{}", check.detail);
        }
    }
    // A token without the claim is one without permissions.
    let bare = Tokens::of(jwt(&json!({"appid": "one"})));
    assert_eq!(verdict(&reading(&graph, &bare).await, "get_device"), Failed);

    for roles in [&[READ][..], &[READ_WRITE]] {
        let tokens = granted("one", roles);
        let preflight = acting(&graph, &tokens, &tokens).await;
        assert!(!preflight.has_passed());
        for name in WRITES {
            let check = check(&preflight, name);
            assert_eq!(check.verdict, Failed);
            for remedy in [PRIVILEGED, "INTUNE_OPERATIONS=off"] {
                assert!(check.detail.contains(remedy), "{}", check.detail);
            }
        }
        for name in READS {
            assert_eq!(verdict(&preflight, name), Passed);
        }
    }
}

#[tokio::test]
async fn a_token_that_cant_be_read_leaves_doubt_and_no_harm() {
    let graph = tenant(secure).await;
    let of = |roles: Value| jwt(&json!({"roles": roles}));
    for text in [
        "canary-opaque".to_owned(),
        "canary..".to_owned(),
        "a.canary!.c".to_owned(),
        format!("a.{}.c", "A".repeat(1_000)),
        "a.e30=.c".to_owned(),
        jwt(&json!("canary")),
        jwt(&json!([1])),
        of(json!("DeviceManagementManagedDevices.Read.All")),
        of(json!([READ, 1])),
        of(json!([[READ]])),
        of(json!({READ: true})),
        of(Value::Null),
        jwt(&json!({"appid": 7, "roles": [READ]})),
    ] {
        let tokens = Tokens::of(text.clone());
        let preflight = acting(&graph, &tokens, &tokens).await;
        for name in READS.iter().chain(&WRITES) {
            let check = check(&preflight, name);
            assert_eq!(check.verdict, Warning, "{text}");
            assert!(check.detail.contains("can't tell"));
        }
        assert!(preflight.has_passed());
        assert!(!format!("{preflight} {preflight:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_reader_that_could_act_without_need_is_noticed() {
    let graph = tenant(secure).await;
    let both = granted("one", &[READ, PRIVILEGED]);
    let operator = granted("two", &[PRIVILEGED]);
    for preflight in [
        acting(&graph, &both, &operator).await,
        reading(&graph, &both).await,
    ] {
        let check = check(&preflight, "least privilege");
        assert_eq!(check.verdict, Warning);
        assert!(check.detail.contains(PRIVILEGED));
        assert!(preflight.has_passed());
    }
    // One application is one, though it has two tokens.
    let again = granted("one", &[READ, PRIVILEGED]);
    let preflight = acting(&graph, &both, &again).await;
    assert!(!has(&preflight, "least privilege"), "{preflight}");
    // As it should be, and where it can't be told.
    let reader = granted("one", &[READ]);
    let out = Tokens::failing(TokenErrorKind::Unavailable);
    for (reader, operator) in [(&reader, &operator), (&both, &out)] {
        let preflight = acting(&graph, reader, operator).await;
        assert!(!has(&preflight, "least privilege"), "{preflight}");
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_asked() {
    for (kind, remedy) in [
        (TokenErrorKind::InvalidCredential, "secret"),
        (TokenErrorKind::UnknownTenant, "tenant"),
        (TokenErrorKind::Unavailable, "network"),
        (TokenErrorKind::TimedOut, "network"),
        (TokenErrorKind::Throttled, "later"),
    ] {
        let graph = tenant(secure).await;
        let tokens = Tokens::failing(kind);
        let preflight = reading(&graph, &tokens).await;
        assert!(!preflight.has_passed());
        let check = check(&preflight, "token");
        assert_eq!(check.verdict, Failed);
        assert!(check.detail.contains(remedy), "{}", check.detail);
        assert_eq!(verdict(&preflight, "read"), Warning);
        assert_eq!((graph.count(), tokens.asked().len()), (0, 1));
    }
    // The reader's serves though the operator's can't be had.
    let graph = tenant(secure).await;
    let out = Tokens::failing(TokenErrorKind::InvalidCredential);
    let preflight = acting(&graph, &granted("one", &[READ]), &out).await;
    assert_eq!(verdict(&preflight, "token for operations"), Failed);
    assert_eq!(verdict(&preflight, "read"), Passed);
    assert!(!preflight.has_passed());
}

#[tokio::test]
async fn a_read_that_fails_says_what_to_do() {
    for (status, body, remedy, requests) in [
        (401, REJECTED_TOKEN.to_owned(), "secret", 4),
        (401, refusal_of_intune(), "licence", 2),
        (403, String::new(), "administrator", 2),
        (404, nested("ResourceNotFound", "x"), "address", 2),
        (400, String::new(), "address", 2),
        (200, "<html>".to_owned(), "address", 2),
        (302, String::new(), "address", 2),
        (429, String::new(), "later", 3),
        (500, String::new(), "status page", 1),
        (503, String::new(), "status page", 3),
    ] {
        let graph = Graph::saying(status, &[("request-id", OTHER)], body).await;
        let preflight = reading(&graph, &granted("one", &[READ])).await;
        assert!(!preflight.has_passed());
        let check = check(&preflight, "read");
        assert_eq!(check.verdict, Failed);
        for part in [remedy, OTHER] {
            assert!(check.detail.contains(part), "{status}: {}", check.detail);
        }
        // Of a service that is out nothing more is asked.
        assert_eq!(graph.count(), requests, "{status}");
        assert_eq!(
            has(&preflight, UNASSIGNED),
            !matches!(status, 429 | 500 | 503)
        );
    }
    let closed = format!("http://{}", Bystander::new().address());
    let client = hurried(&closed, granted("one", &[READ]), &Hurried::new());
    let preflight = client.build().unwrap().preflight(None).await;
    assert!(check(&preflight, "read").detail.contains("network"));
}

#[tokio::test]
async fn an_empty_tenant_is_said_to_be_one() {
    let graph = Graph::of(vec![]).await;
    let preflight = reading(&graph, &granted("one", &[READ])).await;
    assert_eq!(verdict(&preflight, "read"), Passed);
    assert!(check(&preflight, "read").detail.contains("no device"));
}

#[tokio::test]
async fn how_devices_without_a_policy_count() {
    let of = |settings: Value| (200, json!({"settings": settings}).to_string());
    for ((status, body), expected, said) in [
        (of(json!({"secureByDefault": true})), Passed, "noncompliant"),
        (
            of(json!({"secureByDefault": false})),
            Warning,
            "count as compliant",
        ),
        (of(json!({"secureByDefault": null})), Warning, "doesn't say"),
        (of(json!({})), Warning, "doesn't say"),
        (of(Value::Null), Warning, "doesn't say"),
        ((200, "{}".to_owned()), Warning, "doesn't say"),
        (
            of(json!({"secureByDefault": "true"})),
            Warning,
            "can't be read",
        ),
        (of(json!([])), Warning, "can't be read"),
        (of(json!("canary")), Warning, "can't be read"),
        ((200, "[]".to_owned()), Warning, "can't be read"),
        ((200, "<html>canary".to_owned()), Warning, "can't be read"),
        ((403, String::new()), Warning, "can't be read"),
        ((404, String::new()), Warning, "can't be read"),
        ((503, String::new()), Warning, "can't be read"),
    ] {
        let answer = body.clone();
        let graph = tenant(move || response(status, &[], answer.clone().into())).await;
        let preflight = reading(&graph, &granted("one", &[READ])).await;
        let check = check(&preflight, UNASSIGNED);
        assert_eq!(check.verdict, expected, "{status} {body}");
        assert!(check.detail.contains(said), "{body}: {}", check.detail);
        let says_remedy = check
            .detail
            .contains("Mark devices with no compliance policy");
        assert_eq!(says_remedy, expected == Warning);
        assert!(preflight.has_passed());
        assert!(!format!("{preflight} {preflight:?}").contains("canary"));
    }
}

#[tokio::test]
async fn it_ends_within_the_deadlines_of_a_service_that_hangs() {
    let (graph, clock) = (Raw::start(vec![Treatment::Hang]).await, noon());
    let client = timed(&graph.url, &clock);
    let call = tokio::spawn(async move { client.preflight(None).await });
    until(|| graph.count() == 1).await;
    clock.advance(Duration::from_secs(9));
    let preflight = call.await.unwrap();
    assert_eq!(verdict(&preflight, "read"), Failed);
    assert!(!has(&preflight, UNASSIGNED));
    assert_eq!((graph.count(), clock.sleepers()), (1, 0));
}

#[tokio::test]
async fn no_token_is_shown() {
    let graph = Graph::start(|request, _| {
        let bearer = request.header("authorization").to_owned();
        let body = json!({"error": {"code": bearer, "message": bearer}}).to_string();
        response(403, &[("request-id", bearer)], body.into())
    })
    .await;
    let preflight = reading(&graph, &granted("canary-application", &[READ])).await;
    let shown = format!("{preflight} {preflight:?}");
    for secret in ["canary", "Bearer", "eyJ"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
