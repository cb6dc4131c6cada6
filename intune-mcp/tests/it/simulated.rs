//! The whole way, against the simulator of Entra ID and Graph: an agent that locks a device.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chronicle::MemorySink;
use clock::{Clock as _, SystemClock};
use entra_auth::{Cloud, Credential, EntraClient};
use intune_core::{
    Capability, ComplianceSource, ComplianceState, DelegationScope, DirectoryCompliance,
    EntraDeviceId, Finding, Freshness, InMemoryCeremonies, IntuneConnector, InvocationContext,
    Principal,
};
use intune_graph::{GraphClient, GraphEndpoint};
use intune_mcp::{Admission, Caller, IntuneTools, Liveness, Readmission, serve_on};
use intune_sim::{Action, Device, Fault, FaultKind, Route, Sim, SimConfig};
use rmcp::{RoleClient, model::CallToolRequestParams, service::RunningService};
use serde_json::{Value, json};

use crate::world::{approve, ceremonies};

/// Lets in whoever works from a device that is compliant. Its cache is of an hour ago, when it was.
#[derive(Debug)]
struct Gate {
    source: Arc<dyn ComplianceSource>,
    device: EntraDeviceId,
}

#[async_trait]
impl Readmission for Gate {
    async fn readmit(&self, liveness: Liveness) -> Admission {
        if liveness == Liveness::Cached {
            return Admission::Allowed;
        }
        let freshness = Freshness {
            now: SystemClock::new().now(),
            max_age: Duration::ZERO,
        };
        let observed = self.source.compliance(self.device, freshness).await;
        match observed.unwrap().finding {
            Finding::Device(found) if found.state == ComplianceState::Compliant => {
                Admission::Allowed
            }
            _ => Admission::Denied {
                reason: "noncompliant".into(),
                retry_after: None,
            },
        }
    }
}

struct Scene {
    sim: Sim,
    /// The device that the agent works from.
    own: Device,
    /// The device that it is to lock.
    lost: Device,
    ceremonies: InMemoryCeremonies,
    memory: MemorySink,
    client: RunningService<RoleClient, ()>,
}

impl Scene {
    async fn start() -> Self {
        let sim = Sim::start(SimConfig::default().devices(30)).await.unwrap();
        let own = Device::new("OWN").compliance_state("compliant");
        let lost = Device::new("LOST").compliance_state("noncompliant");
        sim.put_device(own.clone());
        sim.put_device(lost.clone());
        let clock = Arc::new(SystemClock::new());
        let tokens = EntraClient::builder(
            sim.tenant().parse().unwrap(),
            sim.client_id().parse().unwrap(),
            Credential::secret(sim.client_secret().into()),
        )
        .authority(sim.authority().as_str().parse().unwrap())
        .build()
        .unwrap();
        let endpoint = GraphEndpoint::of(Cloud::Global).at(sim.graph().as_str().parse().unwrap());
        let tokens = Arc::new(tokens);
        let graph = GraphClient::new(endpoint, tokens.clone()).unwrap();
        let actions = Arc::new(graph.actions(tokens));
        let graph = Arc::new(graph);
        let source = Arc::new(DirectoryCompliance::new(graph.clone()));
        let ceremonies = ceremonies(clock.clone());
        let memory = MemorySink::new();
        let connector = IntuneConnector::builder(graph, source.clone(), clock.clone())
            .chronicle(Arc::new(memory.clone()), "urn:test".parse().unwrap())
            .actions(actions)
            .ceremonies(Arc::new(ceremonies.clone()))
            .build()
            .unwrap();
        let tools = IntuneTools::builder(connector, clock.clone())
            .build()
            .unwrap();

        let until = clock.now().wall.saturating_add(Duration::from_secs(900));
        let scope = Capability::ALL
            .into_iter()
            .fold(DelegationScope::until(until), DelegationScope::capability);
        let adele = Principal::new("https://login.example", "adele").with_delegate("agent-7");
        let device = own.entra_device_id().parse().unwrap();
        let gate = Arc::new(Gate { source, device });
        let caller = Caller::new(InvocationContext::new(adele, scope), gate);
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (input, output) = tokio::io::split(ours);
        tokio::spawn(serve_on(tools, caller, input, output));
        let client = rmcp::serve_client((), tokio::io::split(theirs))
            .await
            .unwrap();
        Self {
            sim,
            own,
            lost,
            ceremonies,
            memory,
            client,
        }
    }

