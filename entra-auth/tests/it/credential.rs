//! Each kind of credential, as the token endpoint sees it.

use std::{collections::HashSet, fs, io};

use aws_lc_rs::digest;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use entra_auth::{
    AssertionRequest, ClientCertificate, Credential, TokenErrorKind, TokenProvider as _,
};
use secrecy::SecretString;
use serde_json::json;

use crate::{credential_support::*, support::*};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn certificate() -> ClientCertificate {
    ClientCertificate::from_pem(identity().pem()).unwrap()
}

#[tokio::test]
async fn a_certificate_signs_what_entra_asks_for() {
    let server = granting().await;
    let client = client_with(&server, Credential::certificate(certificate()));
    client.token(&graph()).await.unwrap();

    let request = server.received().remove(0);
    let form = request.form();
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["client_id"], CLIENT);
    assert_eq!(form["scope"], graph().as_str());
    assert_eq!(form["client_assertion_type"], JWT_BEARER);
    assert_eq!(form.len(), 5, "{:?}", form.keys());

    let (claims, header) = identity().open(&form["client_assertion"]);
    let thumbprint = digest::digest(&digest::SHA256, &identity().leaf);
    let thumbprint = URL_SAFE_NO_PAD.encode(thumbprint);
    assert_eq!(
        header,
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint})
    );
    assert_eq!(certificate().thumbprint(), thumbprint);

    let url = server.url.as_url().join(&request.target).unwrap();
    assert_eq!(claims["aud"], url.as_str());
    assert_eq!(claims["iss"], CLIENT);
    assert_eq!(claims["sub"], CLIENT);
    assert!(
        claims["jti"]
            .as_str()
            .unwrap()
            .parse::<uuid::Uuid>()
            .is_ok()
    );
    let seconds = |name| claims[name].as_i64().unwrap();
    let now = noon_seconds();
    assert_eq!((seconds("nbf"), seconds("iat")), (now, now));
    assert!((now + 300..=now + 600).contains(&seconds("exp")));
    assert_eq!(claims.as_object().unwrap().len(), 7);
}

fn noon_seconds() -> i64 {
    use clock::Clock as _;
    noon().now().wall.unix_seconds()
}

#[tokio::test]
async fn each_request_has_an_assertion_of_its_own() {
    let server = granting().await;
    let client = client_with(&server, Credential::certificate(certificate()));
    for scope in [graph(), vault()] {
        let token = client.token(&scope).await.unwrap();
        client.invalidate(&scope, &token);
        client.token(&scope).await.unwrap();
    }
    let received = server.received();
    let ids: HashSet<_> = received
        .iter()
        .map(|request| identity().open(&request.form()["client_assertion"]).0["jti"].to_string())
        .collect();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn subject_name_and_issuer_send_the_chain_leaf_first() {
    let server = granting().await;
    let credential = Credential::certificate(certificate().with_subject_name_issuer());
    client_with(&server, credential)
        .token(&graph())
        .await
        .unwrap();
    let assertion = server.received()[0].form()["client_assertion"].clone();
    let (_, header) = identity().open(&assertion);
    let sent: Vec<Vec<u8>> = header["x5c"]
        .as_array()
        .unwrap()
        .iter()
        .map(|certificate| STANDARD.decode(certificate.as_str().unwrap()).unwrap())
        .collect();
    let Identity {
        leaf,
        intermediate,
        root,
        ..
    } = identity();
    assert_eq!(sent, [leaf, intermediate, root].map(Clone::clone));
}

#[tokio::test]
async fn a_federated_token_is_read_anew_for_each_request() {
    let server = granting().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let client = client_with(&server, Credential::federated_token_file(&path));

    let error = client.token(&graph()).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::CredentialUnavailable);
    assert!(error.is_transient());
    assert!(whole(&error).contains("No such file"), "{}", whole(&error));
    assert_eq!(server.count(), 0);

    for token in ["first.of.them", "second.of.them"] {
        fs::write(&path, format!("{token}\r\n")).unwrap();
        let given = client.token(&graph()).await.unwrap();
        client.invalidate(&graph(), &given);
        let form = server.received().pop().unwrap().form();
        assert_eq!(form["client_assertion"], token);
        assert_eq!(form["client_assertion_type"], JWT_BEARER);
        assert_eq!(form["client_id"], CLIENT);
        assert!(!form.contains_key("client_secret"));
    }
}

#[tokio::test]
async fn a_file_that_holds_no_token_is_not_sent() {
    let server = granting().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let large = "canary".repeat(100_000);
    for (content, said) in [
        ("", "empty"),
        (" \n\n", "empty"),
        ("canary token", "one word"),
        ("canary\ntoken", "one word"),
        ("canary\u{e9}", "one word"),
        (&large, "too large"),
    ] {
        fs::write(&path, content).unwrap();
        let client = client_with(&server, Credential::federated_token_file(&path));
        let error = client.token(&graph()).await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::CredentialUnavailable);
        assert!(whole(&error).contains(said), "{}", whole(&error));
        assert!(!whole(&error).contains("canary"));
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_callback_is_told_whom_it_signs_for_and_awaited() {
    let server = granting().await;
    let credential = Credential::assertion(async |request: AssertionRequest| {
        tokio::task::yield_now().await;
        assert!(request.rejected().is_none());
        let said = format!("{}|{}", request.client_id(), request.audience());
        Ok::<SecretString, io::Error>(URL_SAFE_NO_PAD.encode(said).into())
    });
    client_with(&server, credential)
        .token(&graph())
        .await
        .unwrap();
    let request = server.received().remove(0);
    let said = URL_SAFE_NO_PAD
        .decode(&request.form()["client_assertion"])
        .unwrap();
    let url = server.url.as_url().join(&request.target).unwrap();
    assert_eq!(String::from_utf8(said).unwrap(), format!("{CLIENT}|{url}"));
    assert_eq!(request.form()["client_assertion_type"], JWT_BEARER);
}

#[tokio::test]
async fn what_a_callback_fails_with_is_the_cause() {
    let server = granting().await;
    let credential =
        Credential::assertion(|_| async { Err::<SecretString, _>("the vault is sealed") });
    let error = client_with(&server, credential)
        .token(&graph())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::CredentialUnavailable);
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "the vault is sealed");
    assert_eq!(server.count(), 0);
}
