//! Whose requests are let through.

use axum::body::Body;
use http::{HeaderValue, StatusCode};
use intune_core::Capability::Read;
use serde_json::json;

use crate::{
    wire::{RESOURCE, call, good, list_tools, request, send},
    world::{World, token},
};

#[tokio::test]
async fn what_is_no_authorization_context_for_this_resource_is_a_401() {
    let world = World::new();
    let service = world.service(RESOURCE);
    let refused = [
        (
            "Bearer eyJhbGciOiJSUzI1NiJ9.issuers.token".to_owned(),
            "it is no Authorization Context",
        ),
        (
            format!(
                "Bearer {}",
                token("https://other.example/mcp", "adele", &[Read], 3600)
            ),
            "it is for another audience",
        ),
        (
            format!("Bearer {}", token(RESOURCE, "adele", &[Read], 0)),
            "it has expired",
        ),
        ("Bearer ".to_owned(), "it is no Authorization Context"),
    ];
    for (authorization, why) in refused {
        let mut refused = good(&[], &list_tools());
        let authorization = HeaderValue::try_from(authorization).unwrap();
        refused.headers_mut().insert("authorization", authorization);
        let answer = send(&service, refused).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{why}");
        let challenge = answer.challenge();
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
        assert!(challenge.contains(why), "{challenge}");
        assert!(challenge.contains("resource_metadata=\"https://broker.example/.well-known/"));
        // No quoted string ends early.
        assert_eq!(challenge.matches('"').count() % 2, 0);
        assert_eq!(challenge.matches('"').count(), 8);
    }
}

#[tokio::test]
async fn without_a_token_there_is_a_challenge_without_an_error() {
    let world = World::new();
    let service = world.service(RESOURCE);
    for authorization in [None, Some("Basic YTpi"), Some("Bearer")] {
        let mut bare = good(&[], &list_tools());
        bare.headers_mut().remove("authorization");
        if let Some(authorization) = authorization {
            let authorization = HeaderValue::from_static(authorization);
            bare.headers_mut().insert("authorization", authorization);
        }
        let answer = send(&service, bare).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(!answer.challenge().contains("error="));
        assert!(answer.challenge().contains("resource_metadata="));
    }
    assert_eq!(world.bearers(), [""; 0]);
}

#[tokio::test]
async fn two_tokens_are_none() {
    let world = World::new();
    let service = world.service(RESOURCE);
    let two = request(&[Read])
        .header(
            "authorization",
            format!("Bearer {}", token(RESOURCE, "megan", &[Read], 60)),
        )
        .body(Body::from(list_tools().to_string()))
        .unwrap();
    assert_eq!(send(&service, two).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.bearers(), [""; 0]);
}

#[tokio::test]
async fn a_token_in_the_address_is_not_looked_at() {
    let world = World::new();
    let service = world.service(RESOURCE);
    let mut in_query = good(&[Read], &list_tools());
    in_query.headers_mut().remove("authorization");
    let token = token(RESOURCE, "adele", &[Read], 3600).replace('|', "%7C");
    *in_query.uri_mut() = format!("/?access_token={token}").parse().unwrap();
    assert_eq!(
        send(&service, in_query).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_verifier_that_cannot_tell_is_a_503_with_a_time() {
    let world = World::new();
    let service = world.service(RESOURCE);
    let mut down = good(&[], &list_tools());
    let bearer = HeaderValue::from_static("bearer keys-unavailable");
    down.headers_mut().insert("authorization", bearer);
    let answer = send(&service, down).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], "5");
}

#[tokio::test]
async fn the_token_is_in_no_record_and_no_answer() {
    let world = World::new();
    let service = world.service(RESOURCE);
    let answer = send(&service, good(&[Read], &call("list_devices", json!({})))).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(
        !answer.body.to_string().contains("canary"),
        "{}",
        answer.body
    );
    let records = String::from_utf8(world.memory.to_jsonl()).unwrap();
    assert!(!records.contains("canary"), "{records}");
}

#[tokio::test]
async fn the_metadata_says_where_tokens_are_had() {
    let service = World::new().service(RESOURCE);
    let metadata = service.metadata();
    assert_eq!(metadata.path(), "/.well-known/oauth-protected-resource/mcp");
    let expected = json!({
        "resource": RESOURCE,
        "authorization_servers": ["https://broker.example"],
        "scopes_supported": ["READ", "PROPOSE", "MUTATE"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Microsoft Intune devices",
    });
    assert_eq!(serde_json::to_value(metadata).unwrap(), expected);
}
