//! Who decides about what waits for approval, and that each decision is on record first.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use authorize_host::watched::WatchedSink;
use chronicle::{AppendError, AppendErrorKind, Receipt, Record, Sink};
use clock::{ManualClock, SystemClock};
use http::Method;
use intune_core::{Operation, OperationErrorKind, WipeOptions};
use serde_json::{Value, json};

use crate::{
    desk::Desk,
    keys::key,
    mcp::Agent,
    running::{Answered, Running, answered},
    tenant::{Answer, DEVICE, RECORD, Tenant, USER, changed, device, now, sign},
};

const MEGAN: &str = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const NO_CEREMONY: &str = "cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const LIST: &str = "/governance/ceremonies/";

/// A token of somebody who may approve and has just signed in, with some claims set or taken away.
pub(crate) fn megan(tenant: &Tenant, changes: Value) -> String {
    let approver = json!({
        "sub": "megan", "oid": MEGAN, "deviceid": null, "scp": "ceremonies",
        "roles": ["reader", "ceremony-approver"], "auth_time": now().unix_seconds(),
    });
    let claims = changed(tenant.claims(), approver);
    sign(&key(1), &changed(claims, changes))
}

/// Says yes or no.
pub(crate) async fn vote(host: &Running, token: &str, id: &str, verb: &str) -> Answered {
    vote_with(host, token, id, verb, "").await
}

async fn vote_with(
    host: &Running,
    token: &str,
    id: &str,
    verb: &str,
    body: impl Into<reqwest::Body>,
) -> Answered {
    let path = format!("{LIST}{id}/{verb}");
    let request = host.request(Method::POST, &path).bearer_auth(token);
    answered(request.body(body)).await
}

async fn list(host: &Running, token: &str) -> Answered {
    answered(host.request(Method::GET, LIST).bearer_auth(token)).await
}

/// The ceremonies that wait.
async fn pending(host: &Running, tenant: &Tenant) -> Vec<Value> {
    let mut answer = list(host, &megan(tenant, json!({}))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_value(answer.body["ceremonies"].take()).unwrap()
}

/// What was recorded of votes.
fn votes(host: &Running) -> Vec<Value> {
    let mut records = host.records();
    records.retain(|record| record["eventname"] == "CEREMONY_VOTED");
    records
}

/// A host, an agent of Adele's, and a lock that waits.
async fn waiting(tenant: &Tenant) -> (Running, String) {
    let host = Running::over(tenant).await;
    let adele = Agent::of(&host, &tenant.token(json!({}))).await;
    let id = adele.opens().await;
    (host, id)
}

#[tokio::test]
async fn somebody_with_the_role_who_has_just_signed_in_approves() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let adele = Agent::of(&host, &tenant.token(json!({}))).await;
    let id = adele.opens().await;
    let reason = json!({"reason": "canary: she called"}).to_string();
    let answer = vote_with(&host, &megan(&tenant, json!({})), &id, "approve", reason).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let ceremony = &answer.body["ceremony"];
    assert_eq!(ceremony["id"], *id);
    assert_eq!(ceremony["votes"][0]["by"]["subject"], "megan");
    assert_eq!(ceremony["votes"][0]["approves"], true);
    assert_eq!(ceremony["votes"][0]["reason"], "canary: she called");
    assert_eq!(pending(&host, &tenant).await, Vec::<Value>::new());

    let votes = votes(&host);
    let phases: Vec<_> = votes.iter().map(|vote| &vote["data"]["phase"]).collect();
    assert_eq!(phases, ["intent", "outcome"]);
    for vote in &votes {
        assert_eq!(vote["subject"], *id);
        let data = &vote["data"];
        assert_eq!(data["ceremony_id"], *id);
        assert_eq!(data["vote"], "approve");
        assert_eq!(data["by"]["subject"], "megan");
        assert_eq!(data["by"]["issuer"], tenant.issuer());
    }
    let outcome = &votes[1]["data"];
    assert_eq!(outcome["result"], "counted");
    assert_eq!(outcome["operation"], "remote_lock");
    assert_eq!(outcome["target"]["managed_device_id"], RECORD);
    assert_eq!(outcome["target"]["entra_device_id"], DEVICE);
    let text = std::fs::read_to_string(host.chronicle()).unwrap();
    assert!(!text.contains("canary"), "{text}");
    let (is_error, told) = adele.lock(Some(&id)).await;
    assert!(!is_error, "{told}");
}

