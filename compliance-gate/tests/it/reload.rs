//! Another policy takes force whole, on record, or not at all.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{fs, sync::Arc, time::Duration};

use crate::common::{self, Scripted, ask, clock, entra_id, found, settle};
use async_trait::async_trait;
use chronicle::{AppendError, AppendErrorKind, MemorySink, Receipt, Record, Sink};
use clock::ManualClock;
use compliance_gate::{
    DeviceIdentity, Gate, GateConfig, Mode, Policies, PolicyLayer, Reason, ReloadError,
    ReloadOrigin,
};
use env_config::Environment;
use intune_core::{ComplianceState, Operation, ScopeTemplate};
use serde_json::Value;
use tempfile::TempDir;

const ORIGIN: ReloadOrigin<'_> = ReloadOrigin {
    source: "/etc/broker/policy.toml",
    requested_by: "SIGHUP",
};

fn policies(layer: PolicyLayer) -> Policies {
    Policies::builder().global(layer).build().unwrap()
}

fn gate(policies: Policies, clock: ManualClock, sink: Arc<dyn Sink>) -> Gate {
    let source = Scripted::new(Ok(found(ComplianceState::Noncompliant))).shared();
    Gate::builder(policies, source, Arc::new(clock))
        .chronicle(sink, "urn:broker:test".parse().unwrap())
        .build()
        .unwrap()
}

