//! Hosts, origins, methods, bodies, and how often one may come.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{HeaderValue, Method, StatusCode};
use intune_core::Capability::Read;
use intune_mcp::{McpService, RateLimit};

use crate::{
    wire::{RESOURCE, good, list_tools, send},
    world::{World, token},
};

async fn with_header(service: &McpService, name: &'static str, value: &str) -> StatusCode {
    let mut request = good(&[Read], &list_tools());
    let value = HeaderValue::try_from(value).unwrap();
    request.headers_mut().insert(name, value);
    send(service, request).await.status
}

#[tokio::test]
async fn only_origins_that_are_allowed_come_in() {
    let world = World::new();
    let service = world.service(RESOURCE);
    let evil = [
        "http://evil.example",
        "https://broker.example.evil.example",
        // Its own is a web page's, too.
        "https://broker.example",
        "https://app.example",
        "null",
        "",
        "file://",
    ];
    for origin in evil {
        assert_eq!(
            with_header(&service, "origin", origin).await,
            StatusCode::FORBIDDEN,
            "{origin}"
        );
    }
    // Before anybody looked at the token.
    assert_eq!(world.bearers(), [""; 0]);

    let allowing = allowing(&world, "https://app.example");
    let cases = [
        ("https://app.example", StatusCode::OK),
        ("https://app.example:443", StatusCode::OK),
        ("https://APP.example", StatusCode::OK),
        ("http://app.example", StatusCode::FORBIDDEN),
        ("https://app.example:8443", StatusCode::FORBIDDEN),
        ("https://app.example/page", StatusCode::FORBIDDEN),
        ("https://adele@app.example", StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
    ];
    for (origin, status) in cases {
        assert_eq!(
            with_header(&allowing, "origin", origin).await,
            status,
            "{origin}"
        );
    }
}

fn allowing(world: &Arc<World>, origin: &str) -> McpService {
    world
        .service_builder(world.tools(), RESOURCE)
        .allow_origin(origin.parse().unwrap())
        .allow_host("http://127.0.0.1:8080".parse().unwrap())
        .build()
        .unwrap()
}

#[tokio::test]
async fn only_its_own_hosts_are_answered_to() {
    let world = World::new();
    let service = allowing(&world, "https://app.example");
    let cases = [
        ("broker.example", StatusCode::OK),
        ("BROKER.example:443", StatusCode::OK),
        ("127.0.0.1:8080", StatusCode::OK),
        ("127.0.0.1", StatusCode::FORBIDDEN),
        ("127.0.0.1:8081", StatusCode::FORBIDDEN),
        ("broker.example:80", StatusCode::FORBIDDEN),
        ("broker.example:", StatusCode::FORBIDDEN),
        ("evil.example", StatusCode::FORBIDDEN),
        ("broker.example.evil.example", StatusCode::FORBIDDEN),
        ("broker.example@evil.example", StatusCode::FORBIDDEN),
        ("adele@broker.example", StatusCode::FORBIDDEN),
        ("not a host", StatusCode::BAD_REQUEST),
    ];
    for (host, status) in cases {
        assert_eq!(with_header(&service, "host", host).await, status, "{host}");
    }
    let mut none = good(&[Read], &list_tools());
    none.headers_mut().remove("host");
    assert_eq!(send(&service, none).await.status, StatusCode::BAD_REQUEST);
    // As HTTP/2 has it, and, in HTTP/1.1, two that differ.
    let mut rebound = good(&[Read], &list_tools());
    *rebound.uri_mut() = "http://evil.example/mcp".parse().unwrap();
    assert_eq!(send(&service, rebound).await.status, StatusCode::FORBIDDEN);
    let mut second = good(&[Read], &list_tools());
    *second.uri_mut() = "https://broker.example/mcp".parse().unwrap();
    second.headers_mut().remove("host");
    assert_eq!(send(&service, second).await.status, StatusCode::OK);
}

#[tokio::test]
async fn there_is_nothing_to_get() {
    let service = World::new().service(RESOURCE);
    for method in [Method::GET, Method::DELETE, Method::PUT, Method::OPTIONS] {
        let mut request = good(&[Read], &list_tools());
        *request.method_mut() = method;
        let answer = send(&service, request).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers["allow"], "POST");
    }
}

#[tokio::test]
async fn a_body_has_a_size() {
    let service = World::new().service(RESOURCE);
    let mut message = list_tools();
    message["params"] = serde_json::json!({"cursor": "x".repeat(64 * 1024)});
    let announced = with_length(good(&[Read], &message), &message);
    assert_eq!(
        send(&service, announced).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(
        send(&service, good(&[Read], &message)).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    // Without an end, and without a length.
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b' '; 1024])));
    let endless = good(&[Read], &message).map(|_| Body::from_stream(endless));
    assert_eq!(
        send(&service, endless).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

fn with_length(
    mut request: http::Request<Body>,
    message: &serde_json::Value,
) -> http::Request<Body> {
    let length = message.to_string().len();
    request
        .headers_mut()
        .insert("content-length", length.into());
    request
}

#[tokio::test]
async fn a_body_has_its_time() {
    let world = World::new();
    let service = world.service(RESOURCE);
    let never = stream::pending::<Result<Bytes, Infallible>>();
    let slow = good(&[Read], &list_tools()).map(|_| Body::from_stream(never));
    let clock = world.clock.clone();
    let passing = async {
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(10));
    };
    let (answer, ()) = tokio::join!(send(&service, slow), passing);
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn each_caller_has_a_pace_of_its_own() {
    let world = World::new();
    let tools = world
        .builder()
        .rate_limit(RateLimit::per_minute(6).burst(2))
        .build();
    let service = world.service_of(tools.unwrap(), RESOURCE);
    let come = async |subject: &str| {
        let mut request = good(&[Read], &list_tools());
        let bearer = format!("Bearer {}", token(RESOURCE, subject, &[Read], 3600));
        request
            .headers_mut()
            .insert("authorization", bearer.parse().unwrap());
        send(&service, request).await
    };
    assert_eq!(come("adele").await.status, StatusCode::OK);
    assert_eq!(come("adele").await.status, StatusCode::OK);
    let answer = come("adele").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers["retry-after"], "10");
    assert_eq!(answer.error(), "throttled");
    assert_eq!(come("megan").await.status, StatusCode::OK);
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(come("adele").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_mcp_is_refused() {
    let service = World::new().service(RESOURCE);
    let mut plain = good(&[Read], &list_tools());
    plain
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("text/plain"));
    assert_eq!(
        send(&service, plain).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    let garbage = good(&[Read], &serde_json::json!("garbage"));
    assert!(send(&service, garbage).await.status.is_client_error());
}

#[test]
fn a_resource_is_a_plain_web_address() {
    let world = World::new();
    let refused = [
        "urn:broker",
        "ftp://broker.example/mcp",
        "https://adele:secret@broker.example/mcp",
        "https://broker.example/mcp?a=b",
        "https://broker.example/mcp#a",
    ];
    for resource in refused {
        let builder = world.service_builder(world.tools(), resource);
        let error = builder.build().unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
