//! The HTTP client, by itself.

use std::{process::Command, sync::Arc, time::Duration};

use bytes::Bytes;
use entra_auth::http::{HttpClient, TransportErrorKind, retry_after};
use http::{HeaderMap, Request};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls};

use crate::support::*;

fn get(url: impl AsRef<str>) -> Request<Bytes> {
    Request::get(url.as_ref()).body(Bytes::new()).unwrap()
}

fn client() -> HttpClient {
    HttpClient::new().unwrap()
}

#[tokio::test]
async fn any_status_is_an_answer() {
    for status in [200, 204, 301, 307, 400, 401, 404, 429, 500, 503] {
        let server = Server::saying(
            status,
            &[("location", "https://example.com/"), ("x-y", "z")],
            "",
        )
        .await;
        let response = client().send(get(server.url.as_url())).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["x-y"], "z");
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let server = Server::saying(200, &[], "pong").await;
    let url = server
        .url
        .join("devices/$batch?$top=5&$filter=a%20eq%20'b'")
        .unwrap();
    let request = Request::patch(url.as_str())
        .header("authorization", "Bearer x")
        .header("x-y", "z")
        .body("ping".into())
        .unwrap();
    let response = client().send(request).await.unwrap();
    assert_eq!(response.body(), "pong");
    let received = server.received().remove(0);
    assert_eq!(received.method, "PATCH");
    assert_eq!(
        received.target,
        "/devices/$batch?$top=5&$filter=a%20eq%20%27b%27"
    );
    assert_eq!(received.header("authorization"), "Bearer x");
    assert_eq!(received.header("x-y"), "z");
    assert!(received.header("user-agent").starts_with("entra-auth/"));
    assert_eq!(received.body, "ping");
}

#[tokio::test]
async fn an_insecure_url_is_refused_before_anything_is_sent() {
    for url in [
        "http://example.com/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil/",
        "http://192.0.2.1/",
        "http://user@127.0.0.1/",
        "https://user:password@127.0.0.1/",
        "ftp://127.0.0.1/",
    ] {
        let error = client().send(get(url)).await.unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::InsecureUrl, "{url}");
        assert!(!error.request_may_have_been_received());
    }
    let error = client().send(get("/relative")).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::InvalidRequest);
    assert!(!error.request_may_have_been_received());
}

#[tokio::test]
async fn nobody_listening_is_certain_not_to_have_heard() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client().send(get(url)).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Connect);
    assert!(!error.request_may_have_been_received());
}

/// Accepts each connection, reads, writes `answer`, and then hangs up or keeps silent.
async fn raw(answer: &'static str, hang_up: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut silent = Vec::new();
        loop {
            let (mut peer, _) = listener.accept().await.unwrap();
            let _read = peer.read(&mut [0; 4096]).await.unwrap();
            peer.write_all(answer.as_bytes()).await.unwrap();
            if !hang_up {
                silent.push(peer);
            }
        }
    });
    url
}

#[tokio::test]
async fn a_lost_answer_may_have_been_a_received_request() {
    use TransportErrorKind::*;
    let http = HttpClient::builder()
        .timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    for (answer, hang_up, kind) in [
        ("", true, Protocol),
        ("hello\r\n\r\n", true, Protocol),
        ("", false, Timeout),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1234",
            false,
            Timeout,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1234",
            true,
            BodyCut,
        ),
    ] {
        let url = raw(answer, hang_up).await;
        let error = http.send(get(&url)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{answer}");
        assert!(error.request_may_have_been_received());
        assert_eq!(error.clone().kind(), kind);
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_not_waited_for() {
    let http = HttpClient::builder()
        .idle_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1234"] {
        let url = raw(answer, false).await;
        let error = http.send(get(&url)).await.unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::Timeout, "{answer}");
        assert!(error.request_may_have_been_received());
    }
}

