//! Neither key nor assertion is ever shown.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::response::Response;
use bytes::Bytes;
use entra_auth::{CertificateFile, ClientCertificate, Credential, TokenErrorKind};
use rcgen::date_time_ymd;
use secrecy::SecretString;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::{credential_support::*, support::*};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes down all that this thread logs.
    fn start() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails if `shown` has a piece of `secret` in it.
fn assert_hidden(shown: &str, secret: &str) {
    for piece in secret
        .as_bytes()
        .chunks(24)
        .filter(|piece| piece.len() == 24)
    {
        let piece = str::from_utf8(piece).unwrap();
        assert!(!shown.contains(piece), "{piece} in {shown}");
    }
}

#[tokio::test]
async fn no_log_shows_key_or_assertion() {
    let (log, guard) = Log::start();

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.pem");
    std::fs::write(&path, identity().pem()).unwrap();
    let file = CertificateFile::open(&path).unwrap();
    let granting = granting().await;
    let refusing = Server::saying(401, &[], WRONG_SECRET).await;
    let from_file = Credential::from_source(Arc::new(file.with_subject_name_issuer()));
    let token = client_with(&granting, from_file.clone())
        .token(&graph())
        .await;
    token.unwrap();
    std::fs::write(&path, identity().key_pem()).unwrap();
    let refused = client_with(&refusing, from_file).token(&graph()).await;
    refused.unwrap_err();
    let callback = Credential::assertion(async |_| Ok::<_, io::Error>("canary.assertion".into()));
    let refused = client_with(&refusing, callback).token(&graph()).await;
    refused.unwrap_err();
    drop(guard);

    let shown = log.text();
    assert!(shown.contains("access token obtained") && shown.contains("serves on"));
    assert!(!shown.contains("canary") && !shown.contains("client_assertion"));
    assert_key_hidden(&shown);
    for request in granting.received().iter().chain(&refusing.received()) {
        assert_hidden(&shown, &request.form()["client_assertion"]);
    }
}

#[tokio::test]
async fn the_log_warns_of_a_certificate_that_is_not_valid_now() {
    let server = granting().await;
    for ((from, to), warned) in [
        ((2025, 2026), true),
        ((2026, 2027), false),
        ((2027, 2028), true),
    ] {
        let mut params = named("leaf");
        params.not_before = date_time_ymd(from, 1, 2);
        params.not_after = date_time_ymd(to, 1, 2);
        let leaf = params.self_signed(&identity().key).unwrap().pem();
        let certificate = ClientCertificate::from_pem(identity().key_pem() + &leaf).unwrap();
        let (log, _guard) = Log::start();
        let client = client_with(&server, Credential::certificate(certificate));
        client.token(&graph()).await.unwrap();
        assert_eq!(log.text().contains("is not valid now"), warned);
    }
}

/// As the file has it, and as bytes are shown.
fn assert_key_hidden(shown: &str) {
    let der = identity().key.serialize_der();
    for line in identity()
        .key_pem()
        .lines()
        .filter(|line| !line.contains('-'))
    {
        assert_hidden(shown, line);
    }
    let debug = format!("{der:?}");
    assert_hidden(shown, debug.trim_matches(['[', ']']));
    let hex: String = der.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_hidden(shown, &hex);
}

#[test]
fn no_debug_shows_what_is_secret() {
    let certificate = ClientCertificate::from_pem(identity().pem()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("canary.pem");
    std::fs::write(&path, identity().pem()).unwrap();
    let file = CertificateFile::open(&path).unwrap();
    #[derive(Debug)]
    struct Careless(&'static str);
    #[async_trait::async_trait]
    impl entra_auth::CredentialSource for Careless {
        async fn credential(
            &self,
            _: Option<&entra_auth::TokenError>,
        ) -> Result<Credential, Box<dyn std::error::Error + Send + Sync>> {
            Ok(Credential::secret(self.0.into()))
        }
    }
    let shown = format!(
        "{certificate:?} {certificate:#?} {file:?} {:?} {:?} {:?} {:?} {:?}",
        Credential::secret("canary".into()),
        Credential::certificate(certificate.clone()),
        Credential::federated_token_file(&path),
        Credential::assertion(async |_| Ok::<_, io::Error>("canary".into())),
        Credential::from_source(Arc::new(Careless("canary"))),
    );
    assert!(!shown.contains("canary"), "{shown}");
    assert_key_hidden(&shown);
    assert!(shown.contains(certificate.thumbprint()) && shown.contains("2027-01-02"));
}

#[tokio::test]
async fn a_refusal_that_echoes_the_assertion_is_not_repeated() {
    let server = Server::start(|request| async move { echo(&request) }).await;
    let certificate = ClientCertificate::from_pem(identity().pem()).unwrap();
    let short = Credential::assertion(async |_| {
        Ok::<SecretString, io::Error>("canary.short.assertion".into())
    });
    for credential in [Credential::certificate(certificate), short] {
        let error = client_with(&server, credential)
            .token(&graph())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Refused);
        assert_eq!(error.description(), None);
        let sent = server.received().pop().unwrap().form()["client_assertion"].clone();
        assert!(!whole(&error).contains("canary"));
        assert_hidden(&whole(&error), &sent);
    }
}

fn echo(request: &Received) -> Response {
    let form = request.form();
    let sent = form.get("client_assertion").unwrap();
    let body = serde_json::json!({
        "error": "invalid_request",
        "error_description": format!("I don't like {sent} at all"),
    });
    response(400, &[], Bytes::from(body.to_string()))
}

#[test]
fn no_error_of_a_certificate_shows_the_file() {
    let (key, leaf) = (identity().key_pem(), identity().leaf_pem());
    let (half, _) = key.split_at(key.len() / 2);
    for text in [
        key.clone(),
        key.clone() + &key,
        format!("{leaf}{half}"),
        format!("{key}-----BEGIN CANARY-----\ncanary\n-----END CANARY-----"),
        key.replace("PRIVATE KEY", "RSA PRIVATE KEY") + &leaf,
        key + &next_identity().leaf_pem(),
    ] {
        let error = ClientCertificate::from_pem(text).unwrap_err();
        assert!(!whole(&error).to_lowercase().contains("canary"));
        assert_key_hidden(&whole(&error));
    }
}
