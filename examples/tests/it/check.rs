//! `authorize --check`: what it says of a tenant and of settings, and that it changes nothing.

use std::path::Path;

use intune_sim::{Fault, FaultKind, Route, Sim, SimConfig};
use tempfile::TempDir;

use crate::binary::command;

const READ: &str = "DeviceManagementManagedDevices.Read.All";
const PRIVILEGED: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";
const OPERATOR: &str = "7a1c7a3e-5f0c-4c3e-9a61-2f6f1a0b9d11";
const CANARY: &str = "canary~secret/of+a==";

/// The environment that names a simulated tenant, and more, or other, variables.
pub(crate) fn variables_of(sim: &Sim, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let named = [
        ("INTUNE_ENABLED", "true"),
        ("ENTRA_TENANT_ID", sim.tenant()),
        ("ENTRA_CLIENT_ID", sim.client_id()),
        ("ENTRA_CLIENT_SECRET", sim.client_secret()),
        ("ENTRA_AUTHORITY_HOST", sim.authority().as_str()),
        ("INTUNE_GRAPH_ENDPOINT", sim.graph().as_str()),
    ];
    let kept = named
        .iter()
        .filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    kept.chain(more).map(owned).collect()
}

/// What a check said.
struct Checked {
    code: Option<i32>,
    printed: String,
    errors: String,
}

impl Checked {
    /// The verdict and the detail of the line about `name`.
    fn line(&self, name: &str) -> (&str, &str) {
        let lines = self.printed.lines();
        let mut found = lines.filter_map(|line| {
            let (verdict, rest) = line.split_at_checked(9)?;
            let (about, detail) = rest.split_at_checked(26)?;
            (about.trim() == name).then_some((verdict.trim(), detail))
        });
        let line = found
            .next()
            .unwrap_or_else(|| panic!("no {name} in:\n{}", self.printed));
        assert_eq!(found.next(), None, "{name} twice in:\n{}", self.printed);
        line
    }

    /// The lines that FAILED, by their names.
    fn failed(&self) -> Vec<&str> {
        let lines = self.printed.lines();
        let failed = lines.filter_map(|line| line.strip_prefix("FAILED   "));
        failed
            .map(|line| line.split("  ").next().unwrap())
            .collect()
    }
}