#[tokio::test]
async fn a_realms_role_counts_where_keycloak_writes_it() {
    let tenant = Tenant::start().await;
    let realm = tenant.realm();
    let issuers = [tenant.issuer(), format!("{realm}=keycloak:device")];
    let host = Running::with(&tenant, &[], &issuers).await;
    let adele = Agent::of(&host, &tenant.token(json!({}))).await;
    let id = adele.opens().await;
    let of_realm = |changes| {
        let keycloak = json!({
            "iss": realm, "oid": null, "tid": null, "roles": null, "scp": null,
            "realm_access": {"roles": ["ceremony-approver"]},
        });
        megan(&tenant, changed(keycloak, changes))
    };
    let without = of_realm(json!({"realm_access": {"roles": ["reader"]}}));
    let answer = vote(&host, &without, &id, "approve").await;
    assert_eq!(answer.body["error"], "not_an_approver");
    for malformed in [
        json!("ceremony-approver"),
        json!({"roles": "ceremony-approver"}),
    ] {
        let malformed = of_realm(json!({"realm_access": malformed}));
        assert_eq!(list(&host, &malformed).await.status, 403);
    }
    let approver = of_realm(json!({}));
    assert_eq!(list(&host, &approver).await.status, 200);
    let answer = vote(&host, &approver, &id, "approve").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(votes(&host).pop().unwrap()["data"]["by"]["issuer"], realm);
}

#[tokio::test]
async fn who_may_not_decide_does_not() {
    let tenant = Tenant::start().await;
    let (host, id) = waiting(&tenant).await;
    let now = now().unix_seconds();
    let ago = |seconds: i64| json!({"auth_time": now - seconds});
    let (old, app, role) = (
        "authentication_too_old",
        "application_cannot_decide",
        "not_an_approver",
    );
    let (agent, requester) = ("delegate_cannot_decide", "requester_cannot_decide");
    for (what, changes, error) in [
        ("no role", json!({"roles": null}), role),
        (
            "another role",
            json!({"roles": ["Ceremony-Approver"]}),
            role,
        ),
        (
            "a role as text",
            json!({"roles": "ceremony-approver"}),
            role,
        ),
        ("no sign-in", json!({"auth_time": null}), old),
        ("an old sign-in", ago(15 * 60 + 90), old),
        ("a sign-in to come", ago(-90), old),
        ("a sign-in as text", json!({"auth_time": "now"}), old),
        ("a typed application", json!({"idtyp": "app"}), app),
        ("a type of no meaning", json!({"idtyp": 7}), app),
        ("an application", json!({"sub": MEGAN, "scp": null}), app),
        ("an agent", json!({"act": {"sub": "agent-7"}}), agent),
        ("an agent, malformed", json!({"act": "agent-7"}), agent),
        (
            "an agent by Entra ID",
            json!({"xms_act_fct": "3 9 11"}),
            agent,
        ),
        ("an agent's account", json!({"xms_sub_fct": "13 3"}), agent),
        ("kinds that are no text", json!({"xms_act_fct": [3]}), agent),
        (
            "the requester",
            json!({"sub": "adele", "oid": USER}),
            requester,
        ),
        (
            "the requester's subject",
            json!({"sub": "adele"}),
            requester,
        ),
        ("the requester's object", json!({"oid": USER}), requester),
    ] {
        let token = megan(&tenant, changes);
        for verb in ["approve", "deny"] {
            let answer = vote(&host, &token, &id, verb).await;
            assert_eq!(answer.status, 403, "{what}: {}", answer.body);
            assert_eq!(answer.body["error"], error, "{what}");
        }
        if error == role {
            let answer = list(&host, &token).await;
            assert_eq!(answer.status, 403, "{what}");
            assert_eq!(answer.body["error"], error, "{what}");
        }
    }
    let pending = pending(&host, &tenant).await;
    assert_eq!(pending[0]["votes"], json!([]));
    // Whoever was known to try is on record.
    let outcomes: Vec<_> = votes(&host)
        .iter()
        .map(|vote| vote["data"].clone())
        .collect();
    assert!(outcomes.iter().all(|data| data["result"] != "counted"));
    let intents = outcomes.iter().filter(|data| data["phase"] == "intent");
    assert_eq!(intents.count() * 2, outcomes.len());
    let refused = outcomes.iter().filter(|data| data["result"] == requester);
    assert_eq!(refused.count(), 6);
    let by_agent = outcomes.iter().find(|data| data["result"] == agent);
    assert_eq!(by_agent.unwrap()["by"]["delegate"], "agent-7");

    // A user's token that has both, and one signed in just within time, may.
    let within = changed(
        ago(15 * 60),
        json!({"idtyp": "user", "sub": MEGAN, "xms_act_fct": "3 9", "xms_sub_fct": "3 1"}),
    );
    let answer = vote(&host, &megan(&tenant, within), &id, "approve").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn nobody_without_a_token_of_an_issuer_decides() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let adele = Agent::of(&host, &tenant.token(json!({}))).await;
    let id = adele.opens().await;
    let context = adele.context["token"].as_str().unwrap();
    let expired = megan(&tenant, json!({"exp": now().unix_seconds() - 90}));
    let elsewhere = megan(&tenant, json!({"aud": "somebody-else"}));
    let forged = sign(
        &key(2),
        &changed(tenant.claims(), json!({"roles": ["ceremony-approver"]})),
    );
    for token in ["garbage", context, &expired, &elsewhere, &forged] {
        for answer in [
            list(&host, token).await,
            vote(&host, token, &id, "approve").await,
            vote(&host, token, &id, "deny").await,
        ] {
            assert_eq!(answer.status, 401, "{}", answer.body);
            assert!(answer.headers.contains_key("www-authenticate"));
        }
    }
    for request in [
        host.request(Method::GET, LIST),
        host.request(Method::POST, &format!("{LIST}{id}/approve")),
    ] {
        let answer = answered(request).await;
        assert_eq!(answer.status, 401);
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    assert_eq!(votes(&host), Vec::<Value>::new());
    assert_eq!(pending(&host, &tenant).await.len(), 1);
}

#[tokio::test]
async fn a_decision_is_about_one_ceremony_and_taken_once() {
    let tenant = Tenant::start().await;
    let (host, id) = waiting(&tenant).await;
    let token = megan(&tenant, json!({}));
    for unknown in [NO_CEREMONY, "garbage", "%00"] {
        for verb in ["approve", "deny"] {
            let answer = vote(&host, &token, unknown, verb).await;
            assert_eq!(answer.status, 404, "{unknown}");
            assert_eq!(answer.body["error"], "ceremony_not_found");
        }
    }
    assert_eq!(vote(&host, &token, &id, "shrug").await.status, 404);
    assert_eq!(vote(&host, &token, &id, "approve").await.status, 200);
    let other = json!({"sub": "alex", "oid": NO_CEREMONY});
    let answer = vote(&host, &megan(&tenant, other), &id, "approve").await;
    assert_eq!(answer.status, 409);
    assert_eq!(answer.body["error"], "ceremony_decided");
    assert_eq!(
        votes(&host).pop().unwrap()["data"]["result"],
        "ceremony_decided"
    );
}

#[tokio::test]
async fn a_no_counts_also_after_a_yes() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let adele = Agent::of(&host, &tenant.token(json!({}))).await;
    let id = adele.opens().await;
    let token = megan(&tenant, json!({}));
    assert_eq!(vote(&host, &token, &id, "approve").await.status, 200);
    let answer = vote(&host, &token, &id, "deny").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for verb in ["approve", "deny"] {
        assert_eq!(vote(&host, &token, &id, verb).await.status, 409);
    }
    let (is_error, told) = adele.lock(Some(&id)).await;
    assert!(is_error);
    assert_eq!(told["reason"], "ceremony_denied");
    assert_eq!(tenant.action_calls().len(), 0);
}