#[test]
fn a_wait_is_read_in_every_form_and_never_overflows() {
    let now = "1994-11-06T08:49:37Z".parse().unwrap();
    let wait = |value: &str, date: Option<&str>| {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", value.parse().unwrap());
        if let Some(date) = date {
            headers.insert("date", date.parse().unwrap());
        }
        retry_after(&headers, now)
    };
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (value, expected) in [
        ("0", seconds(0)),
        ("120", seconds(120)),
        (" 7 ", seconds(7)),
        ("2.128", Some(Duration::from_millis(2128))),
        // The three forms of RFC 9110, section 5.6.7.
        ("Sun, 06 Nov 1994 08:50:37 GMT", seconds(60)),
        ("Sunday, 06-Nov-94 08:50:37 GMT", seconds(60)),
        ("Sun Nov  6 08:50:37 1994", seconds(60)),
        ("Sun, 06 Nov 1994 08:49:36 GMT", seconds(0)),
        ("4294967296", seconds(u64::from(u32::MAX))),
        ("99999999999999999999999999", seconds(u64::from(u32::MAX))),
        (
            "Fri, 31 Dec 9999 23:59:59 GMT",
            seconds(u64::from(u32::MAX)),
        ),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        ("1e999", None),
        ("NaN", None),
        ("inf", None),
        ("Infinity", None),
        (".5", None),
        ("1.", None),
        ("1.2.3", None),
        ("soon", None),
        ("", None),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
    ] {
        assert_eq!(wait(value, None), expected, "{value}");
    }
    // Both by the server's clock, whatever ours says.
    let until = "Mon, 23 Nov 2026 12:00:30 GMT";
    assert_eq!(
        wait(until, Some("Mon, 23 Nov 2026 12:00:00 GMT")),
        seconds(30)
    );
    assert_eq!(
        wait(until, Some("Mon, 23 Nov 2026 12:00:31 GMT")),
        seconds(0)
    );
    assert_eq!(
        wait("Sun, 06 Nov 1994 08:50:37 GMT", Some("yesterday")),
        seconds(60)
    );
    assert_eq!(retry_after(&HeaderMap::new(), now), None);
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_certain_not_to_carry_a_request() {
    let url = raw("", false).await.replace("http:", "https:");
    let http = HttpClient::builder()
        .connect_timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    let error = http.send(get(&url)).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Timeout);
    assert!(!error.request_may_have_been_received());
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    let http = HttpClient::builder().max_body(1000).build().unwrap();
    for (size, fits) in [(0, true), (1000, true), (1001, false), (100_000, false)] {
        let server = Server::saying(200, &[], vec![b'x'; size]).await;
        match http.send(get(server.url.as_url())).await {
            Ok(response) => assert!(fits && response.body().len() == size),
            Err(error) => {
                assert_eq!(error.kind(), TransportErrorKind::BodyTooLarge);
                assert!(!fits && error.request_may_have_been_received());
            }
        }
    }
}

/// 100,000 zero bytes, compressed.
const BOMB: &[u8] =
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\xf5\
    \x4f\x6d\x0d\x0f\xa0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x80\x57\x03\x7d\x95\x11\xd4\xa0\x86\x01\x00";

#[tokio::test]
async fn the_limit_counts_decompressed_bytes() {
    let server = Server::saying(200, &[("content-encoding", "gzip")], BOMB).await;
    let enough = HttpClient::builder().max_body(100_000).build().unwrap();
    let response = enough.send(get(server.url.as_url())).await.unwrap();
    assert_eq!(response.body(), vec![0; 100_000].as_slice());
    let tight = HttpClient::builder().max_body(99_999).build().unwrap();
    let error = tight.send(get(server.url.as_url())).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::BodyTooLarge);
}

#[test]
fn the_environments_proxies_are_ignored() {
    // A process of its own, since the environment is the whole process's; port 1 has no listener.
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "transport::any_status_is_an_answer"]);
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "all_proxy",
        "ALL_PROXY",
    ] {
        test.env(name, "http://127.0.0.1:1");
    }
    let output = test
        .env_remove("no_proxy")
        .env_remove("NO_PROXY")
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && report.contains("1 passed"),
        "{report}"
    );
}

#[tokio::test]
async fn a_proxy_tunnels_https_and_sees_neither_header_nor_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut seen = vec![0; 4096];
        let length = peer.read(&mut seen).await.unwrap();
        seen.truncate(length);
        String::from_utf8(seen).unwrap()
    });
    let http = HttpClient::builder()
        .proxy(proxy.parse().unwrap())
        .build()
        .unwrap();
    let server = Server::saying(200, &[], "").await;
    http.send(get(server.url.as_url())).await.unwrap();
    let request = Request::post("https://service.invalid/canary")
        .header("authorization", "Bearer canary")
        .body("canary".into())
        .unwrap();
    let error = http.send(request).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Connect);
    let seen = seen.await.unwrap();
    assert!(seen.starts_with("CONNECT service.invalid:443 "), "{seen}");
    assert!(!seen.contains("canary"));
}

#[tokio::test]
async fn an_authority_that_nobody_vouches_for_is_not_talked_to() {
    let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![identity.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    tokio::spawn(async move {
        loop {
            let (peer, _) = listener.accept().await.unwrap();
            if let Ok(mut peer) = acceptor.accept(peer).await {
                let _read = peer.read(&mut [0; 4096]).await.unwrap();
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npong";
                peer.write_all(answer).await.unwrap();
                peer.shutdown().await.unwrap();
            }
        }
    });

    let error = client().send(get(&url)).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Connect);
    assert!(!error.request_may_have_been_received());

    let pem = identity.cert.pem();
    let trusting = HttpClient::builder()
        .root_certificates(pem)
        .build()
        .unwrap();
    assert_eq!(trusting.send(get(&url)).await.unwrap().body(), "pong");
}

#[test]
fn certificates_that_are_none_are_an_error() {
    for pem in [
        "",
        "canary",
        "-----BEGIN CERTIFICATE-----\ncanary\n-----END CERTIFICATE-----",
    ] {
        let error = HttpClient::builder()
            .root_certificates(pem)
            .build()
            .unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{pem}");
    }
    assert!(HttpClient::builder().user_agent("a\nb").build().is_err());
}
