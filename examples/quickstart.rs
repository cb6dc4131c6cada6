//! Gate requests on the compliance of their device: all that a host writes.
#![expect(clippy::print_stdout, reason = "a program talks")]
use std::sync::Arc;

use compliance_gate::{CachedCompliance, DeviceIdentity, Gate, GateConfig, GateRequest};
use entra_auth::EntraConfig;
use intune_core::{DirectoryCompliance, Principal};
use intune_graph::{GraphClient, GraphConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Yours is `env_config::Environment::process()`; this one is of a simulated tenant.
    let tenant = intune_sim::Sim::start(Default::default()).await?;
    let environment = authorize_host::setup::environment_of(&tenant);

    // Once: tokens, devices, a cache, a policy, a Chronicle.
    let (clock, sink) = (
        Arc::new(clock::SystemClock::new()),
        chronicle::MemorySink::new(),
    );
    let tokens = EntraConfig::from_env(&environment)?.client(clock.clone())?;
    let graph = GraphConfig::from_env(&environment)?;
    let devices = GraphClient::new(graph.endpoint().clone(), Arc::new(tokens))?;
    let source = CachedCompliance::new(Arc::new(DirectoryCompliance::new(Arc::new(devices))));
    let config = GateConfig::from_env(&environment)?;
    let gate = Gate::builder(config.policies().clone(), Arc::new(source), clock)
        .max_age(config.cache_ttl())
        .chronicle(Arc::new(sink), "urn:broker:eu-1".parse()?)
        .build()?;

    // For each request: who asks, under which accord template, on which device.
    let (adele, template) = (
        Principal::new("https://sso.example", "adele"),
        "device-management".parse()?,
    );
    for laptop in tenant.devices() {
        let device = laptop
            .entra_device_id()
            .parse()
            .map(DeviceIdentity::Present);
        let device = device.unwrap_or(DeviceIdentity::Invalid);
        let decision = gate
            .evaluate(&GateRequest::new(&adele, &template, device))
            .await;
        println!(
            "{}: {:?}, {}",
            laptop.name(),
            decision.outcome(),
            decision.reason()
        );
    }
    Ok(())
}
