//! What a scope doesn't give is neither seen nor done, and that is on record.

use http::StatusCode;
use intune_core::Capability::{Mutate, Propose, Read};
use rmcp::service::ServiceError;
use serde_json::json;

use crate::{
    clients::{clients, lifecycles, over_streams},
    wire::{RESOURCE, call, good, send},
    world::{LAPTOP, LAPTOP_ENTRA, World},
};

#[tokio::test]
async fn without_mutate_nothing_is_locked_over_either_transport() {
    let world = World::new();
    let clients = clients(&world, &[Read, Propose]).await;
    let count = clients.len();
    for client in clients {
        let called = client
            .try_call("remote_lock", json!({"managed_device_id": LAPTOP}))
            .await;
        match called {
            // Over HTTP there is a status for it, which the client turns into an error of its own.
            Err(ServiceError::TransportSend(error)) => {
                assert!(
                    error.to_string().to_lowercase().contains("scope"),
                    "{error}"
                );
            }
            Err(other) => panic!("{other:?}"),
            Ok(result) => {
                assert_eq!(result.is_error, Some(true));
                let content = result.structured_content.unwrap();
                assert_eq!(content["error"], "denied");
                assert_eq!(content["reason"], "capability_missing");
            }
        }
    }
    assert_eq!(world.performed(), [""; 0]);
    assert_eq!(world.trail(), vec!["refused capability_missing"; count]);
    // Nobody asks the gate on behalf of somebody who may not do it anyway.
    assert_eq!(world.readmissions(), []);
}

#[tokio::test]
async fn a_call_beyond_the_scope_is_a_403_that_says_what_would_do() {
    let world = World::new();
    let service = world.service(RESOURCE);
    let cases = [
        (
            "remote_lock",
            json!({"managed_device_id": LAPTOP}),
            vec![Read, Propose],
            "READ PROPOSE MUTATE",
        ),
        (
            "remote_lock",
            json!({"managed_device_id": LAPTOP}),
            vec![],
            "MUTATE",
        ),
        (
            "sync_device",
            json!({"managed_device_id": LAPTOP}),
            vec![Read],
            "READ PROPOSE",
        ),
        (
            "get_device_compliance",
            json!({"entra_device_id": LAPTOP_ENTRA}),
            vec![Mutate],
            "READ MUTATE",
        ),
        ("list_devices", json!({}), vec![Propose], "READ PROPOSE"),
    ];
    for (number, (tool, arguments, able, scope)) in cases.into_iter().enumerate() {
        let answer = send(&service, good(&able, &call(tool, arguments))).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{tool}");
        let challenge = answer.challenge();
        assert!(challenge.starts_with("Bearer resource_metadata=\"https://broker.example/.well-known/oauth-protected-resource/mcp\""));
        assert!(challenge.contains("error=\"insufficient_scope\""));
        assert!(
            challenge.contains(&format!("scope=\"{scope}\"")),
            "{challenge}"
        );
        assert_eq!(world.records().len(), number + 1);
    }
    assert_eq!(world.trail(), ["refused capability_missing"; 5]);
    assert_eq!(world.performed(), [""; 0]);
}

#[tokio::test]
async fn a_scope_that_ends_during_a_session_ends_it() {
    let world = World::new();
    let [old, _] = lifecycles();
    let client = over_streams(&world, &[Read, Mutate], old).await;
    client.succeed("list_devices", json!({})).await;
    world.clock.advance(std::time::Duration::from_secs(3600));
    let error = client
        .fail("remote_lock", json!({"managed_device_id": LAPTOP}))
        .await;
    assert_eq!(error["error"], "denied");
    assert_eq!(error["reason"], "scope_expired");
    assert_eq!(
        world.trail(),
        ["outcome succeeded", "refused scope_expired"]
    );
}
