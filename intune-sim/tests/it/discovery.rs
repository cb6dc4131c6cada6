//! Discovery, key sets, and the tokens minted for them.

use intune_sim::{KeyChoice, KidChoice, Sim, SimConfig, UserToken};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind, jwk::JwkSet,
};
use serde_json::{Value, json};

use crate::client::http;

async fn get(url: &str) -> Value {
    let response = http().get(url).send().await.unwrap();
    assert_eq!(response.status(), 200, "{url}");
    response.json().await.unwrap()
}

/// Discovers an issuer, and verifies a token of it as a relying party does.
async fn verify(sim: &Sim, issuer: &str, token: &str) -> Result<Value, ErrorKind> {
    let configuration = get(&format!("{issuer}/.well-known/openid-configuration")).await;
    assert_eq!(configuration["issuer"], issuer);
    let keys = get(configuration["jwks_uri"].as_str().unwrap()).await;
    let keys: JwkSet = serde_json::from_value(keys).unwrap();
    let kid = decode_header(token)
        .unwrap()
        .kid
        .ok_or(ErrorKind::InvalidToken)?;
    let jwk = keys.find(&kid).ok_or(ErrorKind::InvalidKeyFormat)?;
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[sim.client_id()]);
    decode::<Value>(token, &DecodingKey::from_jwk(jwk).unwrap(), &validation)
        .map(|token| token.claims)
        .map_err(|error| error.into_kind())
}

#[tokio::test]
async fn an_entra_token_verifies_by_discovery() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let device = "33333333-4444-4555-8666-777777777777";
    let token = sim.mint(
        UserToken::entra()
            .device(device)
            .claim("groups", json!(["a"])),
    );
    let claims = verify(&sim, &sim.issuer(), &token).await.unwrap();
    assert_eq!(claims["deviceid"], device);
    assert_eq!(claims["tid"], sim.tenant());
    assert_eq!(claims["groups"], json!(["a"]));
    assert_eq!(
        sim.issuer(),
        format!("{}{}/v2.0", sim.authority(), sim.tenant())
    );
}

#[tokio::test]
async fn a_keycloak_token_verifies_by_discovery_with_keys_of_its_own() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let token = sim.mint(UserToken::keycloak().claim("device_id", "abc"));
    let claims = verify(&sim, &sim.keycloak_issuer(), &token).await.unwrap();
    assert_eq!(claims["device_id"], "abc");
    assert_eq!(claims["azp"], sim.client_id());
    // A realm can't sign for the tenant.
    let crossed = sim.mint(UserToken::keycloak().claim("iss", sim.issuer()));
    assert_eq!(
        verify(&sim, &sim.issuer(), &crossed).await,
        Err(ErrorKind::InvalidKeyFormat)
    );
}

#[tokio::test]
async fn wrong_tokens_fail_for_the_reason_asked_for() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let entra = UserToken::entra;
    let cases = [
        (entra().key(KeyChoice::Wrong), ErrorKind::InvalidSignature),
        (entra().kid(KidChoice::Unknown), ErrorKind::InvalidKeyFormat),
        (entra().kid(KidChoice::Absent), ErrorKind::InvalidToken),
        (entra().lifetime_seconds(-3600), ErrorKind::ExpiredSignature),
        (
            entra().without("exp"),
            ErrorKind::MissingRequiredClaim("exp".to_owned()),
        ),
        (entra().audience("other"), ErrorKind::InvalidAudience),
        (
            entra().claim("iss", "https://elsewhere.example"),
            ErrorKind::InvalidIssuer,
        ),
    ];
    for (token, expected) in cases {
        let token = sim.mint(token);
        assert_eq!(verify(&sim, &sim.issuer(), &token).await, Err(expected));
    }
}

#[tokio::test]
async fn payloads_can_be_written_by_hand() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let payload = |token: &str| {
        let part = token.split('.').nth(1).unwrap();
        String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let twice = sim.mint(
        UserToken::entra()
            .device("a")
            .raw_members(r#""device\u0069d":"b""#),
    );
    assert!(payload(&twice).contains(r#""deviceid":"a""#));
    assert!(payload(&twice).ends_with(r#","device\u0069d":"b"}"#));
    assert_eq!(
        payload(&sim.mint(UserToken::entra().raw_payload("no json"))),
        "no json"
    );
}

#[tokio::test]
async fn rotation_replaces_the_published_keys_of_both_issuers() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    for issuer in [sim.issuer(), sim.keycloak_issuer()] {
        let make = if issuer == sim.issuer() {
            UserToken::entra
        } else {
            UserToken::keycloak
        };
        let before = sim.mint(make());
        assert!(verify(&sim, &issuer, &before).await.is_ok());
        sim.rotate_keys();
        assert_eq!(
            verify(&sim, &issuer, &before).await,
            Err(ErrorKind::InvalidKeyFormat)
        );
        assert!(verify(&sim, &issuer, &sim.mint(make())).await.is_ok());
    }
}

#[tokio::test]
async fn instance_discovery_points_to_the_tenant() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let instance = get(&format!("{}common/discovery/instance", sim.authority())).await;
    let configuration = get(instance["tenant_discovery_endpoint"].as_str().unwrap()).await;
    assert_eq!(configuration["issuer"], sim.issuer());
    let token = format!("{}{}/oauth2/v2.0/token", sim.authority(), sim.tenant());
    assert_eq!(configuration["token_endpoint"], token);
}

#[tokio::test]
async fn nobody_elses_tenant_or_realm_is_known() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    for (path, status) in [
        ("other/v2.0/.well-known/openid-configuration", 400),
        ("other/discovery/v2.0/keys", 400),
        ("realms/other/.well-known/openid-configuration", 404),
        ("realms/other/protocol/openid-connect/certs", 404),
    ] {
        let url = format!("{}{path}", sim.base_url());
        assert_eq!(
            http().get(url).send().await.unwrap().status(),
            status,
            "{path}"
        );
    }
}
