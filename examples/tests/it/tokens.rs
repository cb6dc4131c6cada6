//! Tokens that are not ours to accept: refused with a challenge, and nobody is asked about any device.

use std::{sync::Arc, time::Duration};

use authorize_host::bearer::Verifier;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clock::{Clock as _, ManualClock};
use entra_auth::http::HttpClient;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::{
    keys::{key, unsigned},
    running::Running,
    tenant::{CLIENT, Tenant, now, sign},
};

/// Refused with 401 and a challenge, and no device was looked up.
async fn refused(host: &Running, tenant: &Tenant, what: &str, authorization: Option<&str>) {
    let answer = host
        .post(authorization, r#"{"accord_template":"device-management"}"#)
        .await;
    assert_eq!(answer.status, 401, "{what}: {answer:?}");
    let challenge = answer
        .headers
        .get("www-authenticate")
        .unwrap()
        .to_str()
        .unwrap();
    assert!(challenge.starts_with("Bearer"), "{what}: {challenge}");
    assert_eq!(answer.body.get("ac"), None, "{what}");
    assert_eq!(answer.body.get("decision"), None, "{what}");
    assert_eq!(tenant.look_ups(), 0, "{what}");
    assert_eq!(tenant.calls("/token").len(), 0, "{what}");
    assert!(host.records().is_empty(), "{what}");
}

#[tokio::test]
async fn what_is_no_bearer_token_is_refused() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let good = tenant.token(json!({}));
    refused(&host, &tenant, "nothing", None).await;
    for header in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        good.clone(),
        format!("Basic {good}"),
        format!("Bearer: {good}"),
        format!("Bearer {good} {good}"),
        format!("Bearer {good}, Bearer {good}"),
        "Bearer x".to_owned(),
        "Bearer ..".to_owned(),
        "Bearer a.b.c".to_owned(),
        format!("Bearer {}", "a.".repeat(9_000)),
        format!("Bearer {good}."),
        format!("Bearer {good}A"),
        format!("Bearer {good}="),
        format!("Bearer {}", good.rsplit_once('.').unwrap().0),
        format!("Bearer {}.", good.rsplit_once('.').unwrap().0),
    ] {
        refused(&host, &tenant, &header, Some(&header)).await;
    }
    // The scheme's case makes no difference: RFC 9110, section 11.1.
    let body = r#"{"accord_template":"read-only"}"#;
    let answer = host.post(Some(&format!("bEaReR {good}")), body).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_signature_that_is_not_the_issuers_is_refused() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let claims = tenant.claims().to_string();
    let (own, other) = (key(1), key(2));
    let header = |changes: Value| {
        let mut header = own.header();
        for (name, value) in changes.as_object().unwrap() {
            header[name] = value.clone();
        }
        header
    };

    let none = unsigned(&header(json!({"alg": "none"})), &claims);
    let hmac = |secret: &[u8]| {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(own.kid.to_owned());
        jsonwebtoken::encode(&header, &tenant.claims(), &EncodingKey::from_secret(secret)).unwrap()
    };
    let jwk = own.public();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let good = own.sign(&own.header(), &claims);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = head.split_once('.').unwrap();
    let tampered = claims.replace("adele", "admin");
    let tampered = unsigned(&own.header(), &tampered) + "." + signature;
    let mut flipped = URL_SAFE_NO_PAD.decode(signature).unwrap();
    flipped[17] ^= 4;

    for (what, token) in [
        ("alg none, signature empty", format!("{none}.")),
        ("alg none, with a signature", format!("{none}.{signature}")),
        (
            "alg None",
            own.sign(&header(json!({"alg": "None"})), &claims),
        ),
        ("HS256 with the public key", hmac(own.public_bytes())),
        ("HS256 with the modulus", hmac(&modulus)),
        (
            "HS256 with the modulus as text",
            hmac(jwk["n"].as_str().unwrap().as_bytes()),
        ),
        ("HS256 with the JWK", hmac(jwk.to_string().as_bytes())),
        ("HS256 with nothing", hmac(b"")),
        (
            "another's key under our kid",
            other.sign(&own.header(), &claims),
        ),
        ("another's key", other.sign(&other.header(), &claims)),
        (
            "its own key in the header",
            other.sign(&header(json!({"jwk": other.public()})), &claims),
        ),
        (
            "its own key set in the header",
            other.sign(
                &header(json!({"kid": "x", "jku": format!("{}/evil/keys", tenant.base())})),
                &claims,
            ),
        ),
        (
            "ES256 by header",
            own.sign(&header(json!({"alg": "ES256"})), &claims),
        ),
        (
            "PS256 by header",
            own.sign(&header(json!({"alg": "PS256"})), &claims),
        ),
        (
            "RS512 by header",
            own.sign(&header(json!({"alg": "RS512"})), &claims),
        ),
        ("no alg", own.sign(&json!({"kid": own.kid}), &claims)),
        ("crit", own.sign(&header(json!({"crit": ["exp"]})), &claims)),
        (
            "crit, unknown",
            own.sign(&header(json!({"crit": ["b64"], "b64": true})), &claims),
        ),
        (
            "crit, empty",
            own.sign(&header(json!({"crit": []})), &claims),
        ),
        ("tampered claims", tampered),
        (
            "a flipped bit",
            format!("{head}.{}", URL_SAFE_NO_PAD.encode(flipped)),
        ),
        (
            "a kid that is a number",
            own.sign(&header(json!({"kid": 7})), &claims),
        ),
        (
            "a kid that is a path",
            own.sign(&header(json!({"kid": "../../dev/null"})), &claims),
        ),
        (
            "JWE-like, five parts",
            format!("{head}.{payload}.{payload}.{signature}"),
        ),
    ] {
        refused(&host, &tenant, what, Some(&format!("Bearer {token}"))).await;
    }
    let jku: Vec<_> = tenant.calls("/evil");
    assert!(jku.is_empty(), "a key set that a token names was fetched");
}

