//! Who signs in for what, and what a host without operations can't do. And bearers that stay at home.

use std::sync::Arc;

use intune_core::Operation;
use serde_json::json;

use crate::{
    desk::{ACTIONS, Desk},
    running::Running,
    tenant::{Answer, CLIENT, Call, SECRET, Tenant, device, granted},
};

const OPERATOR: &str = "0b7a8f6e-2222-4222-8333-444455556666";
const OPERATOR_SECRET: &str = "canary~operator/secret+W9==";
const APART: [(&str, &str); 2] = [
    ("INTUNE_OPERATIONS_CLIENT_ID", OPERATOR),
    ("INTUNE_OPERATIONS_CLIENT_SECRET", OPERATOR_SECRET),
];

/// A tenant whose tokens say for which application they are.
async fn tenant_of_two() -> Tenant {
    let tenant = Tenant::start().await;
    tenant.tokens(|call| {
        let form = url::form_urlencoded::parse(call.body.as_bytes());
        let value = |name| {
            form.clone()
                .find_map(|(key, value)| (key == name).then_some(value))
        };
        match (
            value("client_id").as_deref(),
            value("client_secret").as_deref(),
        ) {
            (Some(CLIENT), Some(SECRET)) => granted("reader.canary.token"),
            (Some(OPERATOR), Some(OPERATOR_SECRET)) => granted("operator.canary.token"),
            _ => Answer::status(401, &json!({"error": "invalid_client"})),
        }
    });
    tenant
}

fn tokens_asked_for(tenant: &Tenant, client: &str) -> usize {
    let calls = tenant.calls("/token");
    calls
        .iter()
        .filter(|call| call.body.contains(client))
        .count()
}

fn bearers(calls: &[Call]) -> Vec<&str> {
    calls
        .iter()
        .map(|call| call.authorization.as_deref().unwrap())
        .collect()
}

#[tokio::test]
async fn actions_are_sent_by_the_operator_and_reads_by_the_reader() {
    let tenant = tenant_of_two().await;
    let host = Running::with(&tenant, &APART, &[]).await;
    let answer = host
        .authorize(&tenant.token(json!({})), "device-management")
        .await;
    assert_eq!(answer.line(), "200 compliant live");
    assert_eq!(
        tokens_asked_for(&tenant, OPERATOR),
        0,
        "nobody has acted yet"
    );
    for (operation, _) in ACTIONS {
        let invoked = Desk::at(&host).invokes(operation).await;
        assert_eq!(invoked.outcome.as_str(), "accepted", "{operation}");
    }
    assert_eq!(
        bearers(&tenant.effects()),
        ["Bearer operator.canary.token"; 4]
    );
    let mut reads = tenant.calls("managedDevices");
    reads.retain(|call| !call.is_action());
    assert!(reads.len() > 1);
    for bearer in bearers(&reads) {
        assert_eq!(bearer, "Bearer reader.canary.token");
    }
    assert_eq!(tokens_asked_for(&tenant, OPERATOR), 1);
    assert_eq!(tokens_asked_for(&tenant, CLIENT), 1);
    let chronicle = std::fs::read_to_string(host.chronicle()).unwrap();
    assert!(!chronicle.contains("canary"));
}

#[tokio::test]
async fn without_a_separate_application_the_reader_acts() {
    let tenant = tenant_of_two().await;
    let host = Running::over(&tenant).await;
    let invoked = Desk::at(&host).invokes(Operation::SyncDevice).await;
    assert_eq!(invoked.outcome.as_str(), "accepted");
    assert_eq!(bearers(&tenant.effects()), ["Bearer reader.canary.token"]);
    assert_eq!(tenant.calls("/token").len(), 1);
}

