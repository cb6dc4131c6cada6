//! An agent and the token of whoever it acts for: whose device counts, and that no other token does.

use authorize_host::ac::Grant;
use compliance_gate::{DeviceIdentity, GateRequest};
use http::StatusCode;
use intune_core::{OperationErrorKind, Principal, WipeOptions};
use serde_json::{Value, json};

use crate::{
    ceremonies::{megan, vote},
    keys::key,
    mcp::Agent,
    running::{Answered, Running},
    tenant::{Answer, CLIENT, DEVICE, RECORD, Tenant, changed, device, now, page, sign},
};

/// The agent's own, where it has one.
const AGENTS: &str = "33333333-4444-4555-8666-7777777777cd";

const POLICY: &str = "
    [accords.device-management]
    strict = true
    delegates = \"delegator_device\"
    [accords.own]
    device_compliance_required = true
    strict = true
";

async fn host(tenant: &Tenant) -> Running {
    Running::under(tenant, POLICY, &[]).await
}

/// The token of Adele's agent, which names no device unless `changes` do.
fn agent(tenant: &Tenant, changes: Value) -> String {
    let agent = json!({"act": {"sub": "agent-7"}, "deviceid": null});
    sign(&key(1), &changed(changed(tenant.claims(), agent), changes))
}

async fn asks(host: &Running, bearer: &str, template: &str, delegator: &Value) -> Answered {
    let body = json!({"accord_template": template, "delegator_token": delegator});
    let bearer = format!("Bearer {bearer}");
    host.post(Some(&bearer), body.to_string()).await
}

/// Adele's own token, with some claims set or taken away, beside her agent's.
async fn with(host: &Running, tenant: &Tenant, template: &str, changes: Value) -> Answered {
    let theirs = json!(tenant.token(changes));
    asks(host, &agent(tenant, json!({})), template, &theirs).await
}

#[tokio::test]
async fn an_agent_without_a_device_is_judged_by_its_delegators() {
    let tenant = Tenant::start().await;
    let host = host(&tenant).await;
    let alone = agent(&tenant, json!({}));
    let answer = host.authorize(&alone, "device-management").await;
    assert_eq!(answer.line(), "403 no_device_identity -");

    let answer = with(&host, &tenant, "device-management", json!({})).await;
    assert_eq!(answer.line(), "200 compliant live");
    let ac = &answer.body["ac"];
    assert_eq!(ac["principal"]["delegate"], "agent-7");
    assert_eq!(ac["device_compliance"]["device_of"], "delegator");
    assert_eq!(ac["device_compliance"]["entra_device_id"], DEVICE);

    let record = host.records().pop().unwrap();
    let data = &record["data"];
    assert_eq!(
        data["identity"],
        json!({"own": "absent", "delegator": "present"})
    );
    assert_eq!(data["device"]["of"], "delegator");
    assert_eq!(data["principal"]["subject"], "adele");

    tenant.devices(|_| page(&[device("noncompliant")]));
    let host = self::host(&tenant).await;
    let answer = with(&host, &tenant, "device-management", json!({})).await;
    assert_eq!(answer.line(), "403 noncompliant live");
}

#[tokio::test]
async fn a_template_that_does_not_say_so_judges_by_the_agents_own() {
    let tenant = Tenant::start().await;
    let host = host(&tenant).await;
    let answer = with(&host, &tenant, "own", json!({})).await;
    assert_eq!(answer.line(), "403 no_device_identity -");
    assert_eq!(tenant.look_ups(), 0);
}

#[tokio::test]
async fn an_agents_own_device_never_falls_back() {
    let tenant = Tenant::start().await;
    tenant.devices(|call| {
        let own = json!({"azureADDeviceId": AGENTS});
        page(&[match call.query.contains(AGENTS) {
            true => changed(device("noncompliant"), own),
            false => device("compliant"),
        }])
    });
    let host = host(&tenant).await;
    let theirs = json!(tenant.token(json!({})));
    for (own, expected) in [
        (json!(AGENTS), "403 noncompliant live"),
        (json!("garbage"), "403 invalid_device_identity -"),
        (json!([AGENTS]), "403 invalid_device_identity -"),
    ] {
        let bearer = agent(&tenant, json!({"deviceid": own}));
        let answer = asks(&host, &bearer, "device-management", &theirs).await;
        assert_eq!(answer.line(), expected, "{own}");
    }
}

