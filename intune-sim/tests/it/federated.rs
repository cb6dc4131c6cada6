//! Workload identity: the tokens of a Kubernetes cluster as client assertions.

use intune_sim::{KeyChoice, KidChoice, Sim, SimConfig, UserToken};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};

use crate::{
    client::http,
    forge::{ask, code},
};

const SUBJECT: &str = "system:serviceaccount:prod:gate";
const AUDIENCE: &str = "api://AzureADTokenExchange";

fn account() -> UserToken {
    UserToken::service_account("prod", "gate")
}

async fn federated() -> Sim {
    let sim = Sim::start(SimConfig::default().devices(0)).await.unwrap();
    sim.register_federated(sim.client_id(), sim.kubernetes_issuer(), SUBJECT, AUDIENCE)
        .unwrap();
    sim
}

#[tokio::test]
async fn a_service_account_gets_tokens_with_the_same_file() {
    let sim = federated().await;
    let token = sim.mint(account());
    for _ in 0..2 {
        assert_eq!(code(&http(), &sim, &token).await, None);
    }
    // As a pod is given it: an audience may also be a plain text.
    let plain = sim.mint(account().audience(AUDIENCE).without("nbf").without("jti"));
    assert_eq!(code(&http(), &sim, &plain).await, None);
}

#[tokio::test]
async fn each_mismatch_has_its_code() {
    let sim = federated().await;
    let http = http();
    let cases = [
        (
            account().claim("iss", sim.kubernetes_issuer() + "/"),
            700_211,
        ),
        (account().claim("iss", sim.keycloak_issuer()), 700_211),
        (
            account().subject("system:serviceaccount:prod:other"),
            700_213,
        ),
        (
            account().subject("system:serviceaccount:PROD:gate"),
            7_002_138,
        ),
        (
            account().audience("https://kubernetes.default.svc"),
            700_212,
        ),
        (
            account().claim("aud", json!([AUDIENCE, "another"])),
            5_002_741,
        ),
        (account().without("aud"), 50098),
        (account().key(KeyChoice::Wrong), 700_027),
        (account().lifetime_seconds(-310), 700_024),
        (account().without("exp"), 50098),
        (
            UserToken::keycloak()
                .claim("iss", sim.kubernetes_issuer())
                .subject(SUBJECT),
            700_027,
        ),
    ];
    for (token, expected) in cases {
        let refusal = code(&http, &sim, &sim.mint(token.clone())).await;
        assert_eq!(refusal, Some(expected), "{token:?}");
    }
    // Within the tolerance, and whatever key the header names.
    for token in [
        account().lifetime_seconds(-290),
        account().kid(KidChoice::Absent),
    ] {
        assert_eq!(code(&http, &sim, &sim.mint(token)).await, None);
    }
}

#[tokio::test]
async fn without_a_record_nothing_matches_until_it_comes() {
    let sim = Sim::start(SimConfig::default().devices(0)).await.unwrap();
    let token = sim.mint(account());
    let response = ask(&http(), &sim, &token).await;
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"], "invalid_request");
    assert_eq!(body["error_codes"], json!([70021]));

    let (id, issuer) = (sim.client_id(), sim.kubernetes_issuer());
    sim.register_federated(id, "https://elsewhere.example", SUBJECT, AUDIENCE)
        .unwrap();
    assert_eq!(code(&http(), &sim, &token).await, Some(700_211));
    sim.register_federated(id, issuer, SUBJECT, AUDIENCE)
        .unwrap();
    assert_eq!(code(&http(), &sim, &token).await, None);
    // Nobody can vouch for an issuer whose keys aren't played.
    let foreign = sim.mint(account().claim("iss", "https://elsewhere.example"));
    assert_eq!(code(&http(), &sim, &foreign).await, Some(700_027));
}

#[tokio::test]
async fn the_cluster_publishes_its_key_and_rotates_it() {
    let sim = federated().await;
    let get = async |url: String| {
        http()
            .get(url)
            .send()
            .await
            .unwrap()
            .json::<Value>()
            .await
            .unwrap()
    };
    let issuer = sim.kubernetes_issuer();
    let token = sim.mint(account());
    let configuration = get(format!("{issuer}/.well-known/openid-configuration")).await;
    assert_eq!(configuration["issuer"], issuer);
    let keys = get(configuration["jwks_uri"].as_str().unwrap().to_owned()).await;
    let keys: JwkSet = serde_json::from_value(keys).unwrap();
    let jwk = keys
        .find(&decode_header(&token).unwrap().kid.unwrap())
        .unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[&issuer]);
    validation.set_audience(&[AUDIENCE]);
    let key = DecodingKey::from_jwk(jwk).unwrap();
    let claims = decode::<Value>(&token, &key, &validation).unwrap().claims;
    assert_eq!(claims["sub"], SUBJECT);

    sim.rotate_keys();
    assert_eq!(code(&http(), &sim, &token).await, Some(700_027));
    assert_eq!(code(&http(), &sim, &sim.mint(account())).await, None);
}
