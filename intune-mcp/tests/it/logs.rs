//! What is logged, by this crate and by the MCP library, at the finest.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use http::StatusCode;
use intune_core::Capability::Read;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    wire::{RESOURCE, call, good, list_tools, send},
    world::World,
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_token_and_no_person_is_in_any_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let world = World::new();
    let service = world.service(RESOURCE);
    for message in [
        list_tools(),
        call("list_devices", json!({})),
        call("remote_lock", json!({})),
    ] {
        send(&service, good(&[Read], &message)).await;
        let mut other = good(&[Read], &message);
        let token = "Bearer ac|https://other.example|canary-token"
            .parse()
            .unwrap();
        other.headers_mut().insert("authorization", token);
        let answer = send(&service, other).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("rmcp") && log.contains("intune_mcp"), "{log}");
    assert!(!log.contains("canary"), "{log}");
}
