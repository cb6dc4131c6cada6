//! The control interface: credentials, token settings, the end of access.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    client::{GRAPH_SCOPE, post_form},
    control::Control,
    forge::{Signer, authority, claims, code, named},
};

#[tokio::test]
async fn secrets_and_certificates_are_managed() {
    let control = Control::start().await;
    let (sim, http) = (&control.0.sim, &control.0.http);
    let app = format!("apps/{}", sim.client_id());
    let path = |rest: &str| format!("{app}/{rest}");
    let secret = || Some(json!({ "secret": "second~secret" }));
    for (method, rest) in [
        (Method::POST, "secrets"),
        (Method::POST, "secrets/expire"),
        (Method::DELETE, "secrets"),
    ] {
        control.done(method, &path(rest), secret()).await;
    }
    let gone = control
        .call(Method::DELETE, &path("secrets"), secret())
        .await;
    assert_eq!(gone.status(), 404);
    assert!(!gone.text().await.unwrap().contains("second~secret"));

    let signer = Signer::new(named("daemon"));
    let pem = || Some(json!({ "pem": signer.pem }));
    let answer = control
        .call(Method::POST, &path("certificates"), pem())
        .await;
    let thumbprint = answer.json::<Value>().await.unwrap()["thumbprint"].clone();
    let hex: String = signer
        .sha256()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    assert_eq!(thumbprint, hex);
    let attempt = async || code(http, sim, &signer.sign(&signer.header(), &claims(sim))).await;
    assert_eq!(attempt().await, None);
    control
        .done(Method::POST, &path("certificates/revoke"), pem())
        .await;
    assert_eq!(attempt().await, Some(7_000_214));
    control
        .done(Method::DELETE, &path(&format!("certificates/{hex}")), None)
        .await;
    assert_eq!(attempt().await, Some(700_027));
    let wrong = json!({ "pem": "x" });
    let answer = control
        .call(Method::POST, &path("certificates"), Some(wrong))
        .await;
    assert_eq!(answer.status(), 400);
    let nobody = control
        .call(Method::POST, "apps/nobody/certificates", pem())
        .await;
    assert_eq!(nobody.status(), 404);

    let root = authority("Root");
    let trusted = json!({ "pem": root.pem(), "subject": "daemon.example" });
    control
        .done(Method::POST, &path("subject-name-issuers"), Some(trusted))
        .await;
    let leaf = Signer::issued(named("daemon.example"), &root);
    let assertion = leaf.sign(&leaf.header_with(&[&leaf.der]), &claims(sim));
    assert_eq!(code(http, sim, &assertion).await, None);
}

#[tokio::test]
async fn a_cluster_is_trusted_and_its_accounts_minted() {
    let control = Control::start().await;
    let (sim, http) = (&control.0.sim, &control.0.http);
    assert_eq!(
        control.get("tenant").await["kubernetes_issuer"],
        sim.kubernetes_issuer()
    );
    let subject = "system:serviceaccount:prod:gate";
    let path = format!("apps/{}/federated", sim.client_id());
    control
        .done(Method::POST, &path, Some(json!({ "subject": subject })))
        .await;
    let body = json!({ "kind": "kubernetes", "claims": { "sub": subject } });
    let answer = control.call(Method::POST, "tokens", Some(body)).await;
    let token: Value = answer.json().await.unwrap();
    assert_eq!(
        code(http, sim, token["token"].as_str().unwrap()).await,
        None
    );
    let other = control
        .call(
            Method::POST,
            "tokens",
            Some(json!({ "kind": "kubernetes" })),
        )
        .await;
    let token: Value = other.json().await.unwrap();
    assert_eq!(
        code(http, sim, token["token"].as_str().unwrap()).await,
        Some(700_213)
    );
}

#[tokio::test]
async fn tokens_are_set_and_access_revoked() {
    let mut control = Control::start().await;
    let ask = async |control: &Control| {
        let sim = &control.0.sim;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", sim.client_id()),
            ("client_secret", sim.client_secret()),
            ("scope", GRAPH_SCOPE),
            (
                "claims",
                r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#,
            ),
        ];
        post_form(&control.0.http, sim, &form)
            .await
            .json::<Value>()
            .await
            .unwrap()
    };
    let set = async |control: &Control, settings: Value| {
        control
            .done(Method::PUT, "token-settings", Some(settings))
            .await;
    };
    let all = json!({
        "lifetime": 60, "cae_lifetime": 9000, "refresh_in": 40, "numbers_as_text": true,
        "refuse_replays": false,
    });
    set(&control, all).await;
    let answer = ask(&control).await;
    assert_eq!(
        (&answer["expires_in"], &answer["refresh_in"]),
        (&json!("9000"), &json!("40"))
    );
    set(&control, json!({ "numbers_as_text": false })).await;
    assert_eq!(ask(&control).await["refresh_in"], 40);
    set(&control, json!({ "refresh_in": null })).await;
    let answer = ask(&control).await;
    assert_eq!(answer["refresh_in"], 4500);

    control.0.token = answer["access_token"].as_str().unwrap().to_owned();
    assert_eq!(control.0.get("managedDevices").await.status(), 200);
    control.done(Method::POST, "revoke-sessions", None).await;
    assert_eq!(control.0.get("managedDevices").await.status(), 401);

    let wrong = json!({ "refresh": 1 });
    let answer = control
        .call(Method::PUT, "token-settings", Some(wrong))
        .await;
    assert_eq!(answer.status(), 422);
}
