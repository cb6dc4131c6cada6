//! Continuous access evaluation: what is asked for, what a challenge says, and what becomes of it.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use entra_auth::{ClaimsChallenge, TokenErrorKind::*, TokenProvider as _};
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::{
    drive::{Answer::*, *},
    support::*,
};

fn headers<S: AsRef<str>>(values: &[S]) -> HeaderMap {
    let values = values
        .iter()
        .map(|value| HeaderValue::from_str(value.as_ref()).unwrap());
    values
        .map(|value| (http::header::WWW_AUTHENTICATE, value))
        .collect()
}

fn bearer(claims: &str) -> String {
    format!(
        r#"Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000", error="insufficient_claims", claims="{claims}""#
    )
}

fn challenge(claims: &Value) -> ClaimsChallenge {
    let claims = STANDARD.encode(claims.to_string());
    ClaimsChallenge::from_headers(&headers(&[&bearer(&claims)])).unwrap()
}

/// The `claims` of each request, as JSON.
fn asked(endpoint: &Endpoint) -> Vec<Value> {
    let requests = endpoint.server.received().into_iter();
    let claims = requests.map(|request| request.form().remove("claims"));
    claims
        .map(|claims| claims.map_or(Value::Null, |claims| serde_json::from_str(&claims).unwrap()))
        .collect()
}

/// The claims that a client without cp1 passes on for these headers.
async fn passed_on(headers: &HeaderMap) -> Option<Value> {
    let challenge = ClaimsChallenge::from_headers(headers)?;
    let endpoint = Endpoint::new(HOUR).await;
    let client = endpoint.client(&noon());
    let token = client.token(&graph()).await.unwrap();
    let token = client
        .token_for_challenge(&graph(), &token, &challenge)
        .await;
    token.unwrap();
    Some(asked(&endpoint).remove(1))
}

#[tokio::test]
async fn cp1_is_said_by_those_who_opted_in_and_their_tokens_are_kept_apart() {
    let endpoint = Endpoint::new(HOUR).await;
    let client = endpoint.client(&noon());
    let capable = client.with_continuous_access_evaluation();
    let (plain, evaluated) = (
        client.token(&graph()).await.unwrap(),
        capable.token(&graph()).await.unwrap(),
    );
    assert!(!plain.is_same(&evaluated));
    assert!(client.peek(&graph()).unwrap().is_same(&plain));
    assert!(capable.clone().peek(&graph()).unwrap().is_same(&evaluated));
    let received = endpoint.server.received();
    assert!(!received[0].form().contains_key("claims"));
    assert_eq!(
        received[1].form()["claims"],
        r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#
    );
    // A 401 for one is none for the other.
    client.invalidate(&graph(), &evaluated);
    capable.invalidate(&graph(), &plain);
    assert_eq!(
        client
            .status()
            .iter()
            .filter(|s| s.expires_at.is_some())
            .count(),
        2
    );
    capable.invalidate(&graph(), &evaluated);
    assert!(capable.peek(&graph()).is_none() && client.peek(&graph()).is_some());
}

#[tokio::test]
async fn the_background_says_cp1_too() {
    let (endpoint, clock) = (Endpoint::new(HOUR).await, noon());
    let client = endpoint.client(&clock);
    let keeping = keep_fresh(&client);
    client
        .with_continuous_access_evaluation()
        .token(&graph())
        .await
        .unwrap();
    settled(&clock, 1).await;
    clock.advance(secs(1800));
    settled(&clock, 1).await;
    let cp1 = json!({"access_token": {"xms_cc": {"values": ["cp1"]}}});
    assert_eq!(asked(&endpoint), [cp1.clone(), cp1]);
    drop(keeping.stop);
    keeping.task.await.unwrap();
}

#[tokio::test]
async fn the_documented_claims_are_read() {
    for (encoded, expected) in [
        (
            "eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlIjoiY3AxIn19fQ==",
            json!({"access_token": {"acrs": {"essential": true, "value": "cp1"}}}),
        ),
        (
            // With a space inside.
            "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwgInZhbHVlIjoiMTYwNDEwNjY1MSJ9fX0=",
            json!({"access_token": {"nbf": {"essential": true, "value": "1604106651"}}}),
        ),
    ] {
        assert_eq!(
            passed_on(&headers(&[&bearer(encoded)])).await,
            Some(expected)
        );
    }
}