#[tokio::test]
async fn a_delegators_token_without_a_usable_device_is_no_way_in() {
    let tenant = Tenant::start().await;
    let host = host(&tenant).await;
    for (changes, expected) in [
        (json!({"deviceid": null}), "403 no_device_identity -"),
        (json!({"deviceid": "x"}), "403 invalid_device_identity -"),
        (json!({"deviceid": 7}), "403 invalid_device_identity -"),
        (json!({"tid": "x"}), "403 invalid_device_identity -"),
    ] {
        let what = changes.to_string();
        let answer = with(&host, &tenant, "device-management", changes).await;
        assert_eq!(answer.line(), expected, "{what}");
    }
    assert_eq!(tenant.look_ups(), 0);
}

#[tokio::test]
async fn a_token_that_is_not_the_delegators_own_is_refused_without_a_word_why() {
    let tenant = Tenant::start().await;
    let realm = format!("{}=keycloak:device_id", tenant.realm());
    let host = Running::with(&tenant, &[], &[tenant.issuer(), realm]).await;
    let bearer = agent(&tenant, json!({}));
    let now = now().unix_seconds();
    let own = tenant.token(json!({}));
    let other_key = key(2);
    let realms = json!({"iss": tenant.realm(), "device_id": DEVICE});
    for (what, token) in [
        ("nothing", String::new()),
        ("garbage", "garbage".to_owned()),
        ("with its scheme", format!("Bearer {own}")),
        ("another's", tenant.token(json!({"sub": "ben"}))),
        ("of another issuer", tenant.token(realms)),
        (
            "of an issuer unknown",
            tenant.token(json!({"iss": "https://x.example"})),
        ),
        ("expired", tenant.token(json!({"exp": now - 120}))),
        ("never expiring", tenant.token(json!({"exp": null}))),
        ("not in force yet", tenant.token(json!({"nbf": now + 600}))),
        (
            "for others",
            tenant.token(json!({"aud": format!("{CLIENT}x")})),
        ),
        ("of another key", sign(&other_key, &tenant.claims())),
        (
            "without signature",
            format!("{}.", own.rsplit_once('.').unwrap().0),
        ),
        ("the agent's", bearer.clone()),
        (
            "the agent's, with a device",
            agent(&tenant, json!({"deviceid": DEVICE})),
        ),
        (
            "another agent's",
            tenant.token(json!({"act": {"sub": "agent-8"}})),
        ),
        ("an agent's, malformed", tenant.token(json!({"act": 1}))),
        (
            "an agent's account",
            tenant.token(json!({"xms_sub_fct": "13"})),
        ),
    ] {
        // `read-only` requires nothing: not even there is it taken for absent.
        for template in ["device-management", "read-only"] {
            let answer = asks(&host, &bearer, template, &json!(token)).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}");
            let expected = json!({
                "error": "invalid_token",
                "error_description": "the delegator's token is not accepted",
            });
            assert_eq!(answer.body, expected, "{what}");
            assert!(answer.headers.contains_key("www-authenticate"), "{what}");
        }
    }
    assert_eq!(tenant.look_ups(), 0);
    assert!(host.records().is_empty());
}

