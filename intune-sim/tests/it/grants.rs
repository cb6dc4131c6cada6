//! What a token's answer says, and tokens under continuous access evaluation.

use base64::{Engine, engine::general_purpose::STANDARD};
use intune_sim::{Sim, SimConfig};
use jsonwebtoken::dangerous::insecure_decode;
use reqwest::{Client, Response};
use serde_json::{Value, json};

use crate::client::{GRAPH_SCOPE, http, post_form};

const CP1: &str = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;

struct Asking {
    sim: Sim,
    http: Client,
}

impl Asking {
    async fn start() -> Self {
        let sim = Sim::start(SimConfig::default().devices(1)).await.unwrap();
        Self { sim, http: http() }
    }

    async fn post(&self, claims: &str) -> Response {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.sim.client_id()),
            ("client_secret", self.sim.client_secret()),
            ("scope", GRAPH_SCOPE),
            ("claims", claims),
        ];
        post_form(&self.http, &self.sim, &form).await
    }

    async fn ask(&self, claims: &str) -> Value {
        let response = self.post(claims).await;
        assert_eq!(response.status(), 200, "{claims}");
        response.json().await.unwrap()
    }

    async fn graph(&self, answer: &Value) -> Response {
        let url = format!("{}v1.0/deviceManagement/managedDevices", self.sim.graph());
        let token = answer["access_token"].as_str().unwrap();
        self.http.get(url).bearer_auth(token).send().await.unwrap()
    }
}

fn decoded(answer: &Value) -> Value {
    let token = answer["access_token"].as_str().unwrap();
    insecure_decode::<Value>(token).unwrap().claims
}

#[tokio::test]
async fn only_long_lived_tokens_say_when_to_refresh_unless_told_otherwise() {
    let asking = Asking::start().await;
    let answer = asking.ask("").await;
    assert_eq!(
        (&answer["expires_in"], answer.get("refresh_in")),
        (&json!(3599), None)
    );
    asking.sim.set_token_lifetime(7200);
    assert_eq!(asking.ask("").await["refresh_in"], 3600);
    asking.sim.set_token_lifetime(30);
    asking.sim.set_refresh_in(Some(10));
    let answer = asking.ask("").await;
    assert_eq!(
        (&answer["expires_in"], &answer["refresh_in"]),
        (&json!(30), &json!(10))
    );
    asking.sim.set_refresh_in(None);
    assert_eq!(asking.ask("").await.get("refresh_in"), None);
}

#[tokio::test]
async fn numbers_are_texts_on_request() {
    let asking = Asking::start().await;
    asking.sim.set_numbers_as_text(true);
    asking.sim.set_refresh_in(Some(1800));
    let answer = asking.ask("").await;
    assert_eq!(answer["expires_in"], "3599");
    assert_eq!(answer["ext_expires_in"], "3599");
    assert_eq!(answer["refresh_in"], "1800");
    assert!(decoded(&answer)["exp"].is_i64());
}

#[tokio::test]
async fn a_client_that_understands_challenges_gets_a_long_token() {
    let asking = Asking::start().await;
    for claims in [
        CP1,
        r#"{"access_token":{"xms_cc":{"values":["other","CP1"]}}}"#,
    ] {
        let answer = asking.ask(claims).await;
        assert_eq!(answer["expires_in"], 86_400);
        assert_eq!(answer["refresh_in"], 43_200);
        assert_eq!(decoded(&answer)["xms_cc"], json!(["cp1"]));
        assert_eq!(asking.graph(&answer).await.status(), 200);
    }
    asking.sim.set_cae_token_lifetime(100_000);
    assert_eq!(asking.ask(CP1).await["refresh_in"], 50_000);
    let without = [
        "",
        "{}",
        r#"{"access_token":null}"#,
        r#"{"id_token":{"auth_time":{"essential":true}}}"#,
        r#"{"access_token":{"xms_cc":{"values":["cp2"]}}}"#,
    ];
    for claims in without {
        let answer = asking.ask(claims).await;
        assert_eq!(answer["expires_in"], 3599, "{claims}");
        assert_eq!(decoded(&answer).get("xms_cc"), None);
    }
}

#[tokio::test]
async fn malformed_claims_are_refused() {
    let asking = Asking::start().await;
    for claims in ["{", "[]", "cp1", r#"{"access_token":"x"}"#] {
        let response = asking.post(claims).await;
        assert_eq!(response.status(), 400, "{claims}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"], "invalid_request");
        assert_eq!(body["error_codes"], json!([9_002_313]));
    }
}

#[tokio::test]
async fn revocation_is_a_challenge_that_a_new_token_answers() {
    let asking = Asking::start().await;
    let (plain, evaluated) = (asking.ask("").await, asking.ask(CP1).await);
    asking.sim.revoke_sessions();
    assert_eq!(asking.graph(&plain).await.status(), 200);
    // The same answer every time: the token stays revoked.
    for _ in 0..2 {
        let response = asking.graph(&evaluated).await;
        assert_eq!(response.status(), 401);
        let headers: Vec<_> = response
            .headers()
            .get_all("www-authenticate")
            .iter()
            .collect();
        let [header] = headers.as_slice() else {
            panic!("one challenge: {headers:?}");
        };
        let header = header.to_str().unwrap();
        assert!(header.starts_with("Bearer realm=\"\", authorization_uri=\"https://"));
        assert!(header.contains("error=\"insufficient_claims\""));
        let claims = header
            .split("claims=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let claims: Value = serde_json::from_slice(&STANDARD.decode(claims).unwrap()).unwrap();
        let not_before = &claims["access_token"]["nbf"];
        assert_eq!(not_before["essential"], true);
        let seconds: i64 = not_before["value"].as_str().unwrap().parse().unwrap();
        assert!((seconds - crate::forge::now()).abs() < 60);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "InvalidAuthenticationToken");
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("Continuous access evaluation resulted in challenge"));

        // In the same second, as a client answers.
        let mut merged = claims.clone();
        merged["access_token"]["xms_cc"] = json!({ "values": ["cp1"] });
        let renewed = asking.ask(&merged.to_string()).await;
        assert_eq!(asking.graph(&renewed).await.status(), 200);
    }
    let renewed = asking.ask(CP1).await;
    asking.sim.revoke_sessions();
    assert_eq!(asking.graph(&renewed).await.status(), 401);
}
