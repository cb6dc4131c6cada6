//! The tools for agents, over HTTP: whose they are, and that what they do is approved, checked and recorded.

use std::{sync::Arc, time::Duration};

use clock::ManualClock;
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::{
    ceremonies::{megan, vote},
    running::{Answered, Running, answered},
    tenant::{Answer, DEVICE, RECORD, Tenant, device, now, page},
};

/// An agent with an Authorization Context.
pub(crate) struct Agent<'a> {
    host: &'a Running,
    pub(crate) context: Value,
}

impl<'a> Agent<'a> {
    /// An agent of whoever has the token, under `device-management`.
    pub(crate) async fn of(host: &'a Running, token: &str) -> Self {
        Self::under(host, token, "device-management").await
    }

    async fn under(host: &'a Running, token: &str, template: &str) -> Self {
        let mut answer = host.authorize(token, template).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        Self::with(host, answer.body["ac"].take())
    }

    /// An agent with this Authorization Context.
    pub(crate) const fn with(host: &'a Running, context: Value) -> Self {
        Self { host, context }
    }

    fn token(&self) -> &str {
        self.context["token"].as_str().unwrap()
    }

    async fn tools(&self) -> Vec<String> {
        let answer = answered(posted(self.host, Some(self.token()), &list_tools())).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let tools = answer.body["result"]["tools"].as_array().unwrap();
        let names = tools.iter().map(|tool| tool["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    }

    /// What a tool says, and whether that is an error.
    async fn call(&self, tool: &str, arguments: Value) -> (bool, Value) {
        let message = call(tool, arguments);
        let mut answer = answered(posted(self.host, Some(self.token()), &message)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let mut result = answer.body["result"].take();
        let is_error = result["isError"].as_bool().unwrap_or_default();
        (is_error, result["structuredContent"].take())
    }

    pub(crate) async fn lock(&self, ceremony: Option<&str>) -> (bool, Value) {
        let mut arguments = json!({"managed_device_id": RECORD});
        if let Some(id) = ceremony {
            arguments["ceremony_id"] = json!(id);
        }
        self.call("remote_lock", arguments).await
    }

    /// Asks for a lock, which opens a ceremony.
    pub(crate) async fn opens(&self) -> String {
        let (is_error, told) = self.lock(None).await;
        assert!(is_error);
        assert_eq!(told["error"], "ceremony_required", "{told}");
        told["ceremony_id"].as_str().unwrap().to_owned()
    }
}

fn list_tools() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
}

fn call(tool: &str, arguments: Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
}

fn posted(host: &Running, bearer: Option<&str>, message: &Value) -> reqwest::RequestBuilder {
    let request = host
        .request(Method::POST, "/mcp")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-06-18")
        .json(message);
    match bearer {
        Some(bearer) => request.bearer_auth(bearer),
        None => request,
    }
}

async fn listed(host: &Running, bearer: &str) -> Answered {
    answered(posted(host, Some(bearer), &list_tools())).await
}

fn challenge(answer: &Answered) -> &str {
    answer.headers["www-authenticate"].to_str().unwrap()
}

/// What a quoted parameter of a challenge says.
fn parameter<'a>(challenge: &'a str, name: &str) -> &'a str {
    let (_, rest) = challenge.split_once(&format!("{name}=\"")).unwrap();
    rest.split_once('"').unwrap().0
}

#[tokio::test]
async fn without_a_token_it_says_where_to_read_how_to_get_one() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let answer = answered(posted(&host, None, &list_tools())).await;
    assert_eq!(answer.status, 401);
    let base = format!("http://{}", host.address());
    let metadata = parameter(challenge(&answer), "resource_metadata");
    let path = metadata.strip_prefix(&base).unwrap();
    let answer = host.get(path).await;
    assert_eq!(answer.status, 200);
    let content_type = answer.headers["content-type"].to_str().unwrap();
    assert!(content_type.starts_with("application/json"));
    assert_eq!(answer.body["resource"], format!("{base}/mcp"));
    // No issuer's token is taken, so none is named.
    assert_eq!(answer.body["authorization_servers"], Value::Null);
    assert_eq!(
        answer.body["scopes_supported"],
        json!(["READ", "PROPOSE", "MUTATE"])
    );
}

