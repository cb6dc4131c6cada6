//! What an action asks, to the letter.

use entra_auth::Scope;
use intune_core::{ActionOutcome, DeviceAction, DeviceActions as _, MacOsUnlockCode, WipeOptions};
use serde_json::{Map, Value, json};

use crate::support::*;

/// The one request that an action makes.
async fn request(action: &DeviceAction) -> Received {
    let graph = Graph::saying(204, &[], "").await;
    let outcome = perform(&actions(&graph.url), action).await;
    assert!(matches!(outcome, ActionOutcome::Accepted(_)), "{outcome:?}");
    let [request] = graph.received().try_into().unwrap();
    request
}

#[tokio::test]
async fn an_action_is_a_post_to_its_name_below_the_device() {
    for (action, name) in every_action()
        .iter()
        .zip(["syncDevice", "remoteLock", "retire", "wipe"])
    {
        let request = request(action).await;
        assert_eq!(request.method, "POST");
        assert_eq!(request.target, format!("{LIST}/{RECORD}/{name}"));
    }
}

#[tokio::test]
async fn an_action_carries_bearer_accept_and_the_invocations_id() {
    for action in every_action() {
        let graph = Graph::saying(204, &[], "").await;
        let id = invocation();
        let acting = actions(&graph.url);
        acting.perform(&action, &target(), id).await;
        let [request] = graph.received().try_into().unwrap();
        assert_eq!(request.header("authorization"), "Bearer canary-token-1");
        assert_eq!(request.header("accept"), "application/json");
        assert_eq!(request.header("client-request-id"), id.to_string());
        assert!(request.header("user-agent").starts_with("intune-graph/"));
        for name in ["prefer", "retry-attempt", "expect", "transfer-encoding"] {
            assert_eq!(request.headers.get(name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn actions_without_parameters_have_no_body_and_say_so() {
    for action in [
        DeviceAction::Sync,
        DeviceAction::RemoteLock,
        DeviceAction::Retire,
    ] {
        let request = request(&action).await;
        assert_eq!(request.body, "");
        // Without a length, HTTP.sys answers a POST with 411.
        assert_eq!(request.header("content-length"), "0");
        assert_eq!(request.headers.get("content-type"), None);
    }
}

#[tokio::test]
async fn a_wipe_names_what_is_set_and_nothing_else() {
    let choices = [false, true];
    for keep_enrollment in choices {
        for keep_user in choices {
            for persist_esim in choices {
                for code in [None, Some("048291")] {
                    let mut options = WipeOptions::new()
                        .keep_enrollment_data(keep_enrollment)
                        .keep_user_data(keep_user)
                        .persist_esim_data_plan(persist_esim);
                    let mut expected = Map::new();
                    for (name, set) in [
                        ("keepEnrollmentData", keep_enrollment),
                        ("keepUserData", keep_user),
                        ("persistEsimDataPlan", persist_esim),
                    ] {
                        if set {
                            expected.insert(name.to_owned(), json!(true));
                        }
                    }
                    if let Some(code) = code {
                        let code: MacOsUnlockCode = code.parse().unwrap();
                        options = options.mac_os_unlock_code(code.clone());
                        // A text, for its leading zero.
                        expected.insert("macOsUnlockCode".to_owned(), json!(code.expose()));
                    }
                    let request = request(&DeviceAction::Wipe(options)).await;
                    let body: Value = serde_json::from_slice(&request.body).unwrap();
                    assert_eq!(body, Value::Object(expected));
                    assert_eq!(request.header("content-type"), "application/json");
                    let length = request.body.len().to_string();
                    assert_eq!(request.header("content-length"), length);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_root_below_a_path_or_with_a_version_is_kept() {
    for (root, prefix) in [("/", ""), ("/v1.0", ""), ("/proxy/v1.0/", "/proxy")] {
        let graph = Graph::saying(204, &[], "").await;
        lock(&actions(&format!("{}{root}", graph.url))).await;
        let [request] = graph.received().try_into().unwrap();
        assert_eq!(
            request.target,
            format!("{prefix}{LIST}/{RECORD}/remoteLock")
        );
    }
}

#[tokio::test]
async fn actions_and_reads_have_tokens_of_their_own() {
    let graph = Graph::start(|request, _| match request.method.as_str() {
        "POST" => response(401, &[], REJECTED_TOKEN.into()),
        _ => ok(page(&[], None)),
    })
    .await;
    let (reader, operator) = (Tokens::of("canary-reader"), Tokens::of("canary-operator"));
    let client = hurried(&graph.url, reader.clone(), &Hurried::new());
    let client = client.build().unwrap();
    let acting = acting_as(&client, &operator);
    lock(&acting).await;
    intune_core::DeviceDirectory::records(&client, device_id())
        .await
        .unwrap();
    let received = graph.received();
    let bearers: Vec<_> = received
        .iter()
        .map(|request| request.header("authorization"))
        .collect();
    assert_eq!(bearers, ["Bearer canary-operator", "Bearer canary-reader"]);
    // And what is rejected is reported to who issued it.
    let scope: Scope = "https://graph.microsoft.com/.default".parse().unwrap();
    assert_eq!(
        operator.invalidated(),
        [(scope.clone(), "canary-operator".to_owned())]
    );
    assert_eq!(reader.invalidated(), []);
    for tokens in [operator, reader] {
        assert_eq!(tokens.asked(), std::slice::from_ref(&scope));
    }
}
