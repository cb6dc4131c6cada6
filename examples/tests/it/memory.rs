//! Hostile answers don't cost the host its memory.
#![cfg(target_os = "linux")]

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use intune_sim::{Fault, FaultKind, Route, Sim, SimConfig, UserToken};
use serde_json::json;

use crate::{
    binary::{Program, ask},
    check::variables_of,
    running::variables,
    tenant::{Answer, Tenant, device},
};

const CALLERS: usize = 50;
const MEGABYTE: usize = 1 << 20;
const MOST_MEGABYTES: usize = 150;

/// The most memory that a process has had resident so far.
fn peak_megabytes(id: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<usize>().unwrap() / 1024
}

/// As many callers at once, each on a device of its own, none of whom gets an AC.
async fn crowd(program: &Program, token: impl Fn(&str) -> String) {
    let base = program.base();
    let tokens: Vec<_> = (0..CALLERS)
        .map(|number| token(&format!("33333333-4444-4555-8666-{number:012}")))
        .collect();
    let answers = tokens
        .iter()
        .map(|token| ask(&base, token, "device-management"));
    for (status, body) in join_all(answers).await {
        assert!(matches!(status, 403 | 503), "{status}: {body}");
    }
    let peak = peak_megabytes(program.id());
    assert!(peak < MOST_MEGABYTES, "{peak} MB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_answers_to_many_callers_stay_within_bounds() {
    let tenant = Tenant::start().await;
    let program = Program::serve(&variables(&tenant, &[]), &[]);
    let token = |id: &str| tenant.token(json!({"deviceid": id}));
    let row = device("compliant").to_string();
    let rows = vec![row.as_str(); 4 * MEGABYTE / (row.len() + 1) - 1].join(",");
    let bodies = [
        // Nothing but blanks in an empty page.
        format!("{{\"value\":[{}]}}", " ".repeat(4 * MEGABYTE - 12)),
        // As many rows of another device as fit.
        format!("{{\"value\":[{rows}]}}"),
        // One byte too large.
        " ".repeat(4 * MEGABYTE + 1),
        format!("{{\"value\":[{}", "[".repeat(4 * MEGABYTE - 12)),
        format!(
            "{{\"value\":[{{\"id\":\"{}\"}}]}}",
            "x".repeat(4 * MEGABYTE - 30)
        ),
    ];
    let bodies = bodies.map(bytes::Bytes::from);
    let turn = AtomicUsize::new(0);
    tenant.devices(move |_| {
        let turn = turn.fetch_add(1, Ordering::Relaxed) % bodies.len();
        Answer::Whole(200, Vec::new(), bodies[turn].clone())
    });
    crowd(&program, token).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_grow_when_decompressed_stay_within_bounds() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let program = Program::serve(&variables_of(&sim, &[]), &[]);
    let token = |id: &str| sim.mint(UserToken::entra().device(id));
    let bomb = FaultKind::GzipBomb { bytes: 1 << 26 };
    sim.inject(Fault::new(Route::ListDevices, bomb).always());
    crowd(&program, token).await;
}