#[tokio::test]
async fn only_an_authorization_context_of_this_host_lets_anybody_in() {
    let tenant = Tenant::start().await;
    let (host, other) = (Running::over(&tenant).await, Running::over(&tenant).await);
    let user = tenant.token(json!({}));
    let foreign = Agent::of(&other, &user).await;
    let own = Agent::of(&host, &user).await;
    let [header, claims, signature] = own.token().split('.').collect::<Vec<_>>()[..] else {
        panic!("{}", own.token());
    };
    let [_, foreign_claims, _] = foreign.token().split('.').collect::<Vec<_>>()[..] else {
        panic!("{}", foreign.token());
    };
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiYWMrand0In0";
    let user_header = user.split('.').next().unwrap();
    for (what, token) in [
        ("a user's token", user.clone()),
        ("another host's context", foreign.token().to_owned()),
        (
            "other claims",
            format!("{header}.{foreign_claims}.{signature}"),
        ),
        ("no signature", format!("{header}.{claims}.")),
        ("no algorithm", format!("{none}.{claims}.")),
        (
            "another header",
            format!("{user_header}.{claims}.{signature}"),
        ),
        ("garbage", "garbage".to_owned()),
    ] {
        let answer = listed(&host, &token).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        let challenge = challenge(&answer);
        assert_eq!(parameter(challenge, "error"), "invalid_token", "{what}");
        assert!(challenge.contains("resource_metadata="), "{what}");
    }
    assert_eq!(listed(&host, own.token()).await.status, 200);
    // And an Authorization Context gets nobody another one.
    let answer = host.authorize(own.token(), "device-management").await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn an_authorization_context_ends() {
    let tenant = Tenant::start().await;
    let (mut host, files) = Running::unserved(&tenant);
    let clock = Arc::new(ManualClock::new(now()));
    host.clock = clock.clone();
    let chronicle = files.path().join("chronicle.jsonl");
    let host = Running::serving(host, files, chronicle).await;
    let agent = Agent::of(&host, &tenant.token(json!({}))).await;
    clock.advance(Duration::from_secs(14 * 60));
    assert_eq!(listed(&host, agent.token()).await.status, 200);
    clock.advance(Duration::from_secs(61));
    let answer = listed(&host, agent.token()).await;
    assert_eq!(answer.status, 401);
    assert!(challenge(&answer).contains("expired"));
}

#[tokio::test]
async fn neither_a_web_page_nor_another_name_leads_here() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let agent = Agent::of(&host, &tenant.token(json!({}))).await;
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("host", "evil.example"),
    ] {
        let request = posted(&host, Some(agent.token()), &list_tools());
        let answer = answered(request.header(name, value)).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
    }
}

#[tokio::test]
async fn behind_a_public_url_it_answers_to_that() {
    let tenant = Tenant::start().await;
    let (mut host, files) = Running::unserved(&tenant);
    host.public_url = Some("https://broker.example".parse().unwrap());
    let chronicle = files.path().join("chronicle.jsonl");
    let host = Running::serving(host, files, chronicle).await;
    let metadata = host.get("/.well-known/oauth-protected-resource/mcp").await;
    assert_eq!(metadata.body["resource"], "https://broker.example/mcp");
    let agent = Agent::of(&host, &tenant.token(json!({}))).await;
    let request = || posted(&host, Some(agent.token()), &list_tools());
    let answer = answered(request().header("host", "broker.example")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answered(request()).await.status, 403);
}

#[tokio::test]
async fn the_accord_says_which_tools_there_are() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let user = tenant.token(json!({}));
    let all = Agent::of(&host, &user).await;
    let expected = [
        "list_devices",
        "get_device_compliance",
        "sync_device",
        "remote_lock",
    ];
    assert_eq!(all.tools().await, expected);
    let reader = Agent::under(&host, &user, "infrastructure-operations").await;
    assert_eq!(reader.tools().await, expected[..2]);

    // What isn't shown can't be called either.
    let lock = call("remote_lock", json!({"managed_device_id": RECORD}));
    let answer = answered(posted(&host, Some(reader.token()), &lock)).await;
    assert_eq!(answer.status, 403);
    assert_eq!(parameter(challenge(&answer), "error"), "insufficient_scope");
    assert_eq!(parameter(challenge(&answer), "scope"), "READ MUTATE");
    assert_eq!(tenant.action_calls().len(), 0);
    let refused = invocations(&host).pop().unwrap();
    assert_eq!(refused["phase"], "refused");
    assert_eq!(refused["reason"], "capability_missing");
    assert_eq!(refused["authorization_context"], reader.context["id"]);
}

