//! What no well-behaved client sends: bytes on a socket, and connections that are held open.

use std::{sync::Arc, time::Duration};

use authorize_host::host;
use clock::ManualClock;
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::{
    running::Running,
    tenant::{Tenant, now},
};

async fn send(address: &str, bytes: &[u8]) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut sent = 0;
    while sent < bytes.len() {
        stream.writable().await.unwrap();
        sent += stream.try_write(&bytes[sent..]).unwrap_or(0);
    }
    stream
}

/// What comes back until the server closes, or `enough` is in it.
async fn receive(stream: &TcpStream, enough: &str) -> String {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    let read = async {
        loop {
            stream.readable().await.unwrap();
            match stream.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(_) => break,
            }
            if !enough.is_empty() && String::from_utf8_lossy(&received).contains(enough) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), read)
        .await
        .unwrap();
    String::from_utf8_lossy(&received).into_owned()
}

fn request(tenant: &Tenant, rest: &str) -> Vec<u8> {
    let token = tenant.token(json!({}));
    let start = "POST /governance/authorize/ HTTP/1.1\r\nhost: x\r\nauthorization: Bearer";
    format!("{start} {token}\r\n{rest}").into_bytes()
}

#[tokio::test]
async fn odd_requests_are_answered_for_what_they_are() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let headers: String = (0..200)
        .map(|number| format!("x-{number}: a\r\n"))
        .collect();
    let unreadable = b"POST /governance/authorize/ HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \xff\xfe\r\n\r\n";
    for (bytes, status) in [
        (
            request(&tenant, "transfer-encoding: chunked\r\n\r\nZZ\r\n"),
            "400",
        ),
        (
            request(
                &tenant,
                "content-length: 5\r\ncontent-length: 6\r\n\r\n{}   ",
            ),
            "400",
        ),
        (request(&tenant, "content-length: x\r\n\r\n{}"), "400"),
        (
            request(
                &tenant,
                "authorization: Bearer x\r\ncontent-length: 2\r\n\r\n{}",
            ),
            "401",
        ),
        (request(&tenant, &format!("{headers}\r\n")), "431"),
        (unreadable.to_vec(), "401"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".to_vec(), "400"),
    ] {
        let stream = send(host.address(), &bytes).await;
        let answer = receive(&stream, "\r\n\r\n").await;
        let first_line = answer.lines().next().unwrap_or_default();
        assert!(
            first_line.starts_with(&format!("HTTP/1.1 {status}")),
            "{first_line}"
        );
    }
    assert_eq!(tenant.look_ups(), 0);
    assert_eq!(host.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn requests_in_one_piece_are_answered_one_by_one() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let body = r#"{"accord_template":"device-management"}"#;
    let one = request(
        &tenant,
        &format!("content-length: {}\r\n\r\n{body}", body.len()),
    );
    let last = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let stream = send(host.address(), &[&one[..], &one, last].concat()).await;
    let answer = receive(&stream, "").await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    assert_eq!(host.records().len(), 2);
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_host_from_ending() {
    let tenant = Tenant::start().await;
    let (mut host, _files) = Running::unserved(&tenant);
    let clock = Arc::new(ManualClock::new(now()));
    host.clock = clock.clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (end, ended) = oneshot::channel::<()>();
    let served = tokio::spawn(host::serve_on(host, listener, async {
        let _ = ended.await;
    }));
    let _half_a_header = send(&address, b"POST /governance/auth").await;
    let _half_a_body = send(
        &address,
        &request(&tenant, "content-length: 39\r\n\r\n{\"acc"),
    )
    .await;
    // Both have been taken on once a later one is answered.
    let last = send(&address, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    receive(&last, "\"ok\"").await;
    end.send(()).unwrap();
    while clock.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!served.is_finished());
    clock.advance(Duration::from_secs(60));
    let served = tokio::time::timeout(Duration::from_secs(5), served).await;
    served.unwrap().unwrap().unwrap();
}
