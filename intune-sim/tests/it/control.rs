//! The control interface: what the handle can do, over HTTP.

use intune_sim::{Fault, FaultKind, LoggedRequest, Route, SimConfig};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::client::{Harness, token};

/// A simulator, and its control interface.
pub(crate) struct Control(pub(crate) Harness);

impl Control {
    pub(crate) async fn start() -> Self {
        Self(Harness::start(SimConfig::default()).await)
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let url = format!("{}_sim/{path}", self.0.sim.base_url());
        let request = self.0.http.request(method, url);
        let request = match &body {
            None => request,
            Some(body) => request.json(body),
        };
        request.send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None)
            .await
            .json()
            .await
            .unwrap()
    }

    pub(crate) async fn done(&self, method: Method, path: &str, body: Option<Value>) {
        assert_eq!(self.call(method, path, body).await.status(), 204, "{path}");
    }
}

#[tokio::test]
async fn the_tenant_says_how_to_reach_it() {
    let control = Control::start().await;
    let tenant = control.get("tenant").await;
    let sim = &control.0.sim;
    assert_eq!(tenant, sim.connection());
    assert_eq!(
        format!("{}/", tenant["authority"].as_str().unwrap()),
        sim.authority().as_str()
    );
    assert_eq!(tenant["client_secret"], sim.client_secret());
    assert_eq!(tenant.get("ca"), None);
}

#[tokio::test]
async fn devices_are_added_changed_and_removed() {
    let control = Control::start().await;
    let device = json!({ "deviceName": "A", "complianceState": "odd", "imei": null });
    let answer = control.call(Method::POST, "devices", Some(device)).await;
    let added: Value = answer.json().await.unwrap();
    assert_eq!(added.as_object().unwrap().len(), 56);
    let path = format!("devices/{}", added["id"].as_str().unwrap());
    assert_eq!(control.get(&path).await["complianceState"], "odd");
    assert_eq!(control.get("devices").await.as_array().unwrap().len(), 13);

    let changes = json!({ "complianceState": "compliant" });
    let changed = control.call(Method::PATCH, &path, Some(changes)).await;
    assert_eq!(
        changed.json::<Value>().await.unwrap()["complianceState"],
        "compliant"
    );
    assert_eq!(control.0.names("deviceName eq 'A'").await, ["A"]);

    assert_eq!(
        control.call(Method::DELETE, &path, None).await.status(),
        200
    );
    assert_eq!(
        control.call(Method::DELETE, &path, None).await.status(),
        404
    );
    assert_eq!(
        control
            .call(Method::PATCH, &path, Some(json!([])))
            .await
            .status(),
        400
    );
}