#[tokio::test]
async fn the_scope_is_the_policy_files() {
    let tenant = Tenant::start().await;
    let policy = "[delegation_scopes.device-management]\ncapabilities = [\"READ\"]\n";
    let host = Running::under(&tenant, policy, &[]).await;
    let agent = Agent::of(&host, &tenant.token(json!({}))).await;
    assert_eq!(agent.tools().await.len(), 2);
}

#[tokio::test]
async fn a_lock_is_done_once_after_somebody_else_approved_it() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let agent = Agent::of(&host, &tenant.token(json!({}))).await;
    let (is_error, told) = agent.lock(None).await;
    assert!(is_error);
    assert_eq!(told["error"], "ceremony_required");
    assert_eq!(told["expires_at"], agent.context["expires_at"]);
    let id = told["ceremony_id"].as_str().unwrap();
    let (_, told) = agent.lock(Some(id)).await;
    assert_eq!(told["reason"], "ceremony_pending");

    let answer = vote(&host, &megan(&tenant, json!({})), id, "approve").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    // The approval is its requester's, who is as good as the Authorization Context.
    let other = Agent::of(&host, &tenant.token(json!({"sub": "alex", "oid": null}))).await;
    let (is_error, told) = other.lock(Some(id)).await;
    assert!(is_error);
    assert_eq!(told["reason"], "ceremony_not_found");
    let again = Agent::of(&host, &tenant.token(json!({}))).await;
    let (is_error, told) = again.lock(Some(id)).await;
    assert!(is_error);
    assert_eq!(told["error"], "denied");
    assert_eq!(tenant.action_calls().len(), 0);

    let (is_error, told) = agent.lock(Some(id)).await;
    assert!(!is_error, "{told}");
    assert_eq!(told["outcome"], "accepted");
    assert_eq!(told["managed_device_id"], RECORD);
    let (is_error, told) = agent.lock(Some(id)).await;
    assert!(is_error);
    assert_eq!(told["error"], "denied");
    assert_eq!(told["reason"], "ceremony_consumed");
    assert_eq!(tenant.action_calls().len(), 1);
    let effects = tenant.effects();
    assert_eq!(effects.len(), 1);
    assert!(effects[0].path.ends_with(&format!("{RECORD}/remoteLock")));
    // Graph is asked with the host's own token.
    let authorization = effects[0].authorization.as_deref().unwrap();
    assert!(!authorization.contains(agent.token()));

    let done = invocations(&host);
    let own = |data: &&Value| data["authorization_context"] == agent.context["id"];
    let phases: Vec<_> = done.iter().filter(own).map(trail).collect();
    let expected = [
        "refused ceremony_required",
        "refused ceremony_pending",
        "intent -",
        "outcome -",
        "refused ceremony_consumed",
    ];
    assert_eq!(phases, expected);
    let outcome = done
        .iter()
        .rfind(|data| data["phase"] == "outcome")
        .unwrap();
    assert_eq!(outcome["operation"], "remote_lock");
    assert_eq!(outcome["result"], "accepted");
    assert_eq!(outcome["principal"]["subject"], "adele");
    assert_eq!(outcome["ceremony"]["id"], id);
    assert_eq!(outcome["ceremony"]["approvers"][0]["subject"], "megan");
}

#[tokio::test]
async fn a_device_that_turned_noncompliant_locks_nothing() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let agent = Agent::of(&host, &tenant.token(json!({}))).await;
    let id = agent.opens().await;
    let answer = vote(&host, &megan(&tenant, json!({})), &id, "approve").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    tenant.devices(|_| page(&[device("noncompliant")]));
    let (is_error, told) = agent.lock(Some(&id)).await;
    assert!(is_error);
    assert_eq!(told["error"], "denied");
    assert_eq!(told["reason"], "noncompliant");
    assert_eq!(tenant.action_calls().len(), 0);
    // What was approved is not used up.
    tenant.devices(|_| page(&[device("compliant")]));
    let (is_error, told) = agent.lock(Some(&id)).await;
    assert!(!is_error, "{told}");
    assert_eq!(tenant.effects().len(), 1);
}

