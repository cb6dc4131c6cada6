//! Actions and preflight the whole way, with tokens from Entra ID, against the simulator of both services.

use std::{sync::Arc, time::Duration};

use clock::SystemClock;
use entra_auth::{Cloud, Credential, EntraClient};
use intune_core::{
    ActionOutcome, DeviceAction, DeviceActions as _, InvocationId, ManagedDevice,
    SourceFailureKind, Target, WipeOptions,
};
use intune_graph::{GraphActions, GraphClient, GraphEndpoint, Verdict};
use intune_sim::{Action, Device, Fault, FaultKind, Route, Sim, SimConfig};

use crate::support::*;

const OPERATOR: &str = "7a1c7a3e-5f0c-4c3e-9a61-2f6f1a0b9d11";
const MINUTE: Duration = Duration::from_secs(60);

fn entra(sim: &Sim, id: &str, secret: &str) -> EntraClient {
    EntraClient::builder(
        sim.tenant().parse().unwrap(),
        id.parse().unwrap(),
        Credential::secret(secret.into()),
    )
    .authority(sim.authority().as_str().parse().unwrap())
    .clock(Arc::new(SystemClock::new()))
    .build()
    .unwrap()
}

/// A tenant with an application to read and another to act.
async fn start() -> (Sim, GraphClient, GraphActions) {
    let config = SimConfig::default()
        .check_in_after(MINUTE)
        .removal_after(MINUTE);
    let sim = Sim::start(config).await.unwrap();
    sim.grant_roles([READ]);
    let secret = "canary-operator";
    sim.register_app(OPERATOR, secret, [PRIVILEGED]).unwrap();
    let reader = entra(&sim, sim.client_id(), sim.client_secret());
    let endpoint = GraphEndpoint::of(Cloud::Global).at(sim.graph().as_str().parse().unwrap());
    let client = GraphClient::new(endpoint, Arc::new(reader)).unwrap();
    let actions = client.actions(Arc::new(entra(&sim, OPERATOR, secret)));
    (sim, client, actions)
}

async fn act(actions: &GraphActions, device: &Device, action: &DeviceAction) -> ActionOutcome {
    let target = Target::of(&ManagedDevice::new(device.id().parse().unwrap()));
    actions.perform(action, &target, invocation()).await
}

#[tokio::test]
async fn the_simulator_takes_each_action_once_and_the_device_follows() {
    let (sim, _, actions) = start().await;
    let wipe = WipeOptions::new().mac_os_unlock_code("048291".parse().unwrap());
    for (action, expected, states) in [
        (
            DeviceAction::Sync,
            Action::SyncDevice,
            ["managed", "managed", "managed"],
        ),
        (
            DeviceAction::RemoteLock,
            Action::RemoteLock,
            ["managed", "managed", "managed"],
        ),
        (
            DeviceAction::Retire,
            Action::Retire,
            ["retirePending", "retireIssued", "gone"],
        ),
        (
            DeviceAction::Wipe(wipe),
            Action::Wipe,
            ["wipePending", "wipeIssued", "gone"],
        ),
        (
            DeviceAction::Wipe(WipeOptions::new().keep_enrollment_data(true)),
            Action::Wipe,
            ["wipePending", "wipeIssued", "managed"],
        ),
    ] {
        let device = Device::new("A");
        sim.put_device(device.clone());
        sim.clear_actions();
        let outcome = act(&actions, &device, &action).await;
        let ActionOutcome::Accepted(acceptance) = outcome else {
            panic!("{action:?}: {outcome:?}");
        };
        assert_eq!(acceptance.status, Some(204));
        let [done] = sim.actions().try_into().unwrap();
        assert_eq!((done.action, &*done.device), (expected, device.id()));
        assert_eq!(done.client_id, OPERATOR);
        for state in states {
            let now = sim.device(device.id());
            let now = now
                .as_ref()
                .map_or("gone", |device| device.text("managementState"));
            assert_eq!(now, state, "{action:?}");
            sim.advance(MINUTE);
        }
        assert_eq!(sim.actions().len(), 1);
        sim.remove_device(device.id());
    }
}

#[tokio::test]
async fn the_simulator_takes_every_wipe() {
    let (sim, _, actions) = start().await;
    let device = Device::new("A");
    for choice in 0..16_u8 {
        let is_set = |bit: u8| choice & (1 << bit) != 0;
        let mut options = WipeOptions::new()
            .keep_enrollment_data(is_set(0))
            .keep_user_data(is_set(1))
            .persist_esim_data_plan(is_set(2));
        if is_set(3) {
            options = options.mac_os_unlock_code("048291".parse().unwrap());
        }
        sim.put_device(device.clone());
        let outcome = act(&actions, &device, &DeviceAction::Wipe(options)).await;
        assert_eq!(outcome.as_str(), "accepted", "{outcome:?}");
    }
    assert_eq!(sim.actions().len(), 16);
}