#[tokio::test]
async fn tokens_are_minted_and_keys_rotated() {
    let control = Control::start().await;
    let body = json!({
        "kind": "keycloak", "claims": { "device_id": "d" }, "without": ["exp"], "kid": "absent",
    });
    let answer = control.call(Method::POST, "tokens", Some(body)).await;
    let token = answer.json::<Value>().await.unwrap()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(jsonwebtoken::decode_header(&token).unwrap().kid, None);
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&token)
        .unwrap()
        .claims;
    assert_eq!(claims["device_id"], "d");
    assert_eq!(claims["iss"], control.0.sim.keycloak_issuer());
    assert_eq!(claims.get("exp"), None);

    let wrong = json!({ "claim": {} });
    assert_eq!(
        control
            .call(Method::POST, "tokens", Some(wrong))
            .await
            .status(),
        422
    );

    let url = format!(
        "{}{}/discovery/v2.0/keys",
        control.0.sim.authority(),
        control.0.sim.tenant()
    );
    let keys = async || {
        control
            .0
            .http
            .get(&url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let before = keys().await;
    control.done(Method::POST, "keys/rotate", None).await;
    assert_ne!(keys().await, before);
    // A token issued before still opens Graph.
    assert_eq!(control.0.get("managedDevices").await.status(), 200);
}

#[tokio::test]
async fn faults_are_injected_released_and_cleared() {
    let control = Control::start().await;
    let fault = json!({ "route": "list_devices", "count": "always", "kind": "hold" });
    control
        .done(Method::POST, "faults", Some(fault.clone()))
        .await;
    assert_eq!(control.get("faults").await, json!([fault]));
    assert_eq!(
        control.0.sim.faults(),
        [Fault::new(Route::ListDevices, FaultKind::Hold).always()]
    );
    let (response, ()) = tokio::join!(control.0.get("managedDevices"), async {
        control.0.sim.wait_for_held(1).await;
        control.done(Method::POST, "release", None).await;
    });
    assert_eq!(response.status(), 200);
    let fault = json!({ "route": "any", "kind": { "status": { "status": 500 } } });
    control.done(Method::POST, "faults", Some(fault)).await;
    control.done(Method::DELETE, "faults", None).await;
    assert_eq!(control.0.get("managedDevices").await.status(), 200);
    let wrong = json!({ "route": "any", "kind": "explode" });
    assert_eq!(
        control
            .call(Method::POST, "faults", Some(wrong))
            .await
            .status(),
        422
    );
}

#[tokio::test]
async fn requests_are_logged_without_their_credentials() {
    let control = Control::start().await;
    control.0.get("managedDevices?$top=1").await;
    let log = control.get("requests").await;
    assert_eq!(log.as_array().unwrap().len(), 2);
    let request = &log[1];
    assert_eq!(request["order"], 2);
    assert_eq!(request["route"], "list_devices");
    assert_eq!(request["method"], "GET");
    assert_eq!(request["path"], "/v1.0/deviceManagement/managedDevices");
    assert_eq!(request["query"], "$top=1");
    assert_eq!(request["status"], 200);
    assert_eq!(request["authorization"]["scheme"], "Bearer");
    assert_eq!(
        request["authorization"]["sha256"].as_str().unwrap().len(),
        64
    );
    let text = log.to_string();
    assert!(!text.contains(&control.0.token) && !text.contains(control.0.sim.client_secret()));
    let handle: Vec<LoggedRequest> = control.0.sim.requests();
    assert_eq!(serde_json::to_value(handle).unwrap(), log);

    assert_eq!(
        control.get("counters").await,
        json!({ "token": 1, "list_devices": 1 })
    );
    assert_eq!(control.0.sim.count(Route::Any), 2);
    control.done(Method::DELETE, "requests", None).await;
    assert_eq!(control.get("counters").await, json!({}));
    control.0.get("managedDevices").await;
    assert_eq!(control.get("requests").await[0]["order"], 3);
}

#[tokio::test]
async fn the_log_is_bounded_and_the_counters_are_not() {
    let control = Control::start().await;
    let url = format!("{}nothing", control.0.sim.base_url());
    for _ in 0..10_050 {
        control.0.http.get(&url).send().await.unwrap();
    }
    let log = control.0.sim.requests();
    assert_eq!(log.len(), 10_000);
    assert_eq!(log.last().unwrap().order, 10_051);
    assert_eq!(log.last().unwrap().status, Some(404));
    assert_eq!(control.0.sim.count(Route::Other), 10_050);
}

#[tokio::test]
async fn roles_pages_and_lifetime_are_set() {
    let mut control = Control::start().await;
    control
        .done(
            Method::PUT,
            "page-size",
            Some(json!({ "rows": 2, "sparse": true })),
        )
        .await;
    assert_eq!(control.0.pages("managedDevices").await.len(), 6);
    control
        .done(Method::PUT, "roles", Some(json!(["Other.Role"])))
        .await;
    assert_eq!(control.get("roles").await, json!(["Other.Role"]));
    control.0.token = token(&control.0.http, &control.0.sim).await;
    assert_eq!(control.0.get("managedDevices").await.status(), 403);
    control
        .done(Method::PUT, "token-lifetime", Some(json!({ "seconds": 0 })))
        .await;
    control.0.token = token(&control.0.http, &control.0.sim).await;
    assert_eq!(control.0.get("managedDevices").await.status(), 401);
    assert_eq!(
        control.call(Method::GET, "nothing", None).await.status(),
        404
    );
}