#[tokio::test]
async fn a_challenge_is_found_wherever_it_stands_and_however_it_is_encoded() {
    // Encoded, it has all of `+`, `/` and `=`.
    let claims = json!({"access_token": {"x": ">>>???~~"}});
    let bytes = claims.to_string();
    let (standard, unpadded) = (STANDARD.encode(&bytes), STANDARD_NO_PAD.encode(&bytes));
    let url_safe = URL_SAFE_NO_PAD.encode(&bytes);
    assert!(standard.contains(['+', '/']) && url_safe.contains(['-', '_']));
    let ours = bearer(&standard);
    let first = |other: &str| vec![other.to_owned(), ours.clone()];
    for values in [
        vec![ours.clone()],
        vec![bearer(&unpadded)],
        vec![bearer(&url_safe)],
        first("Negotiate"),
        first(r#"Basic realm="x""#),
        first(r#"Bearer error="invalid_token""#),
        first(r#"Bearer realm=""#),
        vec![format!(r#"PoP nonce="x", {ours}"#)],
        vec![format!(r#"{ours}, Basic realm="a, b""#)],
        vec![format!(r#"Bearer realm="first", {ours}"#)],
        vec![
            ours.replace("Bearer", "bearer")
                .replace(" claims=", " Claims="),
        ],
    ] {
        assert_eq!(
            passed_on(&headers(&values)).await.as_ref(),
            Some(&claims),
            "{values:?}"
        );
    }
}

#[test]
fn what_is_no_challenge_is_none() {
    let good = STANDARD.encode(r#"{"access_token":{}}"#);
    assert!(ClaimsChallenge::from_headers(&headers(&[&bearer(&good)])).is_some());
    let encoded = |text: &str| bearer(&STANDARD.encode(text));
    let mut none = vec![
        String::new(),
        "Bearer".to_owned(),
        bearer(&good).replace("Bearer", "Basic"),
        bearer(&good).replace("insufficient_claims", "invalid_token"),
        bearer(&good).replace("claims=", "claim="),
        bearer(""),
        bearer("%%%"),
        bearer("===="),
        bearer(&good).replace('"', "'"),
        bearer(&STANDARD.encode([0xff, 0xfe])),
    ];
    none.extend(["", "null", "[]", "7", "\"x\"", "{", r#"{"access_token":7}"#].map(encoded));
    for value in none {
        assert!(
            ClaimsChallenge::from_headers(&headers(&[&value])).is_none(),
            "{value}"
        );
    }
    assert!(ClaimsChallenge::from_headers(&HeaderMap::new()).is_none());
    let mut opaque = HeaderMap::new();
    opaque.insert(
        "www-authenticate",
        HeaderValue::from_bytes(b"Bearer \xff").unwrap(),
    );
    assert!(ClaimsChallenge::from_headers(&opaque).is_none());
}

#[test]
fn a_header_of_more_than_16_kib_is_none() {
    let padded = |length: usize| {
        let bare = bearer(&STANDARD.encode(r#"{"access_token":{}}"#));
        bare.replace(
            "realm=\"\"",
            &format!("realm=\"{}\"", "x".repeat(length - bare.len())),
        )
    };
    let fits = padded(16 * 1024);
    assert!(ClaimsChallenge::from_headers(&headers(&[&fits])).is_some());
    assert!(ClaimsChallenge::from_headers(&headers(&[&padded(16 * 1024 + 1)])).is_none());
}

#[test]
fn debug_shows_none_of_it() {
    let challenge = challenge(&json!({"access_token": {"canary": 1}}));
    assert!(!format!("{challenge:?}").contains("canary"));
}

fn nbf() -> Value {
    json!({"access_token": {"nbf": {"essential": true, "value": "1604106651"}}, "id_token": {}})
}

#[tokio::test]
async fn a_challenge_is_answered_with_merged_claims_once() {
    let endpoint = Endpoint::new(HOUR).await;
    let client = endpoint.client(&noon()).with_continuous_access_evaluation();
    let rejected = client.token(&graph()).await.unwrap();
    let challenge = challenge(&nbf());
    let token = client
        .token_for_challenge(&graph(), &rejected, &challenge)
        .await
        .unwrap();
    assert!(!token.is_same(&rejected));
    assert!(client.token(&graph()).await.unwrap().is_same(&token));
    let mut merged = nbf();
    merged["access_token"]["xms_cc"] = json!({"values": ["cp1"]});
    assert_eq!(asked(&endpoint)[1..], [merged]);
}

#[tokio::test]
async fn a_late_challenge_gets_the_newer_token_without_a_request() {
    let endpoint = Endpoint::new(HOUR).await;
    let client = endpoint.client(&noon()).with_continuous_access_evaluation();
    let rejected = client.token(&graph()).await.unwrap();
    let challenge = challenge(&nbf());
    let newer = client
        .token_for_challenge(&graph(), &rejected, &challenge)
        .await
        .unwrap();
    for _ in 0..100 {
        let late = client
            .token_for_challenge(&graph(), &rejected, &challenge)
            .await;
        assert!(late.unwrap().is_same(&newer));
    }
    assert_eq!(endpoint.count(), 2);
}

#[tokio::test]
async fn a_thousand_callers_with_the_same_challenge_share_a_request() {
    for (answer, kind) in [
        (HOUR, None),
        (Refusal(401, WRONG_SECRET), Some(InvalidCredential)),
    ] {
        let endpoint = Endpoint::with(vec![HOUR], answer).await;
        let client = endpoint.client(&noon()).with_continuous_access_evaluation();
        let rejected = client.token(&graph()).await.unwrap();
        let challenge = challenge(&nbf());
        let scope = graph();
        let callers = (0..1000).map(|_| client.token_for_challenge(&scope, &rejected, &challenge));
        for outcome in join_all(callers).await {
            assert_eq!(outcome.err().map(|error| error.kind()), kind);
        }
        assert_eq!(endpoint.count(), 2);
        // The rejected one doesn't come back.
        assert!(
            !client
                .peek(&graph())
                .is_some_and(|token| token.is_same(&rejected))
        );
    }
}

#[tokio::test]
async fn a_challenge_does_not_take_what_a_request_without_it_brings() {
    let gate = Gate::new();
    let held = gate.clone();
    let server = Server::start(move |request| {
        let gate = held.clone();
        async move {
            let token = request
                .form()
                .remove("claims")
                .map_or("plain", |_| "claimed");
            if token == "plain" {
                gate.pass().await;
            }
            token_json(token, 3600)
        }
    })
    .await;
    let clock = noon();
    let client = server.client(&clock);
    gate.release(1);
    let rejected = client.token(&graph()).await.unwrap();
    gate.arrival().await;
    client.invalidate(&graph(), &rejected);
    let other = client.clone();
    let plain = tokio::spawn(async move { other.token(&graph()).await.unwrap() });
    gate.arrival().await;
    clock.advance(MILLI);

    let challenge = challenge(&nbf());
    let claimed = client
        .token_for_challenge(&graph(), &rejected, &challenge)
        .await
        .unwrap();
    assert_eq!(text(&claimed), "claimed");
    // The older request, ending later, doesn't replace it.
    gate.release(1);
    assert_eq!(text(&plain.await.unwrap()), "plain");
    assert!(client.peek(&graph()).unwrap().is_same(&claimed));
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_policy_that_refuses_the_challenge_is_told() {
    let denied = r#"{"error":"interaction_required","error_codes":[53003],"claims":"{}"}"#;
    let endpoint = Endpoint::with(vec![HOUR], Refusal(400, denied)).await;
    let client = endpoint.client(&noon()).with_continuous_access_evaluation();
    let rejected = client.token(&graph()).await.unwrap();
    let outcome = client
        .token_for_challenge(&graph(), &rejected, &challenge(&nbf()))
        .await;
    assert_eq!(outcome.unwrap_err().kind(), DeniedByPolicy);
    assert!(client.peek(&graph()).is_none());
}
