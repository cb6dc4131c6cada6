//! What a token endpoint, or something in its place, may answer, and what becomes of it.

use std::{error::Error as _, time::Duration};

use clock::Clock as _;
use entra_auth::{TokenErrorKind, TokenErrorKind::*, http::HttpClient};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::*;

#[tokio::test]
async fn the_request_is_the_documented_form() {
    let server = Server::start(|_| async { token_json(TOKEN, 3600) }).await;
    server.ask().await.unwrap();
    let request = server.received().remove(0);
    assert_eq!(request.method, "POST");
    assert_eq!(request.target, format!("/{TENANT}/oauth2/v2.0/token"));
    assert_eq!(
        request.header("content-type"),
        "application/x-www-form-urlencoded"
    );
    assert_eq!(request.header("accept"), "application/json");
    assert_eq!(request.header("client-request-id").len(), 36);
    let form = request.form();
    assert_eq!(form.len(), 4);
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["client_id"], CLIENT);
    assert_eq!(form["scope"], graph().as_str());
    assert_eq!(form["client_secret"], SECRET);
}

#[tokio::test]
async fn the_documented_refusal_is_read_field_by_field() {
    let server = Server::saying(401, &[("content-type", "application/json")], WRONG_SECRET).await;
    let error = server.ask().await.unwrap_err();
    assert_eq!(error.kind(), InvalidCredential);
    assert!(!error.is_transient());
    assert_eq!(error.status(), Some(401));
    assert_eq!(error.error(), Some("invalid_client"));
    assert_eq!(
        error.description(),
        Some("AADSTS7000215: Invalid client secret provided")
    );
    assert_eq!(error.aadsts_codes(), [7_000_215]);
    assert_eq!(
        error.trace_id(),
        Some("0b1e1d5a-0000-4000-8000-5d1a2b3c4d00")
    );
    assert_eq!(
        error.correlation_id(),
        Some("7f0e8a11-0000-4000-8000-5d1a2b3c4d00")
    );
    assert_eq!(error.timestamp(), Some("2026-11-23 06:10:00Z"));
    assert_eq!(error.retry_after(), None);
    assert_eq!(
        error.to_string(),
        "the client secret was rejected: check that it is the secret's value, not its ID \
         (status 401, `invalid_client`, AADSTS7000215, \
         trace ID 0b1e1d5a-0000-4000-8000-5d1a2b3c4d00, \
         correlation ID 7f0e8a11-0000-4000-8000-5d1a2b3c4d00)"
    );
}

#[tokio::test]
async fn an_error_without_a_correlation_id_has_the_one_that_was_sent() {
    let server = Server::saying(502, &[], "").await;
    let error = server.ask().await.unwrap_err();
    let request = server.received().remove(0);
    assert_eq!(
        error.correlation_id(),
        Some(request.header("client-request-id"))
    );
}

#[tokio::test]
async fn refusals_are_told_apart_by_status_then_error_then_number() {
    let json = |error: &str, code: u32| format!(r#"{{"error":"{error}","error_codes":[{code}]}}"#);
    let cases: Vec<(u16, String, TokenErrorKind)> = vec![
        (401, json("invalid_client", 7_000_222), ExpiredCredential),
        (401, json("invalid_client", 1), InvalidCredential),
        (401, "<html>".into(), InvalidCredential),
        (400, json("invalid_request", 90_002), UnknownTenant),
        (
            400,
            json("unauthorized_client", 700_016),
            UnknownApplication,
        ),
        (400, json("unauthorized_client", 1), UnknownApplication),
        (400, json("invalid_scope", 70_011), InvalidScope),
        (400, json("invalid_scope", 1), InvalidScope),
        (400, json("invalid_resource", 500_011), InvalidScope),
        (400, json("invalid_request", 900_144), Configuration),
        (400, json("interaction_required", 53_003), DeniedByPolicy),
        (400, json("interaction_required", 1), DeniedByPolicy),
        (400, json("invalid_request", 90_038), WrongCloud),
        (400, json("invalid_grant", 50_196), Throttled),
        (400, json("invalid_request", 1), Refused),
        (403, "forbidden".into(), Refused),
        (404, "".into(), Refused),
        (408, "".into(), Unavailable),
        (429, json("invalid_client", 7_000_215), Throttled),
        (400, json("temporarily_unavailable", 90_033), Unavailable),
        (500, json("invalid_client", 7_000_215), Unavailable),
        (503, "<html><body>busy</body></html>".into(), Unavailable),
        (204, "".into(), MalformedAnswer),
        (201, json("invalid_client", 7_000_215), MalformedAnswer),
        (302, "".into(), Configuration),
        // Field types that nobody promised cost no other field.
        (
            400,
            r#"{"error":"invalid_scope","error_codes":"70011","trace_id":7}"#.into(),
            InvalidScope,
        ),
        (400, r#"{"error":["invalid_scope"]}"#.into(), Refused),
        // The number stands in the text only.
        (
            400,
            r#"{"error":"invalid_request","error_description":"AADSTS90002: Tenant not found."}"#
                .into(),
            UnknownTenant,
        ),
    ];
    for (status, body, kind) in cases {
        let error = Server::saying(status, &[], body.clone())
            .await
            .ask()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}");
        assert_eq!(error.status(), Some(status), "{body}");
        let transient = matches!(kind, Throttled | Unavailable);
        assert_eq!(error.is_transient(), transient, "{status} {body}");
    }
}

#[tokio::test]
async fn a_gateways_page_costs_neither_status_nor_time() {
    let page = "<html>\n<head><title>502 Bad Gateway</title></head>\n</html>";
    let server = Server::saying(502, &[("content-type", "text/html")], page).await;
    let error = server.ask().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (Unavailable, Some(502)));
    assert!(!error.to_string().contains("Gateway"));
    assert_eq!(server.count(), 1, "no retry behind the caller's back");
}