#[tokio::test]
async fn faults_have_their_outcomes_and_are_met_once() {
    use SourceFailureKind::*;
    let (sim, _, actions) = start().await;
    let device = Device::new("A");
    sim.put_device(device.clone());
    let lost = FaultKind::effect_then;
    for (kind, outcome, failure, done) in [
        (FaultKind::CutConnection, "unknown", Unavailable, 0),
        (lost(FaultKind::CutConnection), "unknown", Unavailable, 1),
        (lost(FaultKind::status(500)), "unknown", Unavailable, 1),
        (
            lost(FaultKind::status(503).retry_after("0")),
            "unknown",
            Unavailable,
            1,
        ),
        (lost(FaultKind::Html), "unknown", MalformedAnswer, 1),
        (FaultKind::Html, "unknown", MalformedAnswer, 0),
        (FaultKind::GarbageBody, "unknown", MalformedAnswer, 0),
        (
            FaultKind::GzipBomb { bytes: 64 << 20 },
            "unknown",
            MalformedAnswer,
            0,
        ),
        (FaultKind::web_page(502), "unknown", Unavailable, 0),
        (
            FaultKind::Redirect {
                location: "/".to_owned(),
            },
            "unknown",
            MalformedAnswer,
            0,
        ),
        (FaultKind::IntuneRefusal, "rejected", LicenceMissing, 0),
        (
            FaultKind::missing_scope(PRIVILEGED),
            "rejected",
            PermissionMissing,
            0,
        ),
        (
            FaultKind::approval_required(OTHER),
            "rejected",
            ApprovalRequired,
            0,
        ),
        (FaultKind::intune(400), "rejected", Refused, 0),
        // Last, since it pauses.
        (
            lost(FaultKind::intune(429).retry_after("1")),
            "unknown",
            Throttled,
            1,
        ),
    ] {
        let name = format!("{kind:?}");
        sim.clear_actions();
        let before = sim.count(Route::RemoteLock);
        sim.inject(Fault::new(Route::RemoteLock, kind));
        let found = act(&actions, &device, &DeviceAction::RemoteLock).await;
        assert_eq!(found.as_str(), outcome, "{name}: {found:?}");
        assert_eq!(found.failure().unwrap().kind(), failure, "{name}");
        assert_eq!(sim.actions().len(), done, "{name}");
        assert_eq!(sim.count(Route::RemoteLock), before + 1, "{name}");
        assert_eq!(sim.faults(), [], "{name}");
    }
}

#[tokio::test]
async fn a_rejected_token_is_new_for_the_next_action() {
    let (sim, _, actions) = start().await;
    let device = Device::new("A");
    sim.put_device(device.clone());
    act(&actions, &device, &DeviceAction::Sync).await;
    sim.inject(Fault::new(Route::Action, FaultKind::RejectToken));
    let outcome = act(&actions, &device, &DeviceAction::Sync).await;
    assert_eq!(outcome.as_str(), "rejected");
    assert_eq!(
        outcome.failure().unwrap().kind(),
        SourceFailureKind::CredentialRejected
    );
    let outcome = act(&actions, &device, &DeviceAction::Sync).await;
    assert_eq!(outcome.as_str(), "accepted");
    assert_eq!((sim.count(Route::SyncDevice), sim.actions().len()), (3, 2));
    assert_eq!(sim.count(Route::Token), 2);
}

#[tokio::test]
async fn an_unknown_device_and_a_missing_role_are_rejected() {
    let (sim, client, actions) = start().await;
    let device = Device::new("A");
    let outcome = act(&actions, &device, &DeviceAction::Retire).await;
    assert_eq!(outcome.failure().unwrap().status(), Some(404));
    assert_eq!(outcome.as_str(), "rejected");

    sim.put_device(device.clone());
    let reader = entra(&sim, sim.client_id(), sim.client_secret());
    let outcome = act(
        &client.actions(Arc::new(reader)),
        &device,
        &DeviceAction::Retire,
    )
    .await;
    assert_eq!(outcome.failure().unwrap().permission(), Some(PRIVILEGED));
    assert_eq!(outcome.as_str(), "rejected");
    assert_eq!(sim.actions(), []);
}

#[tokio::test]
async fn the_log_of_the_service_has_the_invocations_id() {
    let (sim, _, actions) = start().await;
    let device = Device::new("A");
    sim.put_device(device.clone());
    let id: InvocationId = invocation();
    let target = Target::of(&ManagedDevice::new(device.id().parse().unwrap()));
    actions.perform(&DeviceAction::Sync, &target, id).await;
    let last = sim.requests().pop().unwrap();
    assert_eq!(last.route, Route::SyncDevice);
    assert_eq!(last.client_request_id, Some(id.to_string()));
}

#[tokio::test]
async fn a_preflight_finds_what_is_wrong_with_the_tenant() {
    let (sim, client, actions) = start().await;
    let preflight = client.preflight(Some(&actions)).await;
    assert!(preflight.has_passed(), "{preflight}");
    assert_eq!(verdict(&preflight, UNASSIGNED), Verdict::Warning);
    assert_eq!(verdict(&preflight, "clock"), Verdict::Passed);
    let counted = (sim.count(Route::Token), sim.count(Route::Any));
    assert_eq!(counted, (2, 4), "{:?}", sim.counts());

    sim.set_secure_by_default(true);
    for (skew, expected) in [
        (-400, Verdict::Failed),
        (400, Verdict::Failed),
        (-60, Verdict::Warning),
    ] {
        sim.skew_clock(skew);
        let preflight = client.preflight(Some(&actions)).await;
        assert_eq!(verdict(&preflight, UNASSIGNED), Verdict::Passed);
        assert_eq!(verdict(&preflight, "clock"), expected, "{preflight}");
    }
    sim.skew_clock(0);
    sim.grant_roles([READ_WRITE, PRIVILEGED]);
    let reader = entra(&sim, sim.client_id(), sim.client_secret());
    let endpoint = GraphEndpoint::of(Cloud::Global).at(sim.graph().as_str().parse().unwrap());
    let client = GraphClient::new(endpoint, Arc::new(reader)).unwrap();
    let preflight = client.preflight(Some(&actions)).await;
    assert_eq!(verdict(&preflight, "least privilege"), Verdict::Warning);
    assert_eq!(sim.actions(), []);
}
