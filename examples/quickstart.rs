//! Gate a request on the compliance of its device: all that a host writes.
#![expect(clippy::print_stdout, reason = "a program talks")]
use std::sync::Arc;

use compliance_gate::{DeviceIdentity, GateConfig, GateRequest};
use entra_auth::EntraConfig;
use intune_core::{DirectoryCompliance, Principal};
use intune_graph::{GraphClient, GraphConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Yours is `env_config::Environment::process()`; this one is of a simulated tenant.
    let tenant = intune_sim::Sim::start(Default::default()).await?;
    let environment = authorize_host::setup::environment_of(&tenant);

    // Once: tokens, devices, and a gate with its cache, its policy and its Chronicle.
    let clock = Arc::new(clock::SystemClock::new());
    let tokens = EntraConfig::from_env(&environment)?.client(clock.clone())?;
    let graph = GraphConfig::from_env(&environment)?;
    let devices = GraphClient::new(graph.endpoint().clone(), Arc::new(tokens))?;
    let live = DirectoryCompliance::new(Arc::new(devices));
    let sink = chronicle::MemorySink::new();
    let gate = GateConfig::from_env(&environment)?
        .gate(Arc::new(live), clock)
        .chronicle(Arc::new(sink), "urn:broker:eu-1".parse()?)
        .build()?;

    // For each request: who asks, under which accord template, on which device.
    let adele = Principal::new("https://sso.example", "adele");
    let template = "device-management".parse()?;
    for device in tenant.devices() {
        let id = device.entra_device_id().parse();
        let device = id.map_or(DeviceIdentity::Invalid, DeviceIdentity::Present);
        let request = GateRequest::new(&adele, &template, device);
        println!("{}", gate.evaluate(&request).await.reason());
    }
    Ok(())
}
