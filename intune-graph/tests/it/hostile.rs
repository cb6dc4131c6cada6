//! Servers that break the rules below HTTP's surface.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use entra_auth::http::HttpClient;
use intune_core::{DeviceDirectory as _, SourceFailure, SourceFailureKind};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use crate::support::*;

/// A server that reads a request, writes `answer`, and hangs up; with a count of its connections.
async fn raw(answer: &'static str) -> (String, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
            read_request(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, connections)
}

async fn failure(url: &str) -> SourceFailure {
    client(url).records(device_id()).await.unwrap_err()
}

#[tokio::test]
async fn an_answer_that_is_always_cut_is_an_error() {
    for (answer, kind) in [
        ("", SourceFailureKind::Unavailable),
        ("HTTP/1.1 200 O", SourceFailureKind::Unavailable),
        ("garbage\r\n\r\n", SourceFailureKind::Unavailable),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"value\":[]}",
            SourceFailureKind::Unavailable,
        ),
        // What came would be a page.
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nc\r\n{\"value\":[]}\r\n",
            SourceFailureKind::Unavailable,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 12\r\n\r\n{\"value\":[]}",
            SourceFailureKind::Unavailable,
        ),
    ] {
        let (url, connections) = raw(answer).await;
        assert_eq!(failure(&url).await.kind(), kind, "{answer}");
        assert_eq!(connections.load(Ordering::SeqCst), 3, "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let closed = Bystander::new().address();
    let failure = failure(&format!("http://{closed}")).await;
    assert_eq!(failure.kind(), SourceFailureKind::Unavailable);
    assert_eq!(failure.status(), None);
}

#[tokio::test]
async fn a_server_that_never_answers_times_out() {
    // Connections stand, and nobody reads them.
    let silent = Bystander::new();
    let http = HttpClient::builder()
        .timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    let client = client_with(
        &format!("http://{}", silent.address()),
        Tokens::default(),
        http,
    );
    let failure = client.records(device_id()).await.unwrap_err();
    assert_eq!(failure.kind(), SourceFailureKind::TimedOut);
}

#[tokio::test]
async fn an_endless_body_is_read_to_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        let mut sent = 0;
        while stream.write_all(chunk.as_bytes()).await.is_ok() {
            sent += 0x10000;
        }
        sent
    });
    assert_eq!(
        failure(&url).await.kind(),
        SourceFailureKind::MalformedAnswer
    );
    // The limit is 4 MiB; the rest is what sockets hold.
    let sent: usize = server.await.unwrap();
    assert!(sent < 16 * 1024 * 1024, "{sent}");
}

#[tokio::test]
async fn the_limit_can_be_set() {
    let graph = Graph::of(others(100)).await;
    let http = HttpClient::builder().max_body(10_000).build().unwrap();
    let client = client_with(&graph.url, Tokens::default(), http);
    let failure = client.records(device_id()).await.unwrap_err();
    assert_malformed(&failure, None);
    assert_eq!(graph.count(), 1);
}