#[tokio::test]
async fn a_request_with_a_delegators_token_is_well_formed_and_an_agents() {
    let tenant = Tenant::start().await;
    let host = host(&tenant).await;
    let (bearer, own) = (agent(&tenant, json!({})), tenant.token(json!({})));
    for malformed in [json!(null), json!(7), json!([own]), json!({"token": own})] {
        let answer = asks(&host, &bearer, "device-management", &malformed).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{malformed}");
        assert!(!answer.body.to_string().contains(&own), "{malformed}");
    }
    let twice = json!(own).to_string();
    let twice = format!(
        r#"{{"accord_template":"device-management","delegator_token":{twice},"delegator_token":{twice}}}"#
    );
    let answer = host.post(Some(&format!("Bearer {bearer}")), twice).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    // A person acts for nobody, and isn't let in by another token of theirs.
    let person = tenant.token(json!({"deviceid": null}));
    let answer = asks(&host, &person, "device-management", &json!(own)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    // Without a bearer of its own, it is nobody's.
    let body = json!({"accord_template": "device-management", "delegator_token": own});
    assert_eq!(host.post(None, body.to_string()).await.status, 401);
    assert_eq!(tenant.look_ups(), 0);
}

#[tokio::test]
async fn while_keys_cannot_be_had_a_delegators_token_is_not_left_out() {
    let tenant = Tenant::start().await;
    let realm = format!("{}=keycloak:device_id", tenant.realm());
    let host = Running::with(&tenant, &[], &[tenant.issuer(), realm]).await;
    let bearer = agent(&tenant, json!({}));
    assert_eq!(host.authorize(&bearer, "read-only").await.status, 200);
    tenant.keys(|_| Answer::text(500, "down"));
    let theirs = tenant.token(json!({"iss": tenant.realm(), "device_id": DEVICE}));
    let answer = asks(&host, &bearer, "read-only", &json!(theirs)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn an_authorization_context_outlives_neither_token() {
    let tenant = Tenant::start().await;
    let host = host(&tenant).await;
    let now = now().unix_seconds();
    for (agents, theirs) in [(300, 3600), (3600, 300), (120, 60)] {
        let bearer = agent(&tenant, json!({"exp": now + agents}));
        let token = json!(tenant.token(json!({"exp": now + theirs})));
        let answer = asks(&host, &bearer, "device-management", &token).await;
        let expires_at: clock::Timestamp = answer.body["ac"]["expires_at"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(expires_at.unix_seconds(), now + agents.min(theirs));
    }
}

#[tokio::test]
async fn at_the_tools_the_delegators_device_is_looked_at_again() {
    let tenant = Tenant::start().await;
    let host = host(&tenant).await;
    let issued = async || {
        let mut answer = with(&host, &tenant, "device-management", json!({})).await;
        Agent::with(&host, answer.body["ac"].take())
    };
    let agent = issued().await;
    let id = agent.opens().await;
    let approver = megan(&tenant, json!({}));
    let answer = vote(&host, &approver, &id, "approve").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (is_error, told) = agent.lock(Some(&id)).await;
    assert!(!is_error, "{told}");
    let is_decision = |it: &Value| it["eventname"] == "DEVICE_COMPLIANCE_CHECKED";
    let readmitted = host.records().into_iter().rfind(is_decision).unwrap();
    assert_eq!(readmitted["data"]["reason"], "compliant");
    assert_eq!(readmitted["data"]["device"]["of"], "delegator");

    let agent = issued().await;
    let id = agent.opens().await;
    vote(&host, &approver, &id, "approve").await;
    tenant.devices(|_| page(&[device("noncompliant")]));
    let (is_error, told) = agent.lock(Some(&id)).await;
    assert!(is_error);
    assert!(told.to_string().contains("noncompliant"), "{told}");
    assert_eq!(tenant.effects().len(), 1);
}

#[tokio::test]
async fn an_agent_does_not_wipe_the_device_that_let_it_in() {
    let tenant = Tenant::start().await;
    let (host, _files) = Running::unserved(&tenant);
    // Without `oid`, only the Authorization Context says whose device it is.
    let principal = Principal::new(tenant.issuer(), "adele").with_delegate("agent-7");
    let template = "device-management".parse().unwrap();
    let present = DeviceIdentity::Present(DEVICE.parse().unwrap());
    let request = GateRequest::new(&principal, &template, present);
    let decision = host.gate.evaluate(&request).await;
    let issued = host.issuer.issue(Grant {
        principal: &principal,
        template: &template,
        device: DeviceIdentity::Absent,
        delegator: Some(present),
        decision: &decision,
        token_expires_at: now().saturating_add(std::time::Duration::from_secs(600)),
    });
    let context = host.issuer.verify(issued.unwrap().token(), now()).unwrap();
    assert_eq!(context.delegator, Some(present));
    let connector = &host.operations.as_ref().unwrap().connector;
    let record = RECORD.parse().unwrap();
    let wiped = connector.wipe_device(&context.invocation, record, WipeOptions::new(), None);
    let refused = wiped.await.unwrap_err();
    assert_eq!(*refused.kind(), OperationErrorKind::OwnDevice);
    assert!(tenant.effects().is_empty());
}