    async fn call(&self, tool: &'static str, arguments: Value) -> Value {
        let arguments = arguments.as_object().unwrap().clone();
        let call = CallToolRequestParams::new(tool).with_arguments(arguments);
        let result = self.client.call_tool(call).await.unwrap();
        result.structured_content.unwrap()
    }

    /// Opens a ceremony for a lock of the lost device, and has it approved.
    async fn approved(&self) -> Value {
        let told = self
            .call("remote_lock", json!({"managed_device_id": self.lost.id()}))
            .await;
        assert_eq!(told["error"], "ceremony_required", "{told}");
        approve(&self.ceremonies, SystemClock::new().now().wall).await;
        json!({"managed_device_id": self.lost.id(), "ceremony_id": told["ceremony_id"]})
    }

    fn locks(&self) -> usize {
        let performed = self.sim.actions();
        performed
            .iter()
            .filter(|performed| performed.action == Action::RemoteLock)
            .count()
    }
}

#[tokio::test]
async fn an_agent_finds_a_device_and_locks_it() {
    let scene = Scene::start().await;
    let (mut found, mut arguments) = (Vec::new(), json!({"limit": 7}));
    loop {
        let page = scene.call("list_devices", arguments.clone()).await;
        found.extend(page["devices"].as_array().unwrap().clone());
        match page.get("next_cursor") {
            Some(cursor) => arguments["cursor"] = cursor.clone(),
            None => break,
        }
    }
    assert_eq!(found.len(), scene.sim.devices().len());
    let lost = found
        .iter()
        .find(|device| device["device_name"] == "LOST")
        .unwrap();
    assert_eq!(lost["managed_device_id"], scene.lost.id());
    for device in scene.sim.devices() {
        for personal in [
            "userPrincipalName",
            "emailAddress",
            "phoneNumber",
            "imei",
            "serialNumber",
        ] {
            let text = device
                .get(personal)
                .and_then(Value::as_str)
                .unwrap_or_default();
            let all = Value::Array(found.clone()).to_string();
            assert!(
                text.is_empty() || !all.contains(&format!("\"{text}\"")),
                "{personal}"
            );
        }
    }
    let asked = json!({"entra_device_id": lost["entra_device_id"]});
    let compliance = scene.call("get_device_compliance", asked).await;
    assert_eq!(compliance["compliance"]["state"], "noncompliant");

    let redeem = scene.approved().await;
    let done = scene.call("remote_lock", redeem).await;
    assert_eq!(done["outcome"], "accepted", "{done}");
    assert_eq!(scene.locks(), 1);
    chronicle::verify(scene.memory.to_jsonl().as_slice()).unwrap();
}

#[tokio::test]
async fn an_agent_whose_own_device_turned_noncompliant_locks_nothing() {
    let scene = Scene::start().await;
    let redeem = scene.approved().await;
    let changed = json!({"complianceState": "noncompliant"});
    scene.sim.patch_device(scene.own.id(), changed).unwrap();
    // A read is still let through, by what the cache says.
    assert!(
        scene
            .call("list_devices", json!({}))
            .await
            .get("devices")
            .is_some()
    );
    let told = scene.call("remote_lock", redeem).await;
    assert_eq!(told["error"], "denied");
    assert_eq!(told["reason"], "noncompliant");
    assert_eq!((scene.locks(), scene.sim.count(Route::RemoteLock)), (0, 0));
}

#[tokio::test]
async fn a_lock_that_took_effect_and_was_answered_by_500_is_sent_once() {
    let scene = Scene::start().await;
    let redeem = scene.approved().await;
    let fault = FaultKind::effect_then(FaultKind::status(500));
    scene
        .sim
        .inject(Fault::new(Route::RemoteLock, fault).always());
    let done = scene.call("remote_lock", redeem.clone()).await;
    assert_eq!(done["outcome"], "unknown", "{done}");
    assert_eq!((scene.locks(), scene.sim.count(Route::RemoteLock)), (1, 1));
    // An agent that tries again all the same has no approval any more.
    let told = scene.call("remote_lock", redeem).await;
    assert_eq!(told["reason"], "ceremony_consumed");
    assert_eq!((scene.locks(), scene.sim.count(Route::RemoteLock)), (1, 1));
}