#[tokio::test]
async fn throttling_in_plain_text_says_how_long_to_wait() {
    for (text, expected) in [
        ("60", Some(Duration::from_secs(60))),
        ("1.5", Some(Duration::from_millis(1500))),
        // Without a time that makes sense, five seconds.
        ("0", Some(Duration::from_secs(5))),
        ("-1", Some(Duration::from_secs(5))),
        ("soon", Some(Duration::from_secs(5))),
        ("nan", Some(Duration::from_secs(5))),
        ("1e400", Some(Duration::from_secs(5))),
        // Long ago, by the server's own clock.
        (
            "Mon, 23 Nov 2020 12:00:00 GMT",
            Some(Duration::from_secs(5)),
        ),
        // A broken proxy doesn't close the door for a year.
        ("31536000", Some(Duration::from_secs(300))),
    ] {
        let server = Server::start(move |_| async move {
            response(429, &[("retry-after", text)], "Too Many Requests".into())
        })
        .await;
        let error = server.ask().await.unwrap_err();
        assert_eq!(error.kind(), Throttled);
        assert_eq!(error.retry_after(), expected, "{text}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_secret_not_posted_again() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Server::start(|_| async { token_json(TOKEN, 3600) }).await;
        let target = elsewhere.url.to_string();
        let server = Server::start(move |_| {
            let mut answer = response(status, &[], "".into());
            answer
                .headers_mut()
                .insert("location", target.parse().unwrap());
            async { answer }
        })
        .await;
        let error = server.ask().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.status()),
            (Configuration, Some(status))
        );
        assert!(error.to_string().contains("redirect"));
        assert_eq!((server.count(), elsewhere.count()), (1, 0));
    }
}

#[tokio::test]
async fn a_200_that_is_no_token_is_malformed_and_its_body_is_not_shown() {
    for body in [
        "",
        "canary",
        "<html>canary</html>",
        "null",
        "[]",
        r#""canary""#,
        r#"{"token_type":"Bearer","expires_in":3600}"#,
        r#"{"token_type":"Bearer","expires_in":3600,"access_token":""}"#,
        r#"{"token_type":"Bearer","expires_in":3600,"access_token":null}"#,
        r#"{"token_type":"Bearer","expires_in":3600,"access_token":["canary"]}"#,
        r#"{"token_type":"Bearer","expires_in":3600,"access_token":"canary\r\nx: y"}"#,
        r#"{"token_type":"Bearer","expires_in":3600,"access_token":"canary"#,
        r#"{"token_type":"Bearer","access_token":"canary"}"#,
        r#"{"token_type":"Bearer","expires_in":0,"access_token":"canary"}"#,
        r#"{"token_type":"Bearer","expires_in":-3600,"access_token":"canary"}"#,
        r#"{"token_type":"Bearer","expires_in":"soon","access_token":"canary"}"#,
        r#"{"token_type":"Bearer","expires_in":"NaN","access_token":"canary"}"#,
        r#"{"token_type":"Bearer","expires_in":null,"access_token":"canary"}"#,
        r#"{"token_type":"Bearer","expires_in":{},"access_token":"canary"}"#,
        r#"{"token_type":"pop","expires_in":3600,"access_token":"canary"}"#,
        r#"{"expires_in":3600,"access_token":"canary"}"#,
        r#"{"error":"canary","error_description":"canary"}"#,
    ] {
        let server = Server::saying(200, &[], body).await;
        let client = server.client(&noon());
        let error = client.token(&graph()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.status()),
            (MalformedAnswer, Some(200)),
            "{body}"
        );
        assert!(!format!("{error} {error:?}").contains("canary"), "{body}");
        assert!(client.peek(&graph()).is_none());
    }
}

