//! Client assertions signed with a registered certificate.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use intune_sim::{RegistrationError, Sim, SimConfig};
use serde_json::{Value, json};

use crate::{
    client::{GRAPH_SCOPE, http, post_form},
    forge::{JWT_BEARER, Signer, claims, code, endpoint, expired, named, now, with},
};

async fn registered() -> (Sim, Signer) {
    let sim = Sim::start(SimConfig::default().devices(0)).await.unwrap();
    let signer = Signer::new(named("daemon"));
    sim.register_certificate(sim.client_id(), &signer.pem)
        .unwrap();
    (sim, signer)
}

#[tokio::test]
async fn an_assertion_as_documented_gets_a_token() {
    let (sim, signer) = registered().await;
    let assertion = signer.sign(&signer.header(), &claims(&sim));
    assert_eq!(code(&http(), &sim, &assertion).await, None);
}

#[tokio::test]
async fn thumbprints_are_taken_as_the_official_clients_send_them() {
    let (sim, signer) = registered().await;
    let http = http();
    let (sha256, sha1) = (signer.sha256(), signer.sha1());
    for header in [
        json!({ "alg": "PS256", "x5t#S256": URL_SAFE.encode(&sha256) }),
        json!({ "alg": "PS256", "x5t#S256": STANDARD.encode(&sha256) }),
        json!({ "alg": "RS256", "typ": "JWT", "x5t": URL_SAFE_NO_PAD.encode(&sha1) }),
        json!({ "alg": "RS256", "x5t": URL_SAFE.encode(&sha1), "kid": "ignored" }),
        json!({ "alg": "PS256", "x5t#S256": URL_SAFE_NO_PAD.encode(&sha256), "x5t": "wrong" }),
        signer.header_with(&[&signer.der]),
    ] {
        let assertion = signer.sign(&header, &claims(&sim));
        assert_eq!(code(&http, &sim, &assertion).await, None, "{header}");
    }
}

#[tokio::test]
async fn times_are_taken_as_the_official_clients_send_them() {
    let (sim, signer) = registered().await;
    let http = http();
    #[expect(clippy::cast_precision_loss, reason = "seconds of this era are exact")]
    let float = now() as f64 + 600.5;
    let taken = [
        ("exp", json!(float)),
        ("exp", json!((now() + 600).to_string())),
        ("exp", json!(format!("{float}"))),
        ("exp", json!(now() - 290)),
        ("exp", json!(now() + 1_000_000)),
        ("nbf", Value::Null),
        ("nbf", json!(now() + 290)),
        ("nbf", json!(now().to_string())),
        ("iat", json!(float)),
    ];
    for (claim, value) in taken {
        let assertion = signer.sign(&signer.header(), &with(&sim, claim, value.clone()));
        assert_eq!(code(&http, &sim, &assertion).await, None, "{claim} {value}");
    }
    let refused = [
        ("exp", json!(now() - 310), 700_024),
        ("exp", json!((now() - 310).to_string()), 700_024),
        ("nbf", json!(now() + 310), 700_024),
        ("exp", Value::Null, 50098),
        ("exp", json!("soon"), 50027),
        ("exp", json!({}), 50027),
        ("nbf", json!("NaN"), 50027),
    ];
    for (claim, value, expected) in refused {
        let assertion = signer.sign(&signer.header(), &with(&sim, claim, value.clone()));
        let refusal = code(&http, &sim, &assertion).await;
        assert_eq!(refusal, Some(expected), "{claim} {value}");
    }
}

#[tokio::test]
async fn each_wrong_claim_is_refused() {
    let (sim, signer) = registered().await;
    let http = http();
    let other = "99999999-9999-4999-8999-999999999999";
    let token = endpoint(&sim);
    let cases = [
        ("aud", json!(sim.issuer()), 700_023),
        (
            "aud",
            json!("https://login.microsoftonline.com/common/oauth2/v2.0/token"),
            700_023,
        ),
        ("aud", json!(token.replace("/v2.0/", "/")), 700_023),
        ("aud", json!(token.replace("http://", "https://")), 700_023),
        ("aud", json!([token, sim.issuer()]), 5_002_741),
        ("aud", Value::Null, 50098),
        ("aud", json!([1]), 50098),
        ("iss", json!(other), 700_021),
        ("sub", json!(other), 700_021),
        ("iss", Value::Null, 50098),
        ("sub", Value::Null, 50098),
        ("jti", Value::Null, 50098),
        ("jti", json!(""), 50098),
    ];
    for (claim, value, expected) in cases {
        let assertion = signer.sign(&signer.header(), &with(&sim, claim, value.clone()));
        let refusal = code(&http, &sim, &assertion).await;
        assert_eq!(refusal, Some(expected), "{claim} {value}");
    }
    // One audience in an array is one, and the tenant may be named by its domain.
    let domain = sim.keycloak_issuer().rsplit_once('/').unwrap().1.to_owned() + ".example";
    for audience in [json!([token]), json!(token.replace(sim.tenant(), &domain))] {
        let assertion = signer.sign(&signer.header(), &with(&sim, "aud", audience));
        assert_eq!(code(&http, &sim, &assertion).await, None);
    }
}

