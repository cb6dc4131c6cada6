//! The token endpoint.

use base64::{Engine, engine::general_purpose::STANDARD};
use intune_sim::{Route, Sim, SimConfig, UserToken};
use jsonwebtoken::dangerous::insecure_decode;
use serde_json::Value;

use crate::client::{GRAPH_SCOPE, Harness, http, post_form, token};

#[tokio::test]
async fn a_token_opens_graph_and_carries_the_roles() {
    let harness = Harness::start(SimConfig::default()).await;
    let claims = insecure_decode::<Value>(&harness.token).unwrap().claims;
    assert_eq!(claims["tid"], harness.sim.tenant());
    assert_eq!(claims["appid"], harness.sim.client_id());
    assert_eq!(claims["aud"], "https://graph.microsoft.com");
    assert_eq!(
        claims["roles"],
        serde_json::json!([
            "DeviceManagementManagedDevices.Read.All",
            "DeviceManagementManagedDevices.PrivilegedOperations.All"
        ])
    );
    let page = harness.json("managedDevices").await;
    assert_eq!(page["value"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn the_answer_has_the_documented_fields() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", sim.client_id()),
        ("client_secret", sim.client_secret()),
        ("scope", GRAPH_SCOPE),
    ];
    let response = post_form(&http(), &sim, &form).await;
    assert_eq!(
        response.headers()["content-type"],
        "application/json; charset=utf-8"
    );
    assert_eq!(response.headers()["pragma"], "no-cache");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 3599);
    assert_eq!(body["ext_expires_in"], 3599);
}

#[tokio::test]
async fn basic_authentication_is_form_encoded() {
    let secret = "a b+c:d%e&f=g~é";
    let sim = Sim::start(SimConfig::default().client_secret(secret))
        .await
        .unwrap();
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let credential = STANDARD.encode(format!("{}:{encoded}", sim.client_id()));
    let url = format!("{}{}/oauth2/v2.0/token", sim.authority(), sim.tenant());
    let response = http()
        .post(url)
        .header("authorization", format!("Basic {credential}"))
        .form(&[("grant_type", "client_credentials"), ("scope", GRAPH_SCOPE)])
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert!(!format!("{sim:?}").contains(secret));
}

#[tokio::test]
async fn refusals_are_entras() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let http = http();
    let (id, secret) = (sim.client_id(), sim.client_secret());
    let grant = "client_credentials";
    let unknown = "99999999-9999-4999-8999-999999999999";
    let two = format!("{GRAPH_SCOPE} https://vault.azure.net/.default");
    // grant, client, secret, scope; status, error, AADSTS code
    let cases = [
        (
            [grant, id, "wrong", GRAPH_SCOPE],
            401,
            "invalid_client",
            7_000_215,
        ),
        (
            [grant, id, "", GRAPH_SCOPE],
            401,
            "invalid_client",
            7_000_218,
        ),
        (
            [grant, unknown, secret, GRAPH_SCOPE],
            400,
            "unauthorized_client",
            700_016,
        ),
        (
            ["", id, secret, GRAPH_SCOPE],
            400,
            "invalid_request",
            900_144,
        ),
        (
            [grant, "", secret, GRAPH_SCOPE],
            400,
            "invalid_request",
            900_144,
        ),
        ([grant, id, secret, ""], 400, "invalid_request", 900_144),
        (
            ["password", id, secret, GRAPH_SCOPE],
            400,
            "unsupported_grant_type",
            70003,
        ),
        (
            [grant, id, secret, "https://graph.microsoft.com/User.Read"],
            400,
            "invalid_scope",
            1_002_012,
        ),
        ([grant, id, secret, &two], 400, "invalid_scope", 70011),
        (
            [grant, id, secret, "https://vault.azure.net/.default"],
            400,
            "invalid_resource",
            500_011,
        ),
    ];
    for ([grant, id, secret, scope], status, error, code) in cases {
        let form = [
            ("grant_type", grant),
            ("client_id", id),
            ("client_secret", secret),
            ("scope", scope),
        ];
        let response = post_form(&http, &sim, &form).await;
        assert_eq!(response.status(), status, "{code}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"], error);
        assert_eq!(body["error_codes"], serde_json::json!([code]));
        let text = body["error_description"].as_str().unwrap();
        assert!(text.starts_with(&format!("AADSTS{code}: ")), "{text}");
        assert!(text.contains("\r\nTrace ID: "), "{text}");
        assert!(!text.contains(sim.client_secret()));
        let timestamp = body["timestamp"].as_str().unwrap();
        assert_eq!(
            (timestamp.len(), timestamp.ends_with('Z')),
            (20, true),
            "{timestamp}"
        );
    }
}

#[tokio::test]
async fn an_unknown_tenant_is_refused_and_the_request_id_echoed() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let url = format!("{}nobody.example/oauth2/v2.0/token", sim.authority());
    let id = "44444444-5555-4666-8777-888888888888";
    let form = [("grant_type", "client_credentials")];
    let response = http()
        .post(url)
        .header("client-request-id", id)
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error_codes"], serde_json::json!([90002]));
    assert_eq!(body["correlation_id"], id);
}

#[tokio::test]
async fn every_cloud_and_the_own_root_are_resources() {
    let sim = Sim::start(SimConfig::default().devices(0)).await.unwrap();
    let http = http();
    let own = format!("{}.default", sim.graph());
    for scope in [
        "https://graph.microsoft.us/.default",
        "https://dod-graph.microsoft.us/.default",
        "https://microsoftgraph.chinacloudapi.cn/.default",
        "https://graph.microsoft.com//.default",
        &own,
    ] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", sim.client_id()),
            ("client_secret", sim.client_secret()),
            ("scope", scope),
        ];
        let body: Value = post_form(&http, &sim, &form).await.json().await.unwrap();
        let token = body["access_token"].as_str().expect(scope);
        let url = format!("{}v1.0/deviceManagement/managedDevices", sim.graph());
        assert_eq!(
            http.get(url)
                .bearer_auth(token)
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
    }
}

#[tokio::test]
async fn graph_refuses_bad_tokens() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let http = http();
    sim.set_token_lifetime(0);
    let expired = token(&http, &sim).await;
    let user = sim.mint(UserToken::entra());
    let other = Sim::start(SimConfig::default()).await.unwrap();
    let foreign = token(&http, &other).await;
    let url = format!("{}v1.0/deviceManagement/managedDevices", sim.graph());
    let bearers = [
        None,
        Some("garbage"),
        Some(&*expired),
        Some(&*user),
        Some(&*foreign),
    ];
    for bearer in bearers {
        let request = http.get(&url);
        let request = match bearer {
            None => request,
            Some(token) => request.bearer_auth(token),
        };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401, "{bearer:?}");
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer "));
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "InvalidAuthenticationToken");
    }
    assert_eq!(sim.count(Route::ListDevices), 5);
}
