//! The HTTP and JSON forms that callers rely on.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clock::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};

use crate::{
    running::Running,
    tenant::{Tenant, changed, device, now, page},
};

fn names(value: &Value) -> Vec<&str> {
    let object = value.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

fn at(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_authorization_context_has_the_form_of_the_contract() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let answer = host
        .authorize(&tenant.token(json!({})), "device-management")
        .await;
    assert_eq!(answer.status, 200);
    let content_type = answer.headers["content-type"].to_str().unwrap();
    assert!(content_type.starts_with("application/json"));
    assert_eq!(names(&answer.body), ["ac", "decision"]);
    let (ac, decision) = (&answer.body["ac"], &answer.body["decision"]);
    for name in [
        "id",
        "token",
        "principal",
        "accord_template",
        "issued_at",
        "expires_at",
        "device_compliance",
    ] {
        assert!(ac.get(name).is_some(), "{name}");
    }
    assert_eq!(ac["accord_template"], "device-management");
    for name in ["id", "outcome", "reason", "served", "enforced"] {
        assert!(decision.get(name).is_some(), "{name}");
    }
    assert_eq!(decision["outcome"], "allow");
    assert_eq!(decision["enforced"], true);
    assert_eq!(decision.get("would"), None);
}

#[tokio::test]
async fn the_ac_is_a_jwt_that_anybody_can_check() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let answer = host
        .authorize(&tenant.token(json!({})), "device-management")
        .await;
    let ac = &answer.body["ac"];
    let token = ac["token"].as_str().unwrap();
    let keys = host.get("/.well-known/jwks.json").await;
    assert_eq!(keys.status, 200);
    assert!(
        !keys.body.to_string().contains("\"d\":"),
        "a private key is published"
    );
    let set: JwkSet = serde_json::from_value(keys.body).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_ne!(header.alg, Algorithm::HS256);
    let jwk = set.find(&header.kid.unwrap()).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.validate_aud = false;
    let key = DecodingKey::from_jwk(jwk).unwrap();
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation)
        .unwrap()
        .claims;
    assert_eq!(claims["jti"], ac["id"]);
    assert_eq!(claims["sub"], "adele");
    assert_eq!(claims["accord_template"], "device-management");
    assert_eq!(claims["device_compliance"], ac["device_compliance"]);
    assert_eq!(claims["exp"], at(&ac["expires_at"]).unix_seconds());
    assert_eq!(claims["decision_id"], answer.body["decision"]["id"]);

    let (head, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[3] ^= 1;
    let forged = format!("{head}.{}", URL_SAFE_NO_PAD.encode(bytes));
    assert!(jsonwebtoken::decode::<Value>(&forged, &key, &validation).is_err());
    // An AC is no token of the issuer.
    assert_eq!(host.authorize(token, "read-only").await.status, 401);
}

