//! Requests as bytes, for what no client would send.

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use intune_core::Capability;
use intune_mcp::McpService;
use serde_json::{Value, json};
use tower_service::Service as _;

use crate::world::token;

pub(crate) const RESOURCE: &str = "https://broker.example/mcp";

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn challenge(&self) -> &str {
        self.headers["www-authenticate"].to_str().unwrap()
    }

    pub(crate) fn error(&self) -> &str {
        self.body["error"].as_str().unwrap()
    }
}

/// Everything that a good request has; a test changes what it is about.
pub(crate) fn request(able: &[Capability]) -> http::request::Builder {
    Request::builder()
        .method(Method::POST)
        .uri("/")
        .header("host", "broker.example")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header(
            "authorization",
            format!("Bearer {}", token(RESOURCE, "adele", able, 3600)),
        )
}

pub(crate) fn good(able: &[Capability], message: &Value) -> Request<Body> {
    let body = Body::from(message.to_string());
    request(able).body(body).unwrap()
}

pub(crate) fn list_tools() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
}

pub(crate) fn call(tool: &str, arguments: Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
}

pub(crate) async fn send(service: &McpService, request: Request<Body>) -> Answer {
    let Ok(response) = service.clone().call(request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned())),
    }
}
