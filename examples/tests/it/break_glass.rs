//! Break-glass at the host: what its bearer may do, and that it widens nothing that was given before.

use std::time::Duration;

use serde_json::json;

use crate::{
    ceremonies::{megan, vote},
    mcp::Agent,
    running::Running,
    tenant::{Answer, Tenant, device, now, page},
};

const HALF_A_MINUTE: Duration = Duration::from_secs(30);

async fn host(tenant: &Tenant, duration: Duration) -> Running {
    let starts_at = now().saturating_sub(HALF_A_MINUTE);
    let expires_at = now().saturating_add(duration);
    let issuer = tenant.issuer();
    let policy = format!(
        "[[break_glass]]\nissuer = \"{issuer}\"\nsubject = \"adele\"\nreason = \"INC-1\"\n\
         starts_at = \"{starts_at}\"\nexpires_at = \"{expires_at}\"\n"
    );
    Running::under(tenant, &policy, &[]).await
}

#[tokio::test]
async fn in_an_outage_a_named_person_may_read_and_propose_and_nothing_more() {
    let tenant = Tenant::start().await;
    tenant.devices(|_| Answer::text(503, ""));
    let host = host(&tenant, 4 * HALF_A_MINUTE).await;
    let answer = host
        .authorize(&tenant.token(json!({})), "device-management")
        .await;
    assert_eq!(answer.line(), "200 break_glass -");
    let decision = &answer.body["decision"];
    assert_eq!(
        (&decision["enforced"], &decision["would"]),
        (&json!(false), &json!("deny"))
    );
    let scope = &answer.body["ac"]["delegation_scope"];
    assert_eq!(scope["capabilities"], json!(["READ", "PROPOSE"]));
    let ends: clock::Timestamp = answer.body["ac"]["expires_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        ends <= now().saturating_add(4 * HALF_A_MINUTE),
        "it outlives the entry"
    );
    let names: Vec<_> = host
        .records()
        .iter()
        .map(|it| it["eventname"].clone())
        .collect();
    assert_eq!(names, ["BREAK_GLASS_USED", "DEVICE_COMPLIANCE_CHECKED"]);
    // Others wait until Intune is back.
    let other = host
        .authorize(&tenant.token(json!({"sub": "berta"})), "device-management")
        .await;
    assert_eq!(other.line(), "503 source_unavailable -");
}

#[tokio::test]
async fn what_was_given_before_the_glass_broke_is_not_used_through_it() {
    let tenant = Tenant::start().await;
    let host = host(&tenant, 4 * HALF_A_MINUTE).await;
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
}
