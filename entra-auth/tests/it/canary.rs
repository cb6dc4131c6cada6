//! Neither secret nor token is ever shown: not by us, and not by the crates underneath.

use std::{
    io,
    sync::{Arc, Mutex},
};

use entra_auth::{
    AccessToken, Credential, EntraConfig, TokenProvider as _,
    http::{HttpClient, TransportError},
};
use env_config::Environment;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}\n", record.target(), record.args());
        self.0.lock().unwrap().extend_from_slice(line.as_bytes());
    }

    fn flush(&self) {}
}

#[tokio::test]
async fn no_log_at_any_level_shows_secret_or_token() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(log.clone())
        .init();
    log::set_logger(Box::leak(Box::new(log.clone()))).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let server = Server::start(|_| async { token_json(TOKEN, 3600) }).await;
    let client = server.client(&noon());
    let token = client.token(&graph()).await.unwrap();
    client.invalidate(&graph(), &token);
    let refusing = Server::saying(401, &[], WRONG_SECRET).await;
    refusing.ask().await.unwrap_err();
    let echoing = Server::saying(400, &[], SECRET).await;
    echoing.ask().await.unwrap_err();
    let bearer = http::Request::get(server.url.as_url().as_str())
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(bytes::Bytes::new())
        .unwrap();
    HttpClient::new().unwrap().send(bearer).await.unwrap();

    let shown = log.text();
    let id = server
        .received()
        .remove(0)
        .header("client-request-id")
        .to_owned();
    for expected in [
        "reqwest",
        &id,
        "token_request",
        "access token obtained",
        "no access token",
    ] {
        assert!(shown.contains(expected), "{expected} is missing");
    }
    assert!(!shown.contains("canary"), "{shown}");
    assert!(!shown.contains("client_secret"), "{shown}");
}

#[tokio::test]
async fn no_debug_or_display_shows_secret_or_token() {
    let server = Server::start(|_| async { token_json(TOKEN, 3600) }).await;
    let client = server.client(&noon());
    let token: AccessToken = client.token(&graph()).await.unwrap();
    let config = EntraConfig::from_env(&Environment::from_pairs([
        ("ENTRA_TENANT_ID", TENANT),
        ("ENTRA_CLIENT_ID", CLIENT),
        ("ENTRA_CLIENT_SECRET", SECRET),
    ]))
    .unwrap();
    let shown = format!(
        "{token:?} {client:?} {config:?} {:?} {:?} {:?}",
        config.builder(),
        Credential::secret(SECRET.into()),
        HttpClient::builder().proxy("http://user:canary@127.0.0.1:3128".parse().unwrap()),
    );
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains(TENANT) && shown.contains(CLIENT));
}

#[tokio::test]
async fn a_transport_error_shows_no_url_header_or_body() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    for url in [
        format!("http://{closed}/canary?$filter=canary"),
        "http://example.com/canary".to_owned(),
        "ftp://127.0.0.1/canary".to_owned(),
        "/canary".to_owned(),
    ] {
        let request = http::Request::post(url)
            .header("authorization", "Bearer canary")
            .body("canary".into())
            .unwrap();
        let error: TransportError = HttpClient::new().unwrap().send(request).await.unwrap_err();
        let mut shown = format!("{error} {error:?}");
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            shown.push_str(&format!(" {error} {error:?}"));
            cause = error.source();
        }
        assert!(!shown.contains("canary"), "{shown}");
    }
}
