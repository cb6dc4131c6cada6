//! What hostile answers cost in memory: twelve at once, each just below the limit.
#![cfg(target_os = "linux")]

use std::{fs, process::Command};

use futures_util::future::join_all;
use intune_core::{DeviceDirectory as _, DeviceQuery};

use crate::support::*;

const MIB: usize = 1024 * 1024;
const SIZE: usize = 4 * MIB - 1024;
const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
const FORBIDDEN: &str = "HTTP/1.1 403 No\r\nconnection: close\r\n\r\n";

/// As much as there is room for.
fn filled(before: &str, part: &str, after: &str) -> String {
    let count = (SIZE - before.len() - after.len()) / part.len();
    let mut body = String::with_capacity(SIZE);
    body.push_str(before);
    body.extend(std::iter::repeat_n(part, count));
    body.push_str(after);
    body
}

/// The most memory that this process has used so far, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: usize = peak
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024
}

/// Meets twelve such answers at once, and measures what they cost.
async fn meet(head: &'static str, body: String) {
    let graph = Held::start(head, body).await;
    let client = client(&graph.url);
    let before = peak();
    let release = async {
        until(|| graph.asked() == 12).await;
        graph.release(12);
    };
    // Rows of the device itself are kept by either; of a listing, all are.
    let query = DeviceQuery::new();
    let looked_up = join_all((0..8).map(|_| client.records(device_id())));
    let listed = join_all((0..4).map(|_| client.page(&query, None)));
    tokio::join!(looked_up, listed, release);
    let used = (peak() - before) / MIB;
    assert!(used < 80, "{used} MiB");
}

#[tokio::test]
#[ignore = "run by the last test, in a process of its own"]
async fn too_many_rows() {
    meet(OK, filled(r#"{"value":["#, "{},", "{}]}")).await;
}

#[tokio::test]
#[ignore = "run by the last test, in a process of its own"]
async fn rows_of_long_texts() {
    let text = "x".repeat(SIZE / 2_000 - 120);
    let row = format!(r#"{{"id":"{RECORD}","azureADDeviceId":"{OTHER}","model":"{text}"}},"#);
    let rows = format!("{}{{\"id\":\"{RECORD}\"}}", row.repeat(1_999));
    meet(OK, format!(r#"{{"value":[{rows}]}}"#)).await;
}

#[tokio::test]
#[ignore = "run by the last test, in a process of its own"]
async fn a_property_of_many_numbers() {
    meet(OK, filled(r#"{"value":[{"model":["#, "0,", "0]}]}")).await;
}

#[tokio::test]
#[ignore = "run by the last test, in a process of its own"]
async fn a_property_of_great_depth() {
    meet(OK, filled(r#"{"value":[{"model":"#, "[", "")).await;
}

#[tokio::test]
#[ignore = "run by the last test, in a process of its own"]
async fn a_long_link() {
    let before = r#"{"value":[],"@odata.nextLink":"http://"#;
    meet(OK, filled(before, "\\u0078", "\"}")).await;
}

#[tokio::test]
#[ignore = "run by the last test, in a process of its own"]
async fn an_error_of_many_numbers() {
    meet(FORBIDDEN, filled(r#"{"error":{"code":["#, "0,", "0]}}")).await;
}

#[tokio::test]
#[ignore = "run by the last test, in a process of its own"]
async fn a_body_beyond_the_limit() {
    meet(OK, " ".repeat(5 * MIB)).await;
}

#[test]
fn twelve_hostile_answers_take_far_less_than_150_mib() {
    // One process each, since memory that was freed is still the process's.
    for kind in [
        "too_many_rows",
        "rows_of_long_texts",
        "a_property_of_many_numbers",
        "a_property_of_great_depth",
        "a_long_link",
        "an_error_of_many_numbers",
        "a_body_beyond_the_limit",
    ] {
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", &format!("memory::{kind}")]);
        let output = test.args(["--ignored", "--nocapture"]).output().unwrap();
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && report.contains("1 passed"),
            "{report} {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
