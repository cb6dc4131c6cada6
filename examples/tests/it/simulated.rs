//! The same against the simulator, which shares no code with what is tested.

use futures_util::future::join_all;
use intune_core::Operation;
use intune_sim::{
    Action, Device, Fault, FaultKind, Limits, Route, Sim, SimConfig, Throttling, UserToken,
};

use crate::{
    desk::{ACTIONS, Desk},
    look_ups::{DEADLINE, is_unavailable},
    running::Running,
};

use clock::{Clock as _, SystemClock};

const USER: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

fn compliant(sim: &Sim, name: &str) -> (Device, String) {
    let device = Device::new(name)
        .compliance_state("compliant")
        .user_id(USER);
    sim.put_device(device.clone());
    let token = UserToken::entra().subject("adele").claim("oid", USER);
    let token = sim.mint(token.device(device.entra_device_id()));
    (device, token)
}

fn look_up_faults() -> Vec<FaultKind> {
    let page = "https://graph.example/v1.0/deviceManagement/managedDevices?$skiptoken=x";
    vec![
        FaultKind::gateway(400),
        FaultKind::RejectToken,
        FaultKind::IntuneRefusal,
        FaultKind::missing_scope("DeviceManagementManagedDevices.Read.All"),
        FaultKind::intune(404),
        FaultKind::gateway(429).retry_after("1"),
        FaultKind::intune(429).retry_after("0.5"),
        FaultKind::intune_wrapped(429).retry_after("0"),
        FaultKind::intune(500),
        FaultKind::web_page(502),
        FaultKind::web_page(503),
        FaultKind::gateway(503).retry_after("1"),
        FaultKind::intune_wrapped(504),
        FaultKind::CutConnection,
        FaultKind::CutBody,
        FaultKind::TruncatedBody,
        FaultKind::GarbageBody,
        FaultKind::Html,
        FaultKind::DeepJson { depth: 1_000_000 },
        FaultKind::GzipBomb { bytes: 1 << 28 },
        FaultKind::HugePage { rows: 3_000 },
        FaultKind::OversizedHeader { bytes: 1 << 20 },
        FaultKind::Redirect {
            location: page.to_owned(),
        },
        FaultKind::NextLinkTo {
            url: page.to_owned(),
        },
        FaultKind::PageLoop,
        FaultKind::PagePair,
        FaultKind::EndlessPages,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_the_simulator_is_a_deny_in_time_and_forgotten() {
    denied_in_time(look_up_faults()).await;
}

/// Answers that never come, or never end: they take the whole deadline.
pub(crate) async fn endless_look_ups() {
    let drip = FaultKind::Drip {
        millis: 100,
        bytes: None,
    };
    denied_in_time(vec![FaultKind::Hold, drip]).await;
}

async fn denied_in_time(faults: Vec<FaultKind>) {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let faults = faults.into_iter().enumerate();
    let asks = faults.map(|(number, kind)| {
        let (device, token) = compliant(&sim, &format!("LAPTOP-{number}"));
        let name = format!("{kind:?}");
        let fault = Fault::new(Route::ListDevices, kind).containing(device.entra_device_id());
        sim.inject(fault.always());
        let sim = &sim;
        async move {
            let host = Running::over_sim(sim).await;
            let clock = SystemClock::new();
            let begun = clock.now();
            let answer = host.authorize(&token, "device-management").await;
            let took = clock.now().since(begun);
            // What is too large for a client that reads no more than it must is no answer, either.
            assert!(is_unavailable(&answer), "{name}: {answer:?}");
            assert!(took <= DEADLINE, "{name}: {took:?}");
            let of_device = |query: &Option<String>| {
                let query = query.as_deref().unwrap_or_default();
                query.contains(device.entra_device_id())
            };
            let requests = sim
                .requests()
                .into_iter()
                .filter(|request| of_device(&request.query));
            let asked = requests.count();
            let most = if name == "EndlessPages" { 100 } else { 3 };
            assert!((1..=most).contains(&asked), "{name}: {asked} requests");
            (name, host, token)
        }
    });
    let asked = join_all(asks).await;
    sim.clear_faults();
    let again = asked.iter().map(|(name, host, token)| async move {
        let answer = host.authorize(token, "device-management").await;
        assert_eq!(answer.line(), "200 compliant live", "{name}");
    });
    join_all(again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_action_of_the_simulator_takes_effect_once_whatever_is_answered() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let after = FaultKind::effect_then;
    let approval = "0b7a8f6e-9999-4222-8333-444455556666";
    let role = "DeviceManagementManagedDevices.PrivilegedOperations.All";
    let mut names = (0..).map(|number| format!("LAPTOP-{number}"));
    for (kind, result, reason) in [
        (after(FaultKind::CutConnection), "unknown", "unavailable"),
        (after(FaultKind::intune(500)), "unknown", "unavailable"),
        (after(FaultKind::web_page(503)), "unknown", "unavailable"),
        (
            after(FaultKind::intune_wrapped(504)),
            "unknown",
            "unavailable",
        ),
        (
            after(FaultKind::Redirect {
                location: "/elsewhere".into(),
            }),
            "unknown",
            "malformed_answer",
        ),
        (
            FaultKind::missing_scope(role),
            "rejected",
            "permission_missing",
        ),
        (
            FaultKind::approval_required(approval),
            "rejected",
            "approval_required",
        ),
        (FaultKind::IntuneRefusal, "rejected", "licence_missing"),
        (FaultKind::RejectToken, "rejected", "credential_rejected"),
        (FaultKind::intune(404), "rejected", "refused"),
        (FaultKind::gateway(409), "rejected", "refused"),
        (
            after(FaultKind::intune(429).retry_after("0.2")),
            "unknown",
            "throttled",
        ),
    ] {
        // So many devices can be wiped from one host, and no more.
        let host = Running::over_sim(&sim).await;
        for (operation, _) in ACTIONS {
            let (device, token) = compliant(&sim, &names.next().unwrap());
            let what = format!("{operation}: {kind:?}");
            let answer = host.authorize(&token, "device-management").await;
            assert_eq!(answer.line(), "200 compliant live", "{what}");
            sim.clear_actions();
            sim.clear_requests();
            sim.inject(Fault::new(Route::Action, kind.clone()));
            let invoked = Desk::for_device(&host, device.id())
                .invokes(operation)
                .await;
            let failure = invoked.outcome.failure().unwrap();
            let found = (invoked.outcome.as_str(), failure.kind().as_str());
            assert_eq!(found, (result, reason), "{what}");
            assert_eq!(sim.count(Route::Action), 1, "{what}");
            let effects = usize::from(result == "unknown");
            assert_eq!(sim.actions().len(), effects, "{what}");
            // A wipe or retirement that took effect shows, and from no cache.
            let answer = host.authorize(&token, "device-management").await;
            let removed = matches!(operation, Operation::RetireDevice | Operation::WipeDevice);
            let expected = match (result, removed) {
                ("rejected", _) => "200 compliant cache",
                (_, false) => "200 compliant live",
                (_, true) => "403 device_being_removed live",
            };
            assert_eq!(answer.line(), expected, "{what}");
            sim.clear_faults();
            sim.remove_device(device.id());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_four_actions_take_effect_at_the_simulator() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let host = Running::over_sim(&sim).await;
    let (device, _) = compliant(&sim, "LAPTOP-21");
    for (operation, _) in ACTIONS {
        let invoked = Desk::for_device(&host, device.id())
            .invokes(operation)
            .await;
        assert_eq!(invoked.outcome.as_str(), "accepted", "{operation}");
    }
    let done: Vec<_> = sim.actions().iter().map(|done| done.action).collect();
    assert_eq!(
        done,
        [
            Action::SyncDevice,
            Action::RemoteLock,
            Action::Retire,
            Action::Wipe
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_throttles_is_waited_for() {
    let limits = Limits {
        window_seconds: 1,
        app_requests: 1,
        ..Limits::PUBLISHED
    };
    let modes = [
        Throttling::Limited { limits },
        Throttling::AsSeen { limits },
    ];
    let both = modes.map(|throttling| async move {
        let config = SimConfig::default().throttling(throttling);
        let sim = Sim::start(config).await.unwrap();
        let host = Running::over_sim(&sim).await;
        let tokens = ["LAPTOP-1", "LAPTOP-2"].map(|name| compliant(&sim, name).1);
        let asks = tokens
            .iter()
            .map(|token| host.authorize(token, "device-management"));
        for answer in join_all(asks).await {
            assert_eq!(answer.line(), "200 compliant live", "{throttling:?}");
        }
        assert!(sim.count(Route::ListDevices) <= 2 + 4);
    });
    join_all(both).await;
}
