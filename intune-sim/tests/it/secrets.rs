//! Several secrets at once, and what is never told about credentials.

use intune_sim::{RegistrationError, Sim, SimConfig, UserToken};
use serde_json::Value;

use crate::{
    client::{GRAPH_SCOPE, http, post_form},
    forge::{Signer, ask, claims, named},
};

async fn code(sim: &Sim, secret: &str) -> Option<u64> {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", sim.client_id()),
        ("client_secret", secret),
        ("scope", GRAPH_SCOPE),
    ];
    let response = post_form(&http(), sim, &form).await;
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    if status == 200 {
        return None;
    }
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (401, &Value::from("invalid_client"))
    );
    assert!(!body.to_string().contains(secret));
    body["error_codes"][0].as_u64()
}

#[tokio::test]
async fn secrets_overlap_expire_and_go() {
    let sim = Sim::start(SimConfig::default().devices(0)).await.unwrap();
    let (id, first) = (sim.client_id(), sim.client_secret());
    sim.add_secret(&id.to_uppercase(), "second~secret").unwrap();
    assert_eq!(
        (code(&sim, first).await, code(&sim, "second~secret").await),
        (None, None)
    );
    sim.expire_secret(id, first).unwrap();
    assert_eq!(code(&sim, first).await, Some(7_000_222));
    assert_eq!(code(&sim, "second~secret").await, None);
    sim.remove_secret(id, first).unwrap();
    assert_eq!(code(&sim, first).await, Some(7_000_215));

    let error = sim.remove_secret(id, "canary").unwrap_err();
    assert!(matches!(error, RegistrationError::UnknownCredential(_)));
    assert!(!format!("{error} {error:?}").contains("canary"));
    let nobody = "99999999-9999-4999-8999-999999999999";
    for refused in [sim.add_secret(nobody, "s"), sim.expire_secret(nobody, "s")] {
        assert!(matches!(refused, Err(RegistrationError::UnknownApp(_))));
    }
}

#[tokio::test]
async fn the_log_holds_neither_secrets_nor_assertions() {
    let sim = Sim::start(SimConfig::default().devices(0)).await.unwrap();
    let signer = Signer::new(named("daemon"));
    sim.register_certificate(sim.client_id(), &signer.pem)
        .unwrap();
    let assertion = signer.sign(&signer.header(), &claims(&sim));
    let federated = sim.mint(UserToken::service_account("prod", "gate"));
    assert_eq!(ask(&http(), &sim, &assertion).await.status(), 200);
    assert_eq!(ask(&http(), &sim, &federated).await.status(), 400);
    assert_eq!(code(&sim, sim.client_secret()).await, None);
    let log = serde_json::to_string(&sim.requests()).unwrap() + &format!("{sim:?}");
    for credential in [&assertion, &federated, sim.client_secret()] {
        assert!(!log.contains(credential));
    }
    assert_eq!(sim.requests().len(), 3);
}