#[tokio::test]
async fn lifetimes_come_as_number_text_or_fraction_and_are_capped() {
    for (expires_in, seconds) in [
        ("3599", 3599),
        ("3599.0", 3599),
        ("\"3599\"", 3599),
        ("\" 3599 \"", 3599),
        ("3.599e3", 3599),
        ("86399", 86_399),
        ("100800", 100_800),
        ("100801", 100_800),
        ("1e300", 100_800),
        ("\"inf\"", 100_800),
    ] {
        let body = format!(
            r#"{{"token_type":"bearer","expires_in":{expires_in},"ext_expires_in":"x","refresh_in":[],"access_token":"{TOKEN}"}}"#
        );
        let token = Server::saying(200, &[], body).await.ask().await.unwrap();
        let lifetime = token.expires_at().since(noon().now().wall);
        assert_eq!(lifetime, Duration::from_secs(seconds), "{expires_in}");
        assert_eq!(text(&token), TOKEN);
    }
}

#[tokio::test]
async fn texts_are_cut_cleaned_and_dropped_if_they_echo_the_secret() {
    let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let long = "x".repeat(100_000);
    for echo in [SECRET, &encoded, &long, "a\u{1b}[2J\u{202e}b\u{7}"] {
        let quoted = serde_json::Value::from(echo);
        let body = format!(
            r#"{{"error":{quoted},"error_description":{quoted},"trace_id":{quoted},"correlation_id":{quoted},"timestamp":{quoted},"error_codes":[{}]}}"#,
            vec!["7000215"; 1000].join(",")
        );
        let error = Server::saying(400, &[], body)
            .await
            .ask()
            .await
            .unwrap_err();
        let shown = format!(
            "{error} {error:?} {:?} {:?}",
            error.description(),
            error.timestamp()
        );
        assert!(shown.len() < 4000, "{}", shown.len());
        assert!(
            shown.chars().all(|c| c == ' ' || c.is_ascii_graphic()),
            "{shown}"
        );
        assert!(
            !shown.contains(SECRET) && !shown.contains(&encoded),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn an_oversized_answer_is_given_up() {
    let server = Server::saying(200, &[], vec![b' '; (1 << 20) + 1]).await;
    let error = server.ask().await.unwrap_err();
    assert_eq!(error.kind(), MalformedAnswer);
    assert!(error.source().is_some());
}

/// A peer that reads a request, then writes `answer` and hangs up, or says nothing at all.
async fn raw(answer: Option<&'static str>) -> entra_auth::http::ServiceUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut peer, _) = listener.accept().await.unwrap();
            let _read = peer.read(&mut [0; 4096]).await.unwrap();
            match answer {
                Some(answer) => peer.write_all(answer.as_bytes()).await.unwrap(),
                None => kept.push(peer),
            }
        }
    });
    url.parse().unwrap()
}

#[tokio::test]
async fn a_connection_that_breaks_is_unavailability() {
    for answer in [
        "",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"access_token\":\"canary",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"acc",
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 6\r\n\r\ncanary",
    ] {
        let url = raw(Some(answer)).await;
        let client = client(&url, &noon(), HttpClient::new().unwrap());
        let error = client.token(&graph()).await.unwrap_err();
        assert_eq!(error.kind(), Unavailable, "{answer}");
        assert!(error.is_transient() && error.source().is_some());
        assert!(!format!("{error} {error:?}").contains("canary"), "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_time_out() {
    let url = raw(None).await;
    let http = HttpClient::builder()
        .timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    let error = client(&url, &noon(), http)
        .token(&graph())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), TimedOut);
    assert!(error.is_transient());
    assert_eq!(error.status(), None);
    assert!(error.correlation_id().is_some());
}
