//! Actions: the gate, the ceremony, the one request, and what is said of it.

use std::time::Duration;

use intune_core::{
    ActionOutcome,
    Capability::{Mutate, Propose},
    SourceFailure, SourceFailureKind,
};
use intune_mcp::{Admission, Liveness, RateLimit};
use serde_json::json;

use crate::{
    clients::{clients, lifecycles, over_streams},
    world::{LAPTOP, World},
};

const MISSING: &str = "11111111-2222-4333-8444-999999999999";

#[tokio::test]
async fn a_lock_takes_an_approval_by_somebody_else_and_uses_it_up() {
    for number in 0..4 {
        let world = World::new();
        let client = &clients(&world, &[Mutate]).await[number];
        let lock = json!({"managed_device_id": LAPTOP});
        let told = client.fail("remote_lock", lock.clone()).await;
        assert_eq!(told["error"], "ceremony_required");
        assert_eq!(told["expires_at"], "2026-11-23T13:00:00.000Z");
        let id = told["ceremony_id"].as_str().unwrap().to_owned();
        // Asking again joins the same.
        assert_eq!(client.fail("remote_lock", lock).await["ceremony_id"], *id);

        let redeem = json!({"managed_device_id": LAPTOP, "ceremony_id": id});
        let told = client.fail("remote_lock", redeem.clone()).await;
        assert_eq!(told["error"], "denied");
        assert_eq!(told["reason"], "ceremony_pending");
        assert_eq!(told["retryable"], true);
        assert_eq!(world.performed(), [""; 0]);

        world.approve().await;
        let done = client.succeed("remote_lock", redeem.clone()).await;
        assert_eq!(done["outcome"], "accepted");
        assert_eq!(done["managed_device_id"], LAPTOP);
        assert_eq!(done["is_outcome_recorded"], true);
        assert!(
            done["note"]
                .as_str()
                .unwrap()
                .contains("Accepted is not done")
        );

        let told = client.fail("remote_lock", redeem).await;
        assert_eq!(told["reason"], "ceremony_consumed");
        assert_eq!(world.performed(), ["remote_lock"]);
        let expected = [
            "refused ceremony_required",
            "refused ceremony_required",
            "refused ceremony_pending",
            "intent",
            "outcome accepted",
            "refused ceremony_consumed",
        ];
        assert_eq!(world.trail(), expected);
        let outcome = &world.records()[4];
        assert_eq!(done["invocation_id"], outcome.invocation_id);
        assert_eq!(outcome.principal.subject, "adele");
        assert_eq!(outcome.principal.delegate.as_deref(), Some("agent-7"));
        assert_eq!(outcome.authorization_context.as_deref(), Some("ac-1"));
        assert_eq!(world.readmissions(), [Liveness::Live; 5]);
    }
}

#[tokio::test]
async fn a_device_that_turned_noncompliant_locks_nothing() {
    let world = World::new();
    for client in clients(&world, &[Mutate]).await {
        *world.admission.lock().unwrap() = Admission::Allowed;
        let told = client
            .fail("remote_lock", json!({"managed_device_id": LAPTOP}))
            .await;
        world.approve().await;
        *world.admission.lock().unwrap() = Admission::Denied {
            reason: "noncompliant".into(),
            retry_after: None,
        };
        let redeem = json!({"managed_device_id": LAPTOP, "ceremony_id": told["ceremony_id"]});
        let told = client.fail("remote_lock", redeem).await;
        assert_eq!(told["error"], "denied");
        assert_eq!(told["reason"], "noncompliant");
        assert_eq!(told["retryable"], false);
    }
    assert_eq!(world.performed(), [""; 0]);
    assert!(
        world
            .readmissions()
            .iter()
            .all(|liveness| *liveness == Liveness::Live)
    );
}

#[tokio::test]
async fn a_sync_needs_no_approval_and_is_checked_from_the_cache() {
    let world = World::new();
    for client in clients(&world, &[Propose]).await {
        let done = client
            .succeed("sync_device", json!({"managed_device_id": LAPTOP}))
            .await;
        assert_eq!(done["outcome"], "accepted");
    }
    assert_eq!(world.performed(), ["sync_device"; 4]);
    assert_eq!(world.readmissions(), [Liveness::Cached; 4]);
    assert_eq!(world.trail(), ["intent", "outcome accepted"].repeat(4));
}

