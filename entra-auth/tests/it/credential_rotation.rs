//! Credentials that are replaced while a client runs.

use std::{
    collections::VecDeque,
    error::Error,
    fs,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use entra_auth::{
    CertificateError, CertificateFile, Credential, CredentialSource, TokenError, TokenErrorKind,
    TokenProvider as _,
};

use crate::{credential_support::*, support::*};

/// Gives its credentials in turn, and notes what it was asked with.
#[derive(Debug, Default)]
struct Rotating {
    credentials: Mutex<VecDeque<Credential>>,
    asked: Mutex<Vec<Option<TokenErrorKind>>>,
}

impl Rotating {
    fn secrets(secrets: &[&str]) -> Arc<Self> {
        let secrets = secrets
            .iter()
            .map(|&secret| Credential::secret(secret.into()));
        Arc::new(Self {
            credentials: Mutex::new(secrets.collect()),
            ..Self::default()
        })
    }

    fn asked(&self) -> Vec<Option<TokenErrorKind>> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl CredentialSource for Rotating {
    async fn credential(
        &self,
        rejected: Option<&TokenError>,
    ) -> Result<Credential, Box<dyn Error + Send + Sync>> {
        self.asked
            .lock()
            .unwrap()
            .push(rejected.map(TokenError::kind));
        let next = self.credentials.lock().unwrap().pop_front();
        next.ok_or_else(|| "no more of them".into())
    }
}

/// A server to which `right` alone is a good secret.
async fn knowing(right: &'static str) -> Server {
    Server::start(move |request| async move {
        if request.form().get("client_secret").unwrap() == right {
            return token_json(TOKEN, 3600);
        }
        response(401, &[], Bytes::from_static(WRONG_SECRET.as_bytes()))
    })
    .await
}

#[tokio::test]
async fn a_source_is_asked_once_more_after_invalid_client() {
    let server = knowing("new").await;
    let source = Rotating::secrets(&["old", "new", "newer"]);
    let client = client_with(&server, Credential::from_source(source.clone()));
    client.token(&graph()).await.unwrap();
    assert_eq!(
        source.asked(),
        [None, Some(TokenErrorKind::InvalidCredential)]
    );
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_source_is_never_asked_a_third_time() {
    let server = knowing("newest").await;
    let source = Rotating::secrets(&["old", "new", "newest"]);
    let client = client_with(&server, Credential::from_source(source.clone()));
    let error = client.token(&graph()).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::InvalidCredential);
    assert_eq!(source.asked().len(), 2);
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn other_refusals_are_no_reason_to_ask_again() {
    let server = Server::saying(400, &[], r#"{"error":"invalid_scope"}"#).await;
    let source = Rotating::secrets(&["old", "new"]);
    let client = client_with(&server, Credential::from_source(source.clone()));
    client.token(&graph()).await.unwrap_err();
    assert_eq!(source.asked(), [None]);
}

#[tokio::test]
async fn what_can_not_change_is_not_sent_twice() {
    let server = knowing("right").await;
    client_with(&server, Credential::secret("wrong".into()))
        .token(&graph())
        .await
        .unwrap_err();
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn what_a_source_fails_with_is_the_cause() {
    let server = granting().await;
    let client = client_with(&server, Credential::from_source(Rotating::secrets(&[])));
    let error = client.token(&graph()).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::CredentialUnavailable);
    assert_eq!(error.source().unwrap().to_string(), "no more of them");
}

#[tokio::test]
async fn a_source_gives_no_source() {
    let server = granting().await;
    let inner = Credential::from_source(Rotating::secrets(&["secret"]));
    let outer = Arc::new(Rotating::default());
    outer.credentials.lock().unwrap().push_back(inner);
    let error = client_with(&server, Credential::from_source(outer))
        .token(&graph())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::CredentialUnavailable);
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .contains("another source")
    );
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_callback_hears_of_the_refusal() {
    let server = Server::start(|request| async move {
        if request.form()["client_assertion"] == "second" {
            return token_json(TOKEN, 3600);
        }
        response(401, &[], Bytes::from_static(WRONG_SECRET.as_bytes()))
    })
    .await;
    let credential = Credential::assertion(async |request: entra_auth::AssertionRequest| {
        let assertion = match request.rejected() {
            Some(_) => "second",
            None => "first",
        };
        Ok::<_, TokenError>(assertion.into())
    });
    client_with(&server, credential)
        .token(&graph())
        .await
        .unwrap();
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_certificate_file_is_read_anew_and_its_last_good_state_kept() {
    let server = granting().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.pem");
    fs::write(&path, identity().pem()).unwrap();
    let file = Arc::new(
        CertificateFile::open(&path)
            .unwrap()
            .with_subject_name_issuer(),
    );
    let client = client_with(&server, Credential::from_source(file.clone()));
    let sign_in = async |signer: &Identity| {
        let token = client.token(&graph()).await.unwrap();
        client.invalidate(&graph(), &token);
        let form = server.received().pop().unwrap().form();
        let (_, header) = signer.open(&form["client_assertion"]);
        assert_eq!(header["x5t#S256"], file.certificate().thumbprint());
        assert_eq!(header["x5c"].as_array().unwrap().len(), 3);
    };
    sign_in(identity()).await;

    let renewed = next_identity().pem();
    let (half, _) = renewed.split_at(renewed.len() / 2);
    fs::write(&path, half).unwrap();
    sign_in(identity()).await;
    fs::write(&path, identity().key_pem() + &next_identity().leaf_pem()).unwrap();
    sign_in(identity()).await;
    fs::remove_file(&path).unwrap();
    sign_in(identity()).await;

    fs::write(&path, renewed).unwrap();
    sign_in(next_identity()).await;
}

#[test]
fn a_certificate_file_must_be_good_at_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("canary.pem");
    let missing = CertificateFile::open(&path).unwrap_err();
    assert_eq!(
        missing,
        CertificateError::Unreadable(std::io::ErrorKind::NotFound)
    );
    assert!(!whole(&missing).contains("canary"));
    fs::write(&path, identity().key_pem()).unwrap();
    assert_eq!(
        CertificateFile::open(&path).unwrap_err(),
        CertificateError::NoCertificate
    );
}