#[tokio::test]
async fn claims_that_are_not_for_us_are_refused() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let at = |seconds: i64| json!(now().unix_seconds() + seconds);
    for changes in [
        json!({"iss": null}),
        json!({"iss": tenant.realm()}),
        json!({"iss": tenant.issuer() + "/"}),
        json!({"iss": tenant.issuer().to_uppercase()}),
        json!({"iss": [tenant.issuer()]}),
        json!({"aud": null}),
        json!({"aud": ""}),
        json!({"aud": "00000003-0000-0000-c000-000000000000"}),
        json!({"aud": [format!("{CLIENT}x"), "another"]}),
        json!({"aud": []}),
        json!({"aud": [[CLIENT]]}),
        json!({"aud": [CLIENT, 7]}),
        json!({"aud": {"0": CLIENT}}),
        json!({"aud": format!("{CLIENT} another")}),
        json!({"exp": at(-61)}),
        json!({"exp": at(-3600)}),
        json!({"exp": null}),
        json!({"exp": 0}),
        json!({"exp": -1}),
        json!({"exp": "9999999999"}),
        json!({"exp": true}),
        json!({"exp": {}}),
        json!({"nbf": at(70)}),
        json!({"nbf": 1e300}),
        json!({"nbf": "0"}),
        json!({"sub": null}),
        json!({"sub": ""}),
        json!({"sub": 7}),
    ] {
        let token = tenant.token(changes.clone());
        refused(
            &host,
            &tenant,
            &changes.to_string(),
            Some(&format!("Bearer {token}")),
        )
        .await;
    }
    let null_exp = tenant.claims();
    let null_exp = null_exp
        .to_string()
        .replacen(&null_exp["exp"].to_string(), "null", 1);
    for claims in [
        null_exp,
        "[]".to_owned(),
        "7".to_owned(),
        "{".to_owned(),
        String::new(),
    ] {
        let token = key(1).sign(&key(1).header(), &claims);
        refused(&host, &tenant, &claims, Some(&format!("Bearer {token}"))).await;
    }
}

#[tokio::test]
async fn registered_claims_that_are_given_twice_are_refused() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let claims = tenant.claims();
    for name in ["iss", "aud", "sub", "exp", "nbf"] {
        let second = format!("{{\"{name}\":{},", claims[name]);
        let twice = claims.to_string().replacen('{', &second, 1);
        let token = key(1).sign(&key(1).header(), &twice);
        refused(&host, &tenant, name, Some(&format!("Bearer {token}"))).await;
    }
    let twice = r#"{"alg":"RS256","kid":"key-1","alg":"RS256"}"#;
    let token = key(1).sign(&twice, &claims.to_string());
    refused(&host, &tenant, "two algs", Some(&format!("Bearer {token}"))).await;
}

#[tokio::test]
async fn one_audience_of_several_is_enough() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let token = tenant.token(json!({"aud": ["another", CLIENT]}));
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "200 compliant live");
}

#[tokio::test]
async fn clocks_may_differ_by_a_minute_and_no_more() {
    let tenant = Tenant::start().await;
    let start = now();
    let clock = Arc::new(ManualClock::new(start));
    let issuers = [tenant.issuer().parse().unwrap()];
    let http = HttpClient::new().unwrap();
    let verifier = Verifier::new(issuers, CLIENT.to_owned(), &http, clock.clone());
    let wall = clock.now().wall.unix_seconds();
    for (changes, accepted) in [
        (json!({"exp": wall - 59}), true),
        (json!({"exp": wall - 61}), false),
        (json!({"nbf": wall + 59}), true),
        (json!({"nbf": wall + 62}), false),
        (json!({"nbf": null}), true),
        (json!({"exp": f64::from(u32::MAX) * 1e10}), true),
    ] {
        let token = sign(
            &key(1),
            &crate::tenant::changed(tenant.claims(), changes.clone()),
        );
        let verified = verifier.verify(&token).await;
        assert_eq!(verified.is_ok(), accepted, "{changes}");
    }
    // A token that was good goes bad as time passes.
    let token = tenant.token(json!({"exp": wall + 10}));
    assert!(verifier.verify(&token).await.is_ok());
    clock.advance(Duration::from_secs(71));
    assert!(verifier.verify(&token).await.is_err());
}
