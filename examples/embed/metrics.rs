//! The counters of the gate and of its cache, for Prometheus, in its text format, at a route of axum.
//!
//! `cargo run --example gate-metrics` has a few requests decided, scrapes itself, and prints what it got.
#![expect(clippy::print_stdout, reason = "a program talks")]

#[expect(dead_code, reason = "this example authenticates nobody")]
mod host;

use std::fmt::{self, Write as _};

use axum::{Router, extract::State, response::IntoResponse, routing::get};
use compliance_gate::{
    CacheCounters, CachedCompliance, DeviceIdentity, Gate, GateCounters, GateRequest,
};
use host::{Failure, Host};
use http::header::CONTENT_TYPE;
use intune_core::Principal;
use tokio::net::TcpListener;

/// The [text format](https://prometheus.io/docs/instrumenting/exposition_formats/), version 0.0.4.
fn exposition(counters: &GateCounters) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let decisions = "compliance_gate_decisions_total";
    writeln!(text, "# HELP {decisions} Decisions by outcome and reason.")?;
    writeln!(text, "# TYPE {decisions} counter")?;
    for (reason, each) in counters.by_reason() {
        for (outcome, count) in [
            ("allow", each.allowed),
            ("deny", each.denied),
            ("report_only", each.only_reported),
        ] {
            // Most pairs can't occur; a series begins with its first decision.
            if count > 0 {
                writeln!(
                    text,
                    "{decisions}{{outcome=\"{outcome}\",reason=\"{reason}\"}} {count}"
                )?;
            }
        }
    }
    let look_ups = &counters.look_ups;
    for (name, help, count) in [
        (
            "hits_total",
            "Decisions with the device at hand.",
            counters.hits,
        ),
        (
            "misses_total",
            "Decisions that waited for the source.",
            counters.misses,
        ),
        (
            "stale_total",
            "Misses answered by the last known state.",
            counters.stale,
        ),
        (
            "audit_failures_total",
            "Decisions without their record.",
            counters.audit_failures,
        ),
        (
            "break_glass_total",
            "Uses of break-glass.",
            counters.break_glass_uses(),
        ),
        (
            "look_up_failures_total",
            "Look-ups that failed.",
            look_ups.failed,
        ),
    ] {
        writeln!(text, "# HELP compliance_gate_{name} {help}")?;
        writeln!(text, "# TYPE compliance_gate_{name} counter")?;
        writeln!(text, "compliance_gate_{name} {count}")?;
    }
    let summary = "compliance_gate_look_up_seconds";
    writeln!(text, "# HELP {summary} How long look-ups took.")?;
    writeln!(text, "# TYPE {summary} summary")?;
    writeln!(text, "{summary}_sum {}", look_ups.total.as_secs_f64())?;
    writeln!(text, "{summary}_count {}", look_ups.count)?;
    let longest = "compliance_gate_longest_look_up_seconds";
    writeln!(text, "# HELP {longest} How long the longest look-up took.")?;
    writeln!(text, "# TYPE {longest} gauge")?;
    writeln!(text, "{longest} {}", look_ups.longest.as_secs_f64())?;
    Ok(text)
}

/// What only the cache knows.
fn exposition_of_cache(counters: &CacheCounters) -> Result<String, fmt::Error> {
    let mut text = String::new();
    for (name, kind, help, count) in [
        (
            "shared_total",
            "counter",
            "Callers that joined a look-up under way.",
            counters.shared,
        ),
        (
            "refreshed_ahead_total",
            "counter",
            "Devices looked up before anybody waited.",
            counters.refreshed_ahead,
        ),
        (
            "evictions_total",
            "counter",
            "Devices that made room for others.",
            counters.evictions,
        ),
        (
            "devices",
            "gauge",
            "Devices whose state is kept.",
            u64::try_from(counters.devices).unwrap_or(u64::MAX),
        ),
    ] {
        writeln!(text, "# HELP compliance_cache_{name} {help}")?;
        writeln!(text, "# TYPE compliance_cache_{name} {kind}")?;
        writeln!(text, "compliance_cache_{name} {count}")?;
    }
    Ok(text)
}

async fn metrics(State((gate, cache)): State<(Gate, CachedCompliance)>) -> impl IntoResponse {
    let text = exposition(&gate.counters()).unwrap_or_default()
        + &exposition_of_cache(&cache.counters()).unwrap_or_default();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let host = Host::start().await?;
    let (adele, template) = (
        Principal::new("https://sso.example", "adele"),
        "read-only".parse()?,
    );
    for device in host.tenant.devices().iter().take(5) {
        let id = device.entra_device_id().parse();
        let device = id.map_or(DeviceIdentity::Invalid, DeviceIdentity::Present);
        for _ in 0..3 {
            let request = GateRequest::new(&adele, &template, device);
            let _ = host.gate.evaluate(&request).await;
        }
    }

    let cache = host.cache.clone().ok_or("the gate is off")?;
    let app = Router::new()
        .route("/metrics", get(metrics))
        .with_state((host.gate.clone(), cache));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(axum::serve(listener, app).into_future());
    let scraped = reqwest::get(format!("http://{address}/metrics")).await?;
    print!("{}", scraped.error_for_status()?.text().await?);
    serving.abort();
    Ok(())
}
