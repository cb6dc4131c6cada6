//! A token or an unlock code is never shown: not by us, and not by the crates underneath.

use std::{
    io,
    sync::{Arc, Mutex},
};

use entra_auth::{TokenErrorKind, http::HttpClient};
use intune_core::{DeviceAction, DeviceDirectory as _, WipeOptions};
use intune_graph::GraphClient;
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};

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

/// Everything that shows a client, and how its look-ups fail.
async fn failures(client: &GraphClient) -> String {
    let records = client.records(device_id()).await.unwrap_err();
    let device = client.device(record_id()).await.map(|_| ());
    format!("{client:?} {records} {records:?} {device:?}\n")
}

const CODE: &str = "739184";

/// Whether the code stands there by itself, rather than as a part of a time or of an id.
fn shows_code(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.any(|word| word == CODE)
}

/// Everything that shows a wipe, and what comes of it.
async fn wipe(client: &GraphClient) -> String {
    let actions = acting_as(client, &Tokens::default());
    let options = WipeOptions::new().mac_os_unlock_code(CODE.parse().unwrap());
    let action = DeviceAction::Wipe(options);
    let outcome = perform(&actions, &action).await;
    let failure = outcome.failure().map(ToString::to_string);
    let preflight = client.preflight(Some(&actions)).await;
    format!("{actions:?} {action:?} {outcome:?} {failure:?} {preflight} {preflight:?}\n")
}

/// Bodies and headers that hold the token, as a server that echoes its request would send them.
async fn echoing(status: u16) -> Graph {
    Graph::start(move |request, _| {
        let bearer = request.header("authorization").to_owned();
        let sent = String::from_utf8_lossy(&request.body);
        let body = serde_json::json!({
            "error": {"code": sent, "message": format!("{bearer} {sent}"), "innerError": {"code": bearer}},
            "@odata.nextLink": format!("https://graph.example/{bearer}"),
            "value": [{"deviceName": bearer, "azureADDeviceId": bearer}],
        });
        response(status, &[("x-echo", bearer)], body.to_string().into())
    })
    .await
}

#[tokio::test]
async fn neither_error_nor_client_nor_log_shows_the_token() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(log.clone())
        .init();
    log::set_logger(Box::leak(Box::new(log.clone()))).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let mut shown = String::new();
    let working = Graph::of(vec![row(RECORD)]).await;
    assert_eq!(working.records().await.unwrap().len(), 1);
    for status in [200, 302, 400, 401, 403, 429, 503] {
        shown += &failures(&echoing(status).await.client()).await;
        shown += &wipe(&echoing(status).await.client()).await;
    }
    let refusing = Graph::saying(401, &[], refusal_of_intune()).await;
    shown += &failures(&refusing.client()).await;
    let closed = format!("http://{}", Bystander::new().address());
    shown += &failures(&client(&closed)).await;
    shown += &wipe(&client(&closed)).await;
    for treatment in [
        Treatment::CutRead,
        Treatment::say("HTTP/1.1 200 OK\r\n\r\n<html>"),
    ] {
        shown += &wipe(&client(&Raw::start(vec![treatment]).await.url)).await;
    }
    let tokens = Tokens::failing(TokenErrorKind::InvalidCredential);
    shown += &failures(&client_with(&closed, tokens, HttpClient::new().unwrap())).await;

    let logged = log.text();
    let id = working.received()[0].header("client-request-id").to_owned();
    for expected in [
        "reqwest",
        &id,
        "Graph answered",
        "no answer from Graph",
        "no token for Graph",
        "leads away",
        "asks for fewer requests",
    ] {
        assert!(logged.contains(expected), "{expected} is missing");
    }
    for text in [logged, shown] {
        assert!(!text.contains("canary-") && !shows_code(&text), "{text}");
    }
}

#[tokio::test]
async fn a_token_that_is_no_header_is_neither_sent_nor_shown() {
    use async_trait::async_trait;
    use entra_auth::{AccessToken, Scope, TokenError, TokenProvider};

    #[derive(Debug)]
    struct TwoLines;

    #[async_trait]
    impl TokenProvider for TwoLines {
        async fn token(&self, _: &Scope) -> Result<AccessToken, TokenError> {
            Ok(token("canary-token\r\nx-injected: yes"))
        }

        fn invalidate(&self, _: &Scope, _: &AccessToken) {}
    }

    let graph = Graph::of(Vec::new()).await;
    let client = client_with(&graph.url, TwoLines, HttpClient::new().unwrap());
    let failure = client.records(device_id()).await.unwrap_err();
    assert!(!format!("{failure} {failure:?}").contains("canary"));
    assert_eq!(graph.count(), 0);
}