/// Runs a check, which may neither act nor leave a file nor print a secret.
async fn check(sim: &Sim, more: &[(&str, &str)]) -> Checked {
    let files = TempDir::new().unwrap();
    let chronicle = files.path().join("chronicle.jsonl");
    let mut more = more.to_vec();
    let directory = files.path().to_str().unwrap();
    more.extend([("TMPDIR", directory), ("RUST_LOG", "trace")]);
    let arguments = ["--check", "--chronicle", chronicle.to_str().unwrap()];
    let mut command = command(&variables_of(sim, &more), &arguments);
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    let output = run.await.unwrap();
    let checked = Checked {
        code: output.status.code(),
        printed: String::from_utf8(output.stdout).unwrap(),
        errors: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(is_empty(files.path()), "a file was left");
    assert_eq!(sim.count(Route::Action), 0);
    assert!(sim.actions().is_empty());
    let all = checked.printed.clone() + &checked.errors;
    for secret in [CANARY, "canary", sim.client_secret(), "eyJ"] {
        let line = all.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is printed");
    }
    let verdict = if checked.code == Some(0) {
        "Ready."
    } else {
        "Not ready"
    };
    assert!(
        checked.printed.contains(verdict),
        "{:?}\n{}",
        checked.code,
        checked.printed
    );
    assert_eq!(
        checked.failed().is_empty(),
        checked.code == Some(0),
        "{}",
        checked.printed
    );
    checked
}

fn is_empty(directory: &Path) -> bool {
    directory.read_dir().unwrap().next().is_none()
}

async fn sim() -> Sim {
    let sim = Sim::start(SimConfig::default().client_secret(CANARY))
        .await
        .unwrap();
    sim.set_secure_by_default(true);
    sim
}

const OPERATIONS: [&str; 7] = [
    "list_devices",
    "get_device",
    "get_compliance",
    "sync_device",
    "remote_lock",
    "retire_device",
    "wipe_device",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_where_all_is_well_passes_in_every_line() {
    let sim = sim().await;
    sim.grant_roles([READ]);
    sim.register_app(OPERATOR, "canary~operator", [PRIVILEGED])
        .unwrap();
    let checked = check(
        &sim,
        &[
            ("INTUNE_OPERATIONS_CLIENT_ID", OPERATOR),
            ("INTUNE_OPERATIONS_CLIENT_SECRET", "canary~operator"),
        ],
    )
    .await;
    assert_eq!(checked.code, Some(0), "{}", checked.printed);
    let others = ["settings", "token", "token for operations", "read", "clock"];
    for name in OPERATIONS
        .into_iter()
        .chain(others)
        .chain(["devices without a policy"])
    {
        assert_eq!(checked.line(name).0, "ok", "{name}:\n{}", checked.printed);
    }
    assert!(!checked.printed.contains("warning"), "{}", checked.printed);
    assert_eq!(sim.count(Route::Token), 2);
    assert!(sim.count(Route::ListDevices) <= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_application_for_both_passes() {
    let sim = sim().await;
    let checked = check(&sim, &[]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.printed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_named_with_what_to_do() {
    let sim = sim().await;
    let checked = check(&sim, &[("ENTRA_CLIENT_SECRET", "canary~wrong")]).await;
    assert_eq!(checked.code, Some(1));
    let (verdict, detail) = checked.line("token");
    assert_eq!(verdict, "FAILED");
    assert!(detail.contains("secret"), "{detail}");
    assert!(detail.contains("7000215"), "{detail}");

    sim.grant_roles([PRIVILEGED]);
    let checked = check(&sim, &[]).await;
    assert_eq!(checked.code, Some(1));
    for name in ["list_devices", "get_device", "get_compliance", "read"] {
        let (verdict, detail) = checked.line(name);
        assert!(
            verdict == "FAILED" && detail.contains(READ),
            "{name}: {detail}"
        );
    }
    assert_eq!(checked.line("wipe_device").0, "ok");

    sim.grant_roles([READ]);
    let checked = check(&sim, &[]).await;
    assert_eq!(checked.code, Some(1));
    assert_eq!(checked.failed(), OPERATIONS[3..]);
    for name in &OPERATIONS[3..] {
        let (_, detail) = checked.line(name);
        assert!(detail.contains(PRIVILEGED), "{name}: {detail}");
        assert!(detail.contains("INTUNE_OPERATIONS=off"), "{name}: {detail}");
    }
    let checked = check(&sim, &[("INTUNE_OPERATIONS", "off")]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.printed);
    assert!(checked.line("wipe_device").1.contains("off"));

    // Of an operator who can't sign in, too.
    let apart = [
        ("INTUNE_OPERATIONS_CLIENT_ID", OPERATOR),
        ("INTUNE_OPERATIONS_CLIENT_SECRET", "canary~nobody"),
    ];
    let checked = check(&sim, &apart).await;
    assert_eq!(checked.line("token for operations").0, "FAILED");
    assert_eq!(checked.line("token").0, "ok");
    assert_eq!(checked.line("read").0, "ok");

    // More than is needed is worth a word.
    sim.grant_roles([READ, PRIVILEGED]);
    let checked = check(&sim, &[("INTUNE_OPERATIONS", "off")]).await;
    assert_eq!(checked.code, Some(0));
    let (verdict, detail) = checked.line("least privilege");
    assert!(
        verdict == "warning" && detail.contains(PRIVILEGED),
        "{detail}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_wrong_is_told_and_by_how_much_it_counts() {
    let sim = sim().await;
    for (seconds, verdict, code) in [
        (0, "ok", 0),
        (20, "ok", 0),
        (120, "warning", 0),
        (-120, "warning", 0),
        (600, "FAILED", 1),
        (-600, "FAILED", 1),
    ] {
        sim.skew_clock(seconds);
        let checked = check(&sim, &[]).await;
        assert_eq!(checked.code, Some(code), "{seconds}:\n{}", checked.printed);
        let (found, detail) = checked.line("clock");
        assert_eq!(found, verdict, "{seconds}: {detail}");
        if seconds != 0 && verdict != "ok" {
            // The service is ahead, so this machine is slow.
            let how = if seconds > 0 { "slow" } else { "fast" };
            assert!(detail.contains(how), "{detail}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_default_that_is_unsafe_is_a_warning() {
    let sim = sim().await;
    sim.set_secure_by_default(false);
    let checked = check(&sim, &[]).await;
    assert_eq!(checked.code, Some(0));
    let (verdict, detail) = checked.line("devices without a policy");
    assert_eq!(verdict, "warning");
    assert!(detail.contains("Not compliant"), "{detail}");
    // That it can't be read is no reason to fail, either.
    for kind in [
        FaultKind::gateway(403),
        FaultKind::Html,
        FaultKind::GarbageBody,
    ] {
        sim.inject(Fault::new(Route::DeviceManagement, kind).always());
        let checked = check(&sim, &[]).await;
        assert_eq!(checked.code, Some(0), "{}", checked.printed);
        assert_eq!(checked.line("devices without a policy").0, "warning");
        sim.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graph_that_is_down_fails_the_read() {
    let sim = sim().await;
    for kind in [
        FaultKind::web_page(503),
        FaultKind::CutConnection,
        FaultKind::Html,
        FaultKind::IntuneRefusal,
        FaultKind::gateway(429).retry_after("86400"),
    ] {
        for route in [Route::ListDevices, Route::DeviceManagement] {
            sim.inject(Fault::new(route, kind.clone()).always());
        }
        let checked = check(&sim, &[]).await;
        assert_eq!(checked.code, Some(1), "{kind:?}");
        assert_eq!(checked.failed(), ["read"], "{kind:?}");
        assert_eq!(checked.line("token").0, "ok");
        sim.clear_faults();
    }
    let nowhere = [("INTUNE_GRAPH_ENDPOINT", "http://127.0.0.1:9/")];
    assert_eq!(check(&sim, &nowhere).await.failed(), ["read"]);
    let nowhere = [("ENTRA_AUTHORITY_HOST", "http://127.0.0.1:9/")];
    let checked = check(&sim, &nowhere).await;
    assert_eq!(checked.line("token").0, "FAILED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_are_wrong_are_all_named_and_the_tenant_left_alone() {
    let sim = sim().await;
    let wrong = [
        ("ENTRA_TENANT_ID", "canary not a tenant"),
        ("ENTRA_CLIENT_ID", "canary-not-a-guid"),
        ("ENTRA_CLIENT_SECRET", " "),
        ("INTUNE_GRAPH_ENDPOINT", "https://user:canary@graph.example"),
        ("INTUNE_COMPLIANCE_REQUIRED", "canary-maybe"),
        ("INTUNE_COMPLIANCE_CACHE_TTL", "canary-86401"),
        ("INTUNE_OPERATIONS_CLIENT_ID", "canary-operator"),
    ];
    let checked = check(&sim, &wrong).await;
    assert_eq!(checked.code, Some(1));
    for (name, _) in wrong
        .into_iter()
        .chain([("INTUNE_OPERATIONS_CLIENT_SECRET", "")])
    {
        assert!(
            checked.printed.contains(name),
            "{name}:\n{}",
            checked.printed
        );
    }
    assert!(sim.requests().is_empty());
    let checked = check(&sim, &[("INTUNE_OPERATIONS", "canary-maybe")]).await;
    assert!(
        checked.printed.contains("INTUNE_OPERATIONS"),
        "{}",
        checked.printed
    );
}

#[tokio::test]
async fn serving_and_checking_exclude_each_other() {
    let output = command(&[], &["--check", "--serve"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn a_host_that_could_not_start_is_not_ready() {
    let sim = sim().await;
    let variables = variables_of(&sim, &[]);
    let nowhere = ["--check", "--chronicle", "/nowhere/at/all/chronicle.jsonl"];
    // Nobody listens on port 1.
    let keyless = [
        "--check",
        "--issuer",
        "http://127.0.0.1:1/realms/x=keycloak:deviceid",
        "--audience",
        "a",
    ];
    for (arguments, failed) in [(&nowhere[..], "chronicle"), (&keyless, "keys of an issuer")] {
        let mut command = command(&variables, arguments);
        let run = tokio::task::spawn_blocking(move || command.output().unwrap());
        let output = run.await.unwrap();
        assert_eq!(output.status.code(), Some(1), "{failed}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let line = printed.lines().find(|line| line.starts_with("FAILED"));
        assert!(line.unwrap().contains(failed), "{printed}");
    }
}