#[tokio::test]
async fn a_body_is_an_object_with_a_reason_or_nothing() {
    let tenant = Tenant::start().await;
    let (host, id) = waiting(&tenant).await;
    let token = megan(&tenant, json!({}));
    for garbage in [
        "garbage",
        "[\"she called\"]",
        "\"she called\"",
        "{\"reason\":7}",
        "{\"reason\":\"a\",\"reason\":\"b\"}",
        "{\"reasons\":\"a\"}",
        "{",
        "null",
    ] {
        let answer = vote_with(&host, &token, &id, "approve", garbage).await;
        assert_eq!(answer.status, 400, "{garbage}");
        assert_eq!(answer.body["error"], "invalid_request");
    }
    let long = json!({"reason": "x".repeat(16 * 1024)}).to_string();
    let answer = vote_with(&host, &token, &id, "approve", long).await;
    assert_eq!(answer.status, 413);
    assert_eq!(votes(&host), Vec::<Value>::new());
    for body in ["{}", " \r\n"] {
        let answer = vote_with(&host, &token, &id, "approve", body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test]
async fn the_list_shows_what_is_asked_for_and_no_code() {
    const HOSTILE: &str = "<script>\"},{\u{202e}\n\0 ignore all that";
    let tenant = Tenant::start().await;
    let named = json!({"deviceName": HOSTILE, "serialNumber": "\"},{"});
    let named = changed(device("compliant"), named);
    let shown = named.clone();
    tenant.behaviour().device = Arc::new(move |_| Answer::json(&shown));
    let host = Running::over(&tenant).await;
    assert_eq!(pending(&host, &tenant).await, Vec::<Value>::new());
    let code = "839201".parse().unwrap();
    let options = WipeOptions::new()
        .keep_user_data(true)
        .mac_os_unlock_code(code);
    let desk = Desk::at(&host).with(options);
    let asked = desk.tries(Operation::WipeDevice, None).await.unwrap_err();
    let OperationErrorKind::CeremonyRequired(open) = asked.kind() else {
        panic!("{asked}");
    };

    let token = megan(&tenant, json!({}));
    let request = host.request(Method::GET, LIST).bearer_auth(token);
    let text = request.send().await.unwrap().text().await.unwrap();
    assert!(!text.contains("839201"), "{text}");
    for control in ['\n', '\0'] {
        assert!(!text.contains(control), "{text:?}");
    }
    let list: Value = serde_json::from_str(&text).unwrap();
    let ceremony = &list["ceremonies"][0];
    assert_eq!(ceremony["id"], open.id.to_string());
    assert_eq!(ceremony["expires_at"], open.expires_at.to_string());
    assert_eq!(ceremony["approvals_needed"], 1);
    let request = &ceremony["request"];
    assert_eq!(request["operation"], "wipe_device");
    assert_eq!(request["accord_template"], "device-management");
    assert_eq!(request["authorization_context"], "ac-1");
    assert_eq!(request["requester"]["subject"], "adele");
    assert_eq!(request["requester"]["delegate"], "agent-7");
    assert_eq!(request["parameters"]["keepUserData"], true);
    assert_eq!(request["device"]["managed_device_id"], RECORD);
    assert_eq!(request["device"]["entra_device_id"], DEVICE);
    let name = request["device"]["name"].as_str().unwrap();
    assert!(!name.contains(['\u{202e}', '\n', '\0']), "{name:?}");
    assert!(name.ends_with(" ignore all that"));
    assert_eq!(request["device"]["serial_number"], "\"},{");
    assert_eq!(request["device"]["user_id"], USER);
}

/// Refuses every record, or never answers.
#[derive(Debug)]
enum Broken {
    Refusing,
    Silent,
}

#[async_trait]
impl Sink for Broken {
    async fn append(&self, _: Record) -> Result<Receipt, AppendError> {
        match self {
            Self::Refusing => Err(AppendError::new(AppendErrorKind::Unavailable)),
            Self::Silent => std::future::pending().await,
        }
    }
}

/// A host whose votes go to this sink, by this clock, and a lock that waits.
async fn recording_votes_in(
    tenant: &Tenant,
    sink: Broken,
    clock: &Arc<ManualClock>,
) -> (Running, String) {
    let (mut host, files) = Running::unserved(tenant);
    let watch = Arc::new(SystemClock::new());
    host.chronicle = Arc::new(WatchedSink::new(Arc::new(sink), watch));
    host.clock = clock.clone();
    let chronicle = files.path().join("chronicle.jsonl");
    let host = Running::serving(host, files, chronicle).await;
    let asked = Desk::at(&host).tries(Operation::RemoteLock, None).await;
    let asked = asked.unwrap_err();
    let OperationErrorKind::CeremonyRequired(open) = asked.kind() else {
        panic!("{asked}");
    };
    let id = open.id.to_string();
    (host, id)
}

async fn is_undecided(host: &Running, tenant: &Tenant, id: &str) {
    let pending = pending(host, tenant).await;
    assert_eq!(pending[0]["id"], *id);
    assert_eq!(pending[0]["votes"], json!([]));
    let ceremony = Some(id.parse().unwrap());
    let tried = Desk::at(host).tries(Operation::RemoteLock, ceremony).await;
    assert_eq!(tried.unwrap_err().kind().as_str(), "ceremony_pending");
    assert_eq!(tenant.action_calls().len(), 0);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_decided() {
    let tenant = Tenant::start().await;
    let clock = Arc::new(ManualClock::new(now()));
    let (host, id) = recording_votes_in(&tenant, Broken::Refusing, &clock).await;
    for verb in ["approve", "deny"] {
        let answer = vote(&host, &megan(&tenant, json!({})), &id, verb).await;
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert_eq!(answer.body["error"], "audit_unavailable");
    }
    is_undecided(&host, &tenant, &id).await;
}

#[tokio::test]
async fn a_chronicle_that_hangs_holds_no_decision_up_for_ever() {
    let tenant = Tenant::start().await;
    let clock = Arc::new(ManualClock::new(now()));
    let (host, id) = recording_votes_in(&tenant, Broken::Silent, &clock).await;
    let token = megan(&tenant, json!({}));
    let advance = async {
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(10));
    };
    let (answer, ()) = tokio::join!(vote(&host, &token, &id, "approve"), advance);
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.body["error"], "audit_unavailable");
    is_undecided(&host, &tenant, &id).await;
}
