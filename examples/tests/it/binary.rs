//! The program itself: its first line, its errors, its signals, and what it never prints.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    running::variables,
    tenant::{Answer, CLIENT, GRAPH_TOKEN, SECRET, Tenant, device, page},
};

/// An example program of this package, which `cargo test` builds beside its tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(2).unwrap();
    target
        .join("examples")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

pub(crate) fn command(variables: &[(String, String)], arguments: &[&str]) -> Command {
    let mut command = Command::new(example("authorize"));
    command.env_clear().args(arguments);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// A program that serves, and is killed when it is no longer needed.
pub(crate) struct Program {
    child: Child,
    files: TempDir,
    first_line: String,
}

impl Program {
    pub(crate) fn serve(variables: &[(String, String)], more: &[&str]) -> Self {
        let files = TempDir::new().unwrap();
        let chronicle = files.path().join("chronicle.jsonl");
        let mut arguments = vec!["--serve", "--chronicle", chronicle.to_str().unwrap()];
        arguments.extend(more);
        let errors = std::fs::File::create(files.path().join("stderr")).unwrap();
        let mut child = command(variables, &arguments)
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut first_line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut first_line).unwrap();
        child.stdout = Some(stdout.into_inner());
        Self {
            child,
            files,
            first_line,
        }
    }

    /// What it has logged so far.
    fn printed(&self) -> String {
        std::fs::read_to_string(self.files.path().join("stderr")).unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn base(&self) -> String {
        let address = self.first_line.strip_prefix("listening on ");
        let address = address.and_then(|line| line.strip_suffix('\n'));
        let errors = || std::fs::read_to_string(self.files.path().join("stderr"));
        address
            .unwrap_or_else(|| panic!("{:?}: {:?}", self.first_line, errors()))
            .to_owned()
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Ends it with SIGTERM; its exit code, and all that it printed and wrote.
    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        self.signal("-TERM");
        let mut rest = String::new();
        let mut stdout = self.child.stdout.take().unwrap();
        std::io::Read::read_to_string(&mut stdout, &mut rest).unwrap();
        let code = self.child.wait().unwrap().code();
        let read = |name: &str| std::fs::read_to_string(self.files.path().join(name)).unwrap();
        (
            code,
            self.first_line.clone() + &rest + &read("stderr"),
            read("chronicle.jsonl"),
        )
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn ask(base: &str, token: &str, template: &str) -> (u16, Value) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http
        .post(format!("{base}/governance/authorize/"))
        .bearer_auth(token);
    let body = json!({"accord_template": template});
    let response = request.json(&body).send().await.unwrap();
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_str(&response.text().await.unwrap()).unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_tells_no_secret_at_any_level_and_ends_when_told() {
    let tenant = Tenant::start().await;
    let mut variables = variables(&tenant, &[]);
    variables.push(("RUST_LOG".to_owned(), "trace".to_owned()));
    let program = Program::serve(&variables, &[]);
    let base = program.base();
    assert!(base.starts_with("http://127.0.0.1:"), "{base}");
    let token = tenant.token(json!({}));
    let (status, body) = ask(&base, &token, "device-management").await;
    assert_eq!(status, 200, "{body}");
    let ac = body["ac"]["token"].as_str().unwrap().to_owned();

    // Everything that can go wrong with something secret in its hands.
    let other = tenant.token(json!({"deviceid": "33333333-4444-4555-8666-777777777700"}));
    tenant.devices(|call| {
        let echo = call.authorization.clone().unwrap_or_default();
        Answer::status(
            401,
            &json!({"error": {"code": echo.clone(), "message": echo}}),
        )
    });
    assert_eq!(ask(&base, &other, "device-management").await.0, 503);
    tenant.tokens(|_| {
        let echo = format!("AADSTS7000215: you sent {SECRET}");
        Answer::status(
            401,
            &json!({"error": SECRET, "error_description": echo, "trace_id": SECRET}),
        )
    });
    assert_eq!(ask(&base, &other, "device-management").await.0, 503);
    tenant.devices(|_| page(&[device("compliant")]));
    let expired = tenant.token(json!({"exp": 1}));
    assert_eq!(ask(&base, &expired, "device-management").await.0, 401);
    let forged = format!("{}AAAA", token.rsplit_once('.').unwrap().0);
    assert_eq!(ask(&base, &forged, "device-management").await.0, 401);

    let (code, printed, chronicle) = program.end();
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.contains("TRACE") || printed.contains("DEBUG"),
        "nothing was logged"
    );
    assert_eq!(chronicle.lines().count(), 3);
    let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let signature = |token: &str| token.rsplit_once('.').unwrap().1.to_owned();
    let payload = |token: &str| token.split('.').nth(1).unwrap().to_owned();
    for (what, secret) in [
        ("the client secret", SECRET.to_owned()),
        ("the client secret, encoded", encoded),
        ("part of the client secret", "canary~client".to_owned()),
        ("the Graph token", GRAPH_TOKEN.to_owned()),
        ("the Graph token's claims", payload(GRAPH_TOKEN)),
        ("the Graph token's signature", signature(GRAPH_TOKEN)),
        ("a user's token", token.clone()),
        ("a user's signature", signature(&token)),
        ("a user's claims", payload(&token)),
        ("an expired token", expired.clone()),
        ("another user's signature", signature(&other)),
        ("the AC", ac.clone()),
        ("the AC's signature", signature(&ac)),
    ] {
        let line = printed.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{what} is printed");
        assert!(!chronicle.contains(&secret), "{what} is in the Chronicle");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_reads_its_policy_again_when_told_and_keeps_the_old_one_if_the_new_is_bad() {
    let tenant = Tenant::start().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("policy.toml");
    let policy = |text: &str| std::fs::write(&file, text).unwrap();
    policy("[accords.device-management]\ndevice_compliance_required = false");
    let file = ("INTUNE_ACCORD_POLICIES", file.to_str().unwrap());
    let program = Program::serve(&variables(&tenant, &[file]), &[]);
    let base = program.base();
    let token = tenant.token(json!({"deviceid": null}));
    let (status, body) = ask(&base, &token, "device-management").await;
    assert_eq!(
        (status, &body["decision"]["reason"]),
        (200, &json!("not_required"))
    );

    policy("[accords.device-management]\nrequired = true");
    program.signal("-HUP");
    let kept = async { while !program.printed().contains("line 2") {} };
    let minute = std::time::Duration::from_secs(60);
    tokio::time::timeout(minute, kept).await.unwrap();
    assert_eq!(ask(&base, &token, "device-management").await.0, 200);

    policy("[accords.device-management]\ndevice_compliance_required = true\nstrict = true");
    program.signal("-HUP");
    let taken = async { while ask(&base, &token, "device-management").await.0 == 200 {} };
    let taken = tokio::time::timeout(minute, taken).await;
    assert!(taken.is_ok(), "{}", program.printed());
    let (code, printed, chronicle) = program.end();
    assert_eq!(code, Some(0), "{printed}");
    let events = chronicle
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let reloads: Vec<Value> = events
        .filter(|event: &Value| event["eventname"] == "POLICY_RELOADED")
        .collect();
    assert_eq!(reloads.len(), 1, "{chronicle}");
    assert_eq!(reloads[0]["data"]["requested_by"], "SIGHUP");
}

fn fails(variables: &[(String, String)], arguments: &[&str]) -> String {
    let output = command(variables, arguments).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{text}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{text}");
    assert!(!text.contains("canary"), "{text}");
    text
}

#[tokio::test]
async fn every_variable_that_is_wrong_is_named_at_once_and_no_secret_is() {
    let tenant = Tenant::start().await;
    let wrong = [
        ("ENTRA_TENANT_ID", "common"),
        ("ENTRA_CLIENT_ID", "canary-not-a-guid"),
        ("ENTRA_CLIENT_SECRET", " "),
        ("ENTRA_CLOUD", "mars"),
        ("ENTRA_AUTHORITY_HOST", "http://login.example"),
        ("INTUNE_GRAPH_ENDPOINT", "https://user:canary@graph.example"),
        ("INTUNE_COMPLIANCE_REQUIRED", "maybe"),
        ("INTUNE_COMPLIANCE_STRICT", "2"),
        ("INTUNE_COMPLIANCE_CACHE_TTL", "86401"),
        ("INTUNE_ACCORD_POLICIES", "/nowhere/policy.toml"),
        ("INTUNE_OPERATIONS", "perhaps"),
        ("INTUNE_OPERATIONS_CLIENT_ID", "canary-no-guid"),
    ];
    let mut text = fails(&variables(&tenant, &wrong), &["--serve"]);
    for (name, _) in wrong {
        assert!(text.contains(name), "{name} is missing in: {text}");
    }
    text = fails(
        &variables(&tenant, &[("INTUNE_ENABLED", "ja")]),
        &["--serve"],
    );
    assert!(text.contains("INTUNE_ENABLED"), "{text}");
    let only_enabled = [("INTUNE_ENABLED".to_owned(), "true".to_owned())];
    text = fails(&only_enabled, &["--serve"]);
    for name in ["ENTRA_TENANT_ID", "ENTRA_CLIENT_ID", "ENTRA_CLIENT_SECRET"] {
        assert!(text.contains(name), "{name} is missing in: {text}");
    }
}

#[tokio::test]
async fn a_gate_that_is_asked_for_but_not_enabled_is_an_error() {
    let tenant = Tenant::start().await;
    for asked in ["INTUNE_COMPLIANCE_REQUIRED", "INTUNE_COMPLIANCE_STRICT"] {
        let mut variables = variables(&tenant, &[(asked, "true")]);
        variables.retain(|(name, _)| name != "INTUNE_ENABLED");
        let text = fails(&variables, &["--serve"]);
        assert!(text.contains("INTUNE_ENABLED"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switched_off_it_serves_whatever_else_is_set_and_warns_once() {
    let tenant = Tenant::start().await;
    let garbage = [
        ("INTUNE_ENABLED", "FALSE"),
        ("ENTRA_TENANT_ID", "garbage!"),
        ("ENTRA_CLIENT_ID", "garbage"),
        ("ENTRA_CLIENT_SECRET", ""),
        ("ENTRA_CLOUD", "mars"),
        ("ENTRA_AUTHORITY_HOST", "garbage"),
        ("INTUNE_GRAPH_ENDPOINT", "garbage"),
        ("INTUNE_COMPLIANCE_REQUIRED", "maybe"),
        ("INTUNE_COMPLIANCE_STRICT", "true"),
        ("INTUNE_COMPLIANCE_CACHE_TTL", "-1"),
        ("INTUNE_ACCORD_POLICIES", "/nowhere"),
        ("INTUNE_OPERATIONS", "garbage"),
        ("INTUNE_OPERATIONS_CLIENT_ID", "garbage"),
    ];
    let issuer = tenant.issuer();
    let arguments = ["--issuer", &issuer, "--audience", CLIENT];
    let program = Program::serve(&variables(&tenant, &garbage), &arguments);
    let base = program.base();
    let (status, body) = ask(&base, &tenant.token(json!({})), "device-management").await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["decision"]["reason"], "not_enabled");
    let (code, printed, chronicle) = program.end();
    assert_eq!(code, Some(0));
    assert_eq!(chronicle, "");
    assert_eq!(
        printed.to_lowercase().matches("warn").count(),
        1,
        "{printed}"
    );
}

#[test]
fn arguments_that_are_wrong_are_refused() {
    for arguments in [
        ["--serve", "nowhere"],
        ["--issuer", "http://sso.example"],
        ["--issuer", "https://user@sso.example"],
        ["--issuer", "https://sso.example=keycloak:"],
        ["--issuer", "https://sso.example=okta:x"],
        ["--issuer", "sso.example"],
        ["--unknown", "x"],
    ] {
        fails(&[], &arguments);
    }
}