#[tokio::test]
async fn an_answer_that_is_lost_is_an_outcome_that_is_not_known() {
    let world = World::new();
    let lost = SourceFailure::new(SourceFailureKind::Unavailable).with_status(500);
    *world.outcome.lock().unwrap() = ActionOutcome::Unknown(lost);
    for client in clients(&world, &[Propose]).await {
        let done = client
            .succeed("sync_device", json!({"managed_device_id": LAPTOP}))
            .await;
        assert_eq!(done["outcome"], "unknown");
        assert_eq!(done["reason"], "unavailable");
        assert!(done["note"].as_str().unwrap().contains("Don't repeat it"));
    }
    assert_eq!(world.performed(), ["sync_device"; 4]);
}

#[tokio::test]
async fn a_rejection_is_an_error_that_says_so() {
    let world = World::new();
    let busy =
        SourceFailure::new(SourceFailureKind::Throttled).with_retry_after(Duration::from_secs(30));
    *world.outcome.lock().unwrap() = ActionOutcome::Rejected(busy);
    for client in clients(&world, &[Propose]).await {
        let done = client
            .fail("sync_device", json!({"managed_device_id": LAPTOP}))
            .await;
        assert_eq!(done["outcome"], "rejected");
        assert_eq!(done["reason"], "throttled");
        assert_eq!(done["retry_after_seconds"], 30);
    }
}

#[tokio::test]
async fn a_device_that_is_not_there_is_told() {
    let world = World::new();
    for client in clients(&world, &[Propose, Mutate]).await {
        for tool in ["sync_device", "remote_lock"] {
            let told = client
                .fail(tool, json!({"managed_device_id": MISSING}))
                .await;
            assert_eq!(told["error"], "not_found");
        }
    }
    assert_eq!(world.performed(), [""; 0]);
}

#[tokio::test]
async fn an_action_that_cannot_be_recorded_is_not_sent() {
    let world = World::new();
    world.memory.refuse_appends(true);
    for client in clients(&world, &[Propose]).await {
        let told = client
            .fail("sync_device", json!({"managed_device_id": LAPTOP}))
            .await;
        assert_eq!(told["reason"], "audit_unavailable");
        assert_eq!(told["retryable"], true);
    }
    assert_eq!(world.performed(), [""; 0]);
}

#[tokio::test]
async fn calls_over_streams_have_a_pace_too() {
    let world = World::new();
    let tools = world
        .builder()
        .rate_limit(RateLimit::per_minute(2).burst(1))
        .build()
        .unwrap();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (input, output) = tokio::io::split(ours);
    tokio::spawn(intune_mcp::serve_on(
        tools,
        world.adele(&[Propose]),
        input,
        output,
    ));
    let client = rmcp::serve_client((), tokio::io::split(theirs))
        .await
        .unwrap();
    let sync = async || {
        let arguments = json!({"managed_device_id": LAPTOP})
            .as_object()
            .unwrap()
            .clone();
        let call = rmcp::model::CallToolRequestParams::new("sync_device").with_arguments(arguments);
        client
            .call_tool(call)
            .await
            .unwrap()
            .structured_content
            .unwrap()
    };
    assert_eq!(sync().await["outcome"], "accepted");
    let told = sync().await;
    assert_eq!(told["error"], "throttled");
    assert_eq!(told["retry_after_seconds"], 30);
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(sync().await["outcome"], "accepted");
    assert_eq!(world.performed().len(), 2);
}

#[tokio::test]
async fn a_tool_that_is_none_is_an_error_of_the_protocol() {
    let world = World::new();
    let [old, new] = lifecycles();
    for lifecycle in [old, new] {
        let client = over_streams(&world, &[Mutate], lifecycle).await;
        for tool in ["wipe_device", "get_device", "", "remote_lock "] {
            let error = client.try_call(tool, json!({})).await.unwrap_err();
            assert!(error.to_string().contains("-32602"), "{error}");
        }
    }
    assert_eq!(world.performed(), [""; 0]);
}