#[tokio::test]
async fn an_operator_who_cannot_sign_in_stops_actions_and_no_reads() {
    let tenant = tenant_of_two().await;
    let wrong = [
        APART[0],
        ("INTUNE_OPERATIONS_CLIENT_SECRET", "canary~wrong"),
    ];
    let host = Running::with(&tenant, &wrong, &[]).await;
    // Before the approval is used up.
    let refused = Desk::at(&host).attempts(Operation::WipeDevice).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind().as_str(), "credential_rejected");
    assert!(!format!("{refused:?}").contains("canary~"), "{refused:?}");
    assert!(tenant.action_calls().is_empty());
    let answer = host
        .authorize(&tenant.token(json!({})), "device-management")
        .await;
    assert_eq!(answer.status, 200);
    let refusal = host
        .records()
        .into_iter()
        .rfind(|record| record["data"]["phase"] == "refused");
    assert_eq!(refusal.unwrap()["data"]["reason"], "credential_rejected");
}

#[tokio::test]
async fn with_operations_off_there_is_nothing_that_could_act() {
    for more in [&[][..], &APART] {
        for off in ["off", "false", "0", "NO"] {
            let tenant = tenant_of_two().await;
            let mut more = more.to_vec();
            more.push(("INTUNE_OPERATIONS", off));
            let host = Running::with(&tenant, &more, &[]).await;
            for (operation, _) in ACTIONS {
                let refused = Desk::at(&host).attempts(operation).await.unwrap_err();
                assert_eq!(refused.kind().as_str(), "operations_off", "{operation}");
                let record = host.records().pop().unwrap();
                assert_eq!(record["data"]["phase"], "refused");
                assert_eq!(record["data"]["reason"], "operations_off");
            }
            assert_eq!(host.get("/readyz").await.status, 200);
            let answer = host
                .authorize(&tenant.token(json!({})), "device-management")
                .await;
            assert_eq!(answer.line(), "200 compliant live");
            assert_eq!(tokens_asked_for(&tenant, OPERATOR), 0);
            assert!(tenant.action_calls().is_empty());
        }
    }
}

#[tokio::test]
async fn no_other_host_ever_sees_a_bearer_or_a_secret() {
    let elsewhere = Tenant::start().await;
    let there = elsewhere.next_link("x");
    let user_info = there.replacen("http://", "http://user@", 1);
    let other_name = there.replacen("127.0.0.1", "localhost", 1);
    for (status, target) in [
        (301, &there),
        (302, &there),
        (303, &there),
        (307, &there),
        (308, &there),
        (307, &user_info),
        (308, &other_name),
    ] {
        let led_astray = {
            let target = target.clone();
            move || Answer::text(status, "").with("location", &target)
        };
        let tenant = tenant_of_two().await;
        let host = Running::with(&tenant, &APART, &[]).await;
        let answer = led_astray.clone();
        tenant.actions(move |_| (false, answer()));
        for (operation, _) in ACTIONS {
            let invoked = Desk::at(&host).invokes(operation).await;
            assert_eq!(invoked.outcome.as_str(), "unknown", "{operation}, {status}");
        }
        let answer = led_astray.clone();
        tenant.behaviour().device = Arc::new(move |_| answer());
        let refused = Desk::at(&host).attempts(Operation::WipeDevice).await;
        assert_eq!(refused.unwrap_err().kind().as_str(), "malformed_answer");
        tenant.behaviour().device = Arc::new(|_| Answer::json(&device("compliant")));
        let link = target.clone();
        tenant.devices(move |_| {
            Answer::json(&json!({"value": [device("compliant")], "@odata.nextLink": link}))
        });
        let token = tenant.token(json!({}));
        let answer = host.authorize(&token, "device-management").await;
        assert_eq!(answer.line(), "503 source_unavailable -");
        // The sign-in is led astray, too.
        tenant.tokens(move |_| led_astray());
        let host = Running::with(&tenant, &APART, &[]).await;
        let refused = Desk::at(&host).attempts(Operation::WipeDevice).await;
        assert!(refused.is_err(), "{refused:?}");
    }
    assert!(elsewhere.calls("").is_empty(), "{:?}", elsewhere.calls(""));
}