#[tokio::test]
async fn an_ac_outlives_neither_the_token_nor_the_grace() {
    let tenant = Tenant::start().await;
    let grace = now().saturating_add(Duration::from_secs(120));
    tenant.devices(move |_| {
        let expiry = json!({"complianceGracePeriodExpirationDateTime": grace});
        page(&[changed(device("inGracePeriod"), expiry)])
    });
    let host = Running::over(&tenant).await;
    for lifetime in [3600, 121, 60, 1, -20] {
        let exp = now().unix_seconds() + lifetime;
        let token = tenant.token(json!({"exp": exp}));
        let in_grace = host.authorize(&token, "device-management").await;
        let anyhow = host.authorize(&token, "read-only").await;
        assert!(at(&in_grace.body["ac"]["expires_at"]) <= grace);
        for answer in [in_grace, anyhow] {
            let ac = &answer.body["ac"];
            assert!(at(&ac["expires_at"]).unix_seconds() <= exp, "{lifetime}");
            let quarter = at(&ac["issued_at"]).saturating_add(Duration::from_secs(15 * 60));
            assert!(at(&ac["expires_at"]) <= quarter);
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_the_request_is_refused() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let bearer = format!("Bearer {}", tenant.token(json!({})));
    let long = json!({"accord_template": "a".repeat(65)}).to_string();
    let deep = "[".repeat(10_000);
    for body in [
        "",
        "{",
        "{}",
        "null",
        "7",
        "[]",
        r#"["device-management"]"#,
        r#""device-management""#,
        "accord_template=device-management",
        r#"{"accord_template":null}"#,
        r#"{"accord_template":7}"#,
        r#"{"accord_template":["device-management"]}"#,
        r#"{"accord_template":""}"#,
        r#"{"accord_template":"-a"}"#,
        r#"{"accord_template":"Device-Management"}"#,
        r#"{"accord_template":"device_management"}"#,
        r#"{"accord_template":"device-management "}"#,
        r#"{"accord_template":"device-management\n"}"#,
        r#"{"accord_template":"device-management\u0000"}"#,
        r#"{"accord_template":"dеvice-management"}"#,
        r#"{"accord_template":"read-only","accord_template":"device-management"}"#,
        r#"{"accord_template":"read-only","accord\u005ftemplate":"device-management"}"#,
        r#"{"accord_template":"read-only"}{}"#,
        &long,
        &deep,
    ] {
        let answer = host.post(Some(&bearer), body.to_owned()).await;
        let start: String = body.chars().take(60).collect();
        assert_eq!(answer.status, 400, "{start}: {answer:?}");
        assert_eq!(answer.body.get("ac"), None);
    }
    let not_utf8 = b"{\"accord_template\":\"read-only\xff\"}".to_vec();
    assert_eq!(host.post(Some(&bearer), not_utf8).await.status, 400);
    assert_eq!(tenant.look_ups(), 0);
    assert!(host.records().is_empty());

    let longest = json!({"accord_template": "a".repeat(64)}).to_string();
    assert_eq!(host.post(Some(&bearer), longest).await.status, 200);
    // What is escaped is the same name.
    let escaped = r#"{"accord_template":"\u0072ead-only","more":{"accord_template":"x"}}"#;
    assert_eq!(host.post(Some(&bearer), escaped).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let bearer = format!("Bearer {}", tenant.token(json!({})));
    let limit = 16 * 1024;
    for (length, status) in [(limit, 200), (limit + 1, 413), (1 << 20, 413)] {
        let mut body = r#"{"accord_template":"read-only"}"#.to_owned();
        body.push_str(&" ".repeat(length - body.len()));
        let answer = host.post(Some(&bearer), body).await;
        assert_eq!(answer.status, status, "{length}");
    }
}

#[tokio::test]
async fn a_token_is_looked_at_before_a_body() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    assert_eq!(host.post(None, "{").await.status, 401);
    assert_eq!(
        host.post(Some("Bearer x"), "x".repeat(60_000)).await.status,
        401
    );
}

#[tokio::test]
async fn the_error_of_a_challenge_is_that_of_rfc_6750() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let challenge = |authorization: Option<String>| {
        let host = &host;
        async move {
            let answer = host.post(authorization.as_deref(), "{}").await;
            answer.headers["www-authenticate"]
                .to_str()
                .unwrap()
                .to_owned()
        }
    };
    // Without a token, no error is named: RFC 6750, section 3.1.
    assert!(!challenge(None).await.contains("error"));
    let expired = tenant.token(json!({"exp": 1}));
    let text = challenge(Some(format!("Bearer {expired}"))).await;
    assert!(text.contains("error=\"invalid_token\""), "{text}");
}

#[tokio::test]
async fn other_methods_and_paths_are_no_way_in() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    assert_eq!(host.get("/governance/authorize/").await.status, 405);
    for path in [
        "/",
        "/governance",
        "/governance/authorize/x",
        "/GOVERNANCE/AUTHORIZE/",
        "//",
    ] {
        assert_eq!(host.get(path).await.status, 404, "{path}");
    }
    assert_eq!(tenant.calls("").len(), 0);
}