#[tokio::test]
async fn the_audience_names_the_host_that_was_reached() {
    let (sim, signer) = registered().await;
    let url = endpoint(&sim).replace("127.0.0.1", "localhost");
    for (audience, status) in [(&url, 200), (&url.replace("localhost", "elsewhere"), 401)] {
        let assertion = signer.sign(&signer.header(), &with(&sim, "aud", json!(audience)));
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", sim.client_id()),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", &assertion),
            ("scope", GRAPH_SCOPE),
        ];
        let response = http().post(&url).form(&form).send().await.unwrap();
        assert_eq!(response.status(), status, "{audience}");
    }
}

#[tokio::test]
async fn each_wrong_signature_is_refused() {
    let (sim, signer) = registered().await;
    let http = http();
    let stranger = Signer::new(named("stranger"));
    let claims = || claims(&sim);
    let header = signer.header();
    let right = signer.sign(&header, &claims());
    let (message, _) = right.rsplit_once('.').unwrap();
    let mut rs256 = header.clone();
    rs256["alg"] = json!("RS256");
    let (_, of_other_algorithm) = right.rsplit_once('.').unwrap();
    let relabelled = signer.sign(&rs256, &claims());
    let relabelled = relabelled.rsplit_once('.').unwrap().0;
    let cases = [
        (stranger.sign(&header, &claims()), 700_027),
        (stranger.sign(&stranger.header(), &claims()), 700_027),
        (format!("{message}."), 700_027),
        (format!("{relabelled}.{of_other_algorithm}"), 700_027),
        (
            signer.sign(
                &json!({ "alg": "none", "x5t#S256": header["x5t#S256"] }),
                &claims(),
            ),
            700_027,
        ),
        (signer.sign(&json!({ "alg": "PS256" }), &claims()), 50027),
        (
            signer.sign(&json!({ "alg": "PS256", "x5t": "!" }), &claims()),
            50027,
        ),
        ("a.b.c".to_owned(), 50027),
        ("no token".to_owned(), 50027),
    ];
    for (assertion, expected) in cases {
        let refusal = code(&http, &sim, &assertion).await;
        assert_eq!(refusal, Some(expected), "{assertion}");
    }
}

#[tokio::test]
async fn an_assertion_is_taken_once_unless_the_tenant_is_as_lenient_as_entra() {
    let (sim, signer) = registered().await;
    let http = http();
    let claims = claims(&sim);
    let assertion = signer.sign(&signer.header(), &claims);
    assert_eq!(code(&http, &sim, &assertion).await, None);
    assert_eq!(code(&http, &sim, &assertion).await, Some(50013));
    let mut later = claims;
    later["exp"] = json!(now() + 500);
    let same_id = signer.sign(&signer.header(), &later);
    assert_eq!(code(&http, &sim, &same_id).await, Some(50013));
    sim.set_refuse_replays(false);
    assert_eq!(code(&http, &sim, &assertion).await, None);
}

#[tokio::test]
async fn certificates_overlap_end_and_are_revoked() {
    let (sim, first) = registered().await;
    let http = http();
    let id = sim.client_id().to_uppercase();
    let second = Signer::new(named("next"));
    let thumbprint = sim.register_certificate(&id, &second.der).unwrap();
    let try_with = async |signer: &Signer| {
        code(&http, &sim, &signer.sign(&signer.header(), &claims(&sim))).await
    };
    assert_eq!(
        (try_with(&first).await, try_with(&second).await),
        (None, None)
    );
    sim.revoke_certificate(&id, &first.pem).unwrap();
    assert_eq!(try_with(&first).await, Some(7_000_214));
    sim.remove_certificate(&id, &thumbprint.to_lowercase())
        .unwrap();
    assert_eq!(try_with(&second).await, Some(700_027));
    let old = Signer::new(expired("old"));
    sim.register_certificate(&id, &old.pem).unwrap();
    assert_eq!(try_with(&old).await, Some(1_000_502));
    assert!(matches!(
        sim.remove_certificate(&id, &thumbprint),
        Err(RegistrationError::UnknownCredential(_))
    ));
    assert!(matches!(
        sim.register_certificate(&id, "no certificate"),
        Err(RegistrationError::Certificate)
    ));
    let nobody = "99999999-9999-4999-8999-999999999999";
    assert!(matches!(
        sim.register_certificate(nobody, &first.pem),
        Err(RegistrationError::UnknownApp(_))
    ));
}

#[tokio::test]
async fn the_type_of_an_assertion_is_judged_too() {
    let (sim, signer) = registered().await;
    let assertion = signer.sign(&signer.header(), &claims(&sim));
    for (kind, expected) in [("", 900_144), ("saml", 9_002_313)] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", sim.client_id()),
            ("client_assertion_type", kind),
            ("client_assertion", &assertion),
            ("scope", GRAPH_SCOPE),
        ];
        let response = post_form(&http(), &sim, &form).await;
        assert_eq!(response.status(), 400);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error_codes"], json!([expected]));
    }
}
