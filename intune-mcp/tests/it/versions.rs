//! Every revision of the protocol, as its clients speak it.

use axum::body::Body;
use http::StatusCode;
use intune_core::Capability::Read;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use crate::{
    wire::{RESOURCE, call, good, list_tools, send},
    world::World,
};

const WITH_HANDSHAKE: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

fn initialize(version: &str) -> Value {
    let client = json!({"name": "old", "version": "1"});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": version, "capabilities": {}, "clientInfo": client,
    }})
}

#[tokio::test]
async fn versions_with_a_handshake_over_http() {
    let world = World::new();
    let service = world.service(RESOURCE);
    for version in WITH_HANDSHAKE {
        let answer = send(&service, good(&[Read], &initialize(version))).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body["result"]["protocolVersion"], version);
        // No session, so nothing to lose or to steal.
        assert!(!answer.headers.contains_key("mcp-session-id"));
        let told = good(
            &[Read],
            &json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        );
        assert_eq!(send(&service, told).await.status, StatusCode::ACCEPTED);
        for (message, field) in [
            (list_tools(), "tools"),
            (call("list_devices", json!({})), "content"),
        ] {
            let mut request = good(&[Read], &message);
            // The header came with 2025-06-18.
            if version >= "2025-06-18" {
                request
                    .headers_mut()
                    .insert("mcp-protocol-version", version.parse().unwrap());
            }
            let answer = send(&service, request).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert_eq!(answer.headers["content-type"], "application/json");
            assert!(answer.body["result"][field].is_array(), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn the_version_without_a_handshake_over_http() {
    let world = World::new();
    let service = world.service(RESOURCE);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "new", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let ask = async |method: &str, mut params: Value| {
        params["_meta"] = meta.clone();
        let name = params["name"].as_str().map(str::to_owned);
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut request = good(&[Read], &message).map(|_| Body::from(message.to_string()));
        let headers = request.headers_mut();
        headers.insert("mcp-protocol-version", "2026-07-28".parse().unwrap());
        headers.insert("mcp-method", method.parse().unwrap());
        if let Some(name) = name {
            headers.insert("mcp-name", name.parse().unwrap());
        }
        send(&service, request).await
    };
    let discovered = ask("server/discover", json!({})).await;
    assert_eq!(discovered.status, StatusCode::OK, "{}", discovered.body);
    let versions = &discovered.body["result"]["supportedVersions"];
    let versions: Vec<_> = versions
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_str().unwrap())
        .collect();
    for version in WITH_HANDSHAKE.into_iter().chain(["2026-07-28"]) {
        assert!(versions.contains(&version), "{version}");
    }
    let listed = ask("tools/list", json!({})).await;
    let result = &listed.body["result"];
    assert_eq!(result["tools"].as_array().unwrap().len(), 2);
    assert_eq!(result["resultType"], "complete");
    // The list is this caller's own.
    assert_eq!(result["cacheScope"], "private");
    assert_eq!(result["ttlMs"], 0);
    let called = ask(
        "tools/call",
        json!({"name": "list_devices", "arguments": {}}),
    )
    .await;
    assert_eq!(
        called.body["result"]["structuredContent"]["devices"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let unknown = ask("resources/list", json!({})).await;
    assert_eq!(unknown.body["error"]["code"], -32601);
}

#[tokio::test]
async fn versions_with_a_handshake_over_streams() {
    let world = World::new();
    for version in WITH_HANDSHAKE {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (input, output) = tokio::io::split(ours);
        let served = tokio::spawn(intune_mcp::serve_on(
            world.tools(),
            world.adele(&[Read]),
            input,
            output,
        ));
        let (answers, mut messages) = tokio::io::split(theirs);
        let mut answers = BufReader::new(answers).lines();
        let mut ask = async |message: Value, answered: bool| {
            messages
                .write_all(format!("{message}\n").as_bytes())
                .await
                .unwrap();
            match answered {
                true => serde_json::from_str(&answers.next_line().await.unwrap().unwrap()).unwrap(),
                false => Value::Null,
            }
        };
        let answer = ask(initialize(version), true).await;
        assert_eq!(answer["result"]["protocolVersion"], version);
        ask(
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            false,
        )
        .await;
        assert_eq!(
            ask(list_tools(), true).await["result"]["tools"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
        let called = ask(call("list_devices", json!({})), true).await;
        assert_eq!(called["result"]["isError"], false);
        // A line that is too long is not kept, and does no harm.
        messages.write_all(&vec![b'x'; 200 * 1024]).await.unwrap();
        messages.write_all(b"\n").await.unwrap();
        messages.shutdown().await.unwrap();
        served.await.unwrap().unwrap();
    }
}