fn records(sink: &MemorySink) -> Vec<Value> {
    let lines = sink.to_jsonl();
    let lines = lines.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

async fn denies(gate: &Gate) -> bool {
    let device = DeviceIdentity::Present(entra_id(0));
    !ask(gate, "read-only", device).await.is_allow()
}

#[tokio::test]
async fn another_policy_is_recorded_and_in_force_for_every_clone() {
    let sink = MemorySink::new();
    let gate = gate(
        policies(PolicyLayer::new()),
        clock(),
        Arc::new(sink.clone()),
    );
    let clone = gate.clone();
    assert!(!denies(&clone).await);
    let required = policies(PolicyLayer::new().required(true));
    let digest = required.digest().to_owned();
    let old = gate.policies().digest().to_owned();
    let reloaded = gate.reload(required, ORIGIN).await.unwrap();
    assert!(reloaded.is_changed());
    assert!(denies(&clone).await);
    assert_eq!(gate.policies().digest(), digest);

    let record = &records(&sink)[0];
    assert_eq!(record["eventname"], "POLICY_RELOADED");
    assert_eq!(record.get("eventcode"), None);
    assert_eq!(
        record["data"],
        serde_json::json!({"old_digest": old, "new_digest": digest,
                           "source": "/etc/broker/policy.toml", "requested_by": "SIGHUP"})
    );
}

#[tokio::test]
async fn the_same_policy_again_is_no_change() {
    let sink = MemorySink::new();
    let gate = gate(
        policies(PolicyLayer::new()),
        clock(),
        Arc::new(sink.clone()),
    );
    let same = policies(PolicyLayer::new());
    assert!(!gate.reload(same, ORIGIN).await.unwrap().is_changed());
    assert!(records(&sink).is_empty());
}

/// Refuses, never answers, or answers once it is let.
#[derive(Debug)]
struct Broken {
    hangs: bool,
}

#[async_trait]
impl Sink for Broken {
    async fn append(&self, _: Record) -> Result<Receipt, AppendError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Err(AppendError::new(AppendErrorKind::Unavailable))
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_does_not_take_force() {
    for hangs in [false, true] {
        let clock = clock();
        let lenient = policies(PolicyLayer::new().required(true));
        let gate = gate(lenient, clock.clone(), Arc::new(Broken { hangs }));
        let old = gate.policies().digest().to_owned();
        let (reloading, off) = (gate.clone(), policies(PolicyLayer::new().mode(Mode::Off)));
        let waiting = tokio::spawn(async move { reloading.reload(off, ORIGIN).await });
        settle().await;
        clock.advance(Duration::from_secs(10));
        assert_eq!(waiting.await.unwrap(), Err(ReloadError::NotRecorded));
        assert_eq!(gate.policies().digest(), old);
    }
}

#[tokio::test]
async fn a_gate_that_keeps_no_records_can_be_given_another_policy() {
    let source = Scripted::new(Ok(found(ComplianceState::Noncompliant))).shared();
    let gate = Gate::builder(policies(PolicyLayer::new()), source, Arc::new(clock()));
    let gate = gate.unrecorded().build().unwrap();
    let required = policies(PolicyLayer::new().required(true));
    gate.reload(required, ORIGIN).await.unwrap();
    assert!(denies(&gate).await);
}

/// A request that waits for its device while another policy takes force is decided by the one it began with, and so is
/// what it gives.
#[tokio::test]
async fn a_decision_is_by_one_policy_alone() {
    let old = Policies::builder()
        .template(
            common::template(),
            PolicyLayer::new()
                .required(true)
                .noncompliant(compliance_gate::Outcome::Allow),
        )
        .delegation_scope(common::template(), ScopeTemplate::read_only())
        .build()
        .unwrap();
    let new = Policies::builder()
        .template(common::template(), PolicyLayer::new().required(true))
        .delegation_scope(common::template(), ScopeTemplate::production())
        .build()
        .unwrap();
    let source = Scripted::held(Ok(found(ComplianceState::Noncompliant))).shared();
    let gate = Gate::builder(old.clone(), source.clone(), Arc::new(clock()));
    let gate = gate.unrecorded().build().unwrap();
    let asking = gate.clone();
    let device = DeviceIdentity::Present(entra_id(0));
    let waiting = tokio::spawn(async move { ask(&asking, "read-only", device).await });
    settle().await;
    gate.reload(new, ORIGIN).await.unwrap();
    source.release(1);
    let decision = waiting.await.unwrap();
    assert!(decision.is_allow());
    let template = common::template();
    assert_eq!(
        decision.policy().digest(),
        old.for_template(&template).digest()
    );
    let scope = decision.delegation_scope("2026-11-23T07:00:00Z".parse().unwrap());
    assert!(scope.allows(Operation::GetDevice) && !scope.allows(Operation::SyncDevice));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_during_reloads_gets_one_of_the_policies_and_never_a_mix() {
    // Strict goes with one reason, permissive with the other.
    let strict = policies(PolicyLayer::new().required(true).strict(true));
    let reporting = policies(PolicyLayer::new().required(true).mode(Mode::ReportOnly));
    let sink = MemorySink::new();
    let gate = gate(strict.clone(), clock(), Arc::new(sink.clone()));
    let reloading = gate.clone();
    let reloads = tokio::spawn(async move {
        for _ in 0..100 {
            for policies in [&reporting, &strict] {
                reloading.reload(policies.clone(), ORIGIN).await.unwrap();
            }
        }
    });
    let mut seen = [false, false];
    while !reloads.is_finished() {
        let decision = ask(&gate, "read-only", DeviceIdentity::Absent).await;
        let policy = *decision.policy().policy();
        assert_eq!(decision.is_allow(), !policy.strict);
        assert_eq!(decision.is_enforced(), policy.strict);
        assert_eq!(policy.mode == Mode::Enforce, policy.strict);
        seen[usize::from(policy.strict)] = true;
    }
    reloads.await.unwrap();
    // Each record of a reload begins where the one before ended.
    let mut last = None;
    for record in records(&sink) {
        if record["eventname"] == "POLICY_RELOADED" {
            let data = &record["data"];
            assert!(last.is_none() || last.as_ref() == Some(&data["old_digest"]));
            last = Some(data["new_digest"].clone());
        }
    }
}

struct Files {
    _directory: TempDir,
    path: String,
}

fn config(policy: &str) -> (GateConfig, Files) {
    let directory = TempDir::new().unwrap();
    let path = directory
        .path()
        .join("policy.toml")
        .to_str()
        .unwrap()
        .to_owned();
    fs::write(&path, policy).unwrap();
    let config = GateConfig::from_env(&Environment::from_pairs([
        ("INTUNE_ENABLED", "true"),
        ("INTUNE_COMPLIANCE_STRICT", "true"),
        ("INTUNE_ACCORD_POLICIES", &path),
    ]));
    let files = Files {
        _directory: directory,
        path,
    };
    (config.unwrap(), files)
}

#[tokio::test]
async fn a_bad_file_leaves_the_old_policy_in_force_and_names_the_line() {
    let good = "[accords.read-only]\ndevice_compliance_required = true\n";
    let (config, files) = config(good);
    let sink = MemorySink::new();
    let gate = gate(config.policies().clone(), clock(), Arc::new(sink.clone()));
    let old = gate.policies().digest().to_owned();
    for (text, words) in [
        ("[accords.read-only]\nmode = \"of\"\n", "line 2 column 8"),
        ("", "empty"),
        ("[accords", "line 1"),
        ("{\"accords\":", "line 1"),
        ("[global]\nstrict = false", "line 2"),
        (
            "overrides = \"tighten_only\"\n[accords.a]\nstrict = false",
            "line 3",
        ),
    ] {
        fs::write(&files.path, text).unwrap();
        let error = config.reload_file(&gate, "test").await.unwrap_err();
        assert!(matches!(error, ReloadError::Wrong(_)), "{error:?}");
        assert!(error.to_string().contains(words), "{text}: {error}");
        assert_eq!(gate.policies().digest(), old);
        assert!(denies(&gate).await);
    }
    fs::remove_file(&files.path).unwrap();
    assert!(config.reload_file(&gate, "test").await.is_err());
    assert!(denies(&gate).await);
    let reloads = |sink| {
        records(sink)
            .into_iter()
            .filter(|it| it["eventname"] == "POLICY_RELOADED")
    };
    assert_eq!(reloads(&sink).count(), 0);

    fs::write(&files.path, "[accords.read-only]\nmode = \"off\"\n").unwrap();
    config.reload_file(&gate, "SIGHUP").await.unwrap();
    let device = DeviceIdentity::Present(entra_id(0));
    let decision = ask(&gate, "read-only", device).await;
    assert_eq!(decision.reason(), Reason::NotEnabled);
    // What the environment says still holds.
    assert!(gate.policies().unlisted().policy().strict);
    assert_eq!(reloads(&sink).count(), 1);
    let reload = reloads(&sink).next().unwrap();
    assert_eq!(reload["data"]["source"], files.path.as_str());
    assert_eq!(reload["data"]["requested_by"], "SIGHUP");
}

#[tokio::test]
async fn a_gate_that_is_off_or_has_no_file_has_nothing_to_read_again() {
    let read = |pairs: &[(&str, &str)]| {
        GateConfig::from_env(&Environment::from_pairs(pairs.iter().copied())).unwrap()
    };
    let gate = gate(Policies::disabled(), clock(), Arc::new(MemorySink::new()));
    let off = read(&[("INTUNE_ENABLED", "false")]);
    assert_eq!(off.reload_file(&gate, "test").await, Err(ReloadError::Off));
    let bare = read(&[("INTUNE_ENABLED", "true")]);
    assert_eq!(
        bare.reload_file(&gate, "test").await,
        Err(ReloadError::NoFile)
    );
}