#[tokio::test]
async fn an_outage_locks_nothing_though_the_device_is_known() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let agent = Agent::of(&host, &tenant.token(json!({}))).await;
    let id = agent.opens().await;
    let answer = vote(&host, &megan(&tenant, json!({})), &id, "approve").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    tenant.devices(|_| Answer::text(503, ""));
    let (is_error, told) = agent.lock(Some(&id)).await;
    assert!(is_error);
    assert_eq!(told["reason"], "source_unavailable");
    assert_eq!(told["retryable"], true);
    assert_eq!(tenant.action_calls().len(), 0);
    // What only reads goes by what was known a moment ago.
    let device = json!({"entra_device_id": DEVICE});
    let (is_error, told) = agent.call("get_device_compliance", device).await;
    assert!(!is_error, "{told}");
}

#[tokio::test]
async fn many_at_once_use_one_approval_once() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let agent = Agent::of(&host, &tenant.token(json!({}))).await;
    let id = agent.opens().await;
    let answer = vote(&host, &megan(&tenant, json!({})), &id, "approve").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told = join_all((0..8).map(|_| agent.lock(Some(&id)))).await;
    let (refused, done): (Vec<_>, Vec<_>) = told.into_iter().partition(|(is_error, _)| *is_error);
    assert_eq!(done.len(), 1);
    for (_, told) in refused {
        assert_eq!(told["reason"], "ceremony_consumed");
    }
    assert_eq!(tenant.effects().len(), 1);
}

#[tokio::test]
async fn each_call_is_recorded_under_its_authorization_context() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let agent = Agent::of(&host, &tenant.token(json!({}))).await;
    let (is_error, told) = agent.call("list_devices", json!({})).await;
    assert!(!is_error, "{told}");
    assert_eq!(told["devices"][0]["managed_device_id"], RECORD);
    let device = json!({"entra_device_id": DEVICE});
    let (is_error, told) = agent.call("get_device_compliance", device).await;
    assert!(!is_error, "{told}");
    let sync = json!({"managed_device_id": RECORD});
    let (is_error, told) = agent.call("sync_device", sync).await;
    assert!(!is_error, "{told}");
    agent.opens().await;

    let done = invocations(&host);
    let operations: Vec<_> = done.iter().map(|data| data["operation"].clone()).collect();
    let expected = [
        "list_devices",
        "get_compliance",
        "sync_device",
        "sync_device",
        "remote_lock",
    ];
    assert_eq!(operations, expected);
    for data in &done {
        assert_eq!(data["accord_template"], "device-management");
        assert_eq!(data["authorization_context"], agent.context["id"]);
        assert_eq!(data["principal"]["issuer"], tenant.issuer());
        assert_eq!(data["principal"]["subject"], "adele");
    }
    let text = std::fs::read_to_string(host.chronicle()).unwrap();
    assert!(!text.contains(agent.token()));
    assert!(!text.contains("canary"), "{text}");
}

#[tokio::test]
async fn with_intune_off_there_are_no_tools() {
    let tenant = Tenant::start().await;
    let issuers = [tenant.issuer()];
    let host = Running::with(&tenant, &[("INTUNE_ENABLED", "false")], &issuers).await;
    let agent = Agent::of(&host, &tenant.token(json!({}))).await;
    assert_eq!(agent.tools().await, [""; 0]);
    let message = call("list_devices", json!({}));
    let answer = answered(posted(&host, Some(agent.token()), &message)).await;
    let is_refused = answer.body["error"].is_object() || answer.body["result"]["isError"] == true;
    assert!(is_refused, "{}", answer.body);
    assert_eq!(tenant.look_ups(), 0);
}

/// What was recorded of the connector.
fn invocations(host: &Running) -> Vec<Value> {
    let mut records = host.records();
    records.retain(|record| record["eventname"] == "CONNECTOR_INVOKED");
    records
        .iter_mut()
        .map(|record| record["data"].take())
        .collect()
}

fn trail(data: &Value) -> String {
    let text = |name| data[name].as_str().unwrap_or("-");
    format!("{} {}", text("phase"), text("reason"))
}

#[tokio::test]
async fn who_was_let_through_without_a_look_at_a_device_operates_none() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    // No device in the token, and a template that nobody listed.
    for (claims, template) in [
        (json!({"deviceid": null}), "device-management"),
        (json!({"deviceid": null}), "whatever"),
        (json!({}), "whatever"),
    ] {
        let answer = host.authorize(&tenant.token(claims), template).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let scope = &answer.body["ac"]["delegation_scope"];
        assert_eq!(scope["capabilities"], json!([]), "{template}");
        let ac = answer.body["ac"]["token"].as_str().unwrap();
        let answer = listed(&host, ac).await;
        assert_eq!(answer.body["result"]["tools"], json!([]));
    }
}
