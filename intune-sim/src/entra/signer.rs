//! The certificate that signed a client assertion: a registered one, or one trusted by subject and issuer.

use std::{sync::Arc, time::Duration};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rustls::{
    CertificateError, Error, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, UnixTime},
    server::WebPkiClientVerifier,
};
use serde_json::Value;

use super::{
    EntraError,
    certificate::{Certificate, hex},
    jwt::Jwt,
};
use crate::{tenant::apps::App, time};

/// Whether the assertion is signed by a certificate of the application that may be used now.
pub(super) fn verify(app: &App, jwt: &Jwt<'_>) -> Result<(), EntraError> {
    let thumbprint = Thumbprint::of(jwt)?;
    let chain = chain(jwt)?;
    let registered = app.certificates.iter().find(|certificate| {
        thumbprint
            .as_ref()
            .is_some_and(|print| print.is_of(certificate))
    });
    let certificate = match (registered, chain.as_slice()) {
        (Some(registered), _) => registered,
        (None, [leaf, ..]) if !app.subject_name_issuers.is_empty() => {
            trusted(app, leaf, &chain)?;
            leaf
        }
        (None, _) => return Err(not_found(thumbprint, app)),
    };
    if thumbprint
        .as_ref()
        .is_some_and(|print| !print.is_of(certificate))
    {
        return Err(not_found(thumbprint, app));
    }
    if app.revoked.contains(&certificate.sha256) {
        return Err(EntraError::of(7_000_214));
    }
    if !certificate.valid_at(time::now().timestamp()) {
        return Err(EntraError::of(1_000_502));
    }
    if !jwt.signed_by(&certificate.public_key) {
        let text = format!(
            "Client assertion contains an invalid signature. [Reason - Key was found, but use of the key \
             to verify the signature failed., Thumbprint of key used by client: '{}']",
            certificate.thumbprint()
        );
        return Err(EntraError::says(700_027, text));
    }
    Ok(())
}

/// What the header says about the key.
enum Thumbprint {
    Sha256(Vec<u8>),
    Sha1(Vec<u8>),
}

impl Thumbprint {
    fn of(jwt: &Jwt<'_>) -> Result<Option<Self>, EntraError> {
        let header = |name: &str| jwt.header.get(name);
        let given = header("x5t#S256")
            .map(|value| (value, Self::Sha256 as fn(Vec<u8>) -> Self))
            .or_else(|| header("x5t").map(|value| (value, Self::Sha1 as fn(Vec<u8>) -> Self)));
        match given {
            Some((value, kind)) => value
                .as_str()
                .and_then(decode)
                .map(|bytes| Some(kind(bytes)))
                .ok_or_else(|| EntraError::of(50027)),
            None if header("x5c").is_some() => Ok(None),
            None => Err(EntraError::says(
                50027,
                "Invalid JWT token. No certificate thumbprint specified in token header.",
            )),
        }
    }

    fn is_of(&self, certificate: &Certificate) -> bool {
        match self {
            Self::Sha256(print) => *print == certificate.sha256,
            Self::Sha1(print) => *print == certificate.sha1,
        }
    }
}

/// Either alphabet, with padding or without: the official clients differ.
fn decode(text: &str) -> Option<Vec<u8>> {
    let plain = text
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    URL_SAFE_NO_PAD.decode(plain).ok()
}

fn not_found(thumbprint: Option<Thumbprint>, app: &App) -> EntraError {
    let print = match thumbprint {
        Some(Thumbprint::Sha256(print) | Thumbprint::Sha1(print)) => hex(&print),
        None => String::new(),
    };
    let text = format!(
        "The certificate with identifier used to sign the client assertion is not registered on \
         application. [Reason - The key was not found., Thumbprint of key used by client: '{print}', Please \
         visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id \
         '{}']. Alternatively, SNI may be configured on the app. Please ensure that client assertion is \
         being sent with the x5c claim in the JWT header.",
        app.client_id
    );
    EntraError::says(700_027, text)
}

/// The certificates in `x5c`, leaf first: base64 of DER each (RFC 7515, section 4.1.6).
///
/// MSAL for .NET sends the leaf alone, as a text; that for Python leaves the line breaks of PEM in it.
fn chain(jwt: &Jwt<'_>) -> Result<Vec<Certificate>, EntraError> {
    let entries = match jwt.header.get("x5c") {
        None => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries.as_slice(),
        Some(entry) => std::slice::from_ref(entry),
    };
    let read = |entry: &Value| {
        let mut text = entry.as_str()?.to_owned();
        text.retain(|character| !character.is_ascii_whitespace());
        Certificate::from_der(&STANDARD.decode(text).ok()?)
    };
    entries
        .iter()
        .map(|entry| {
            read(entry).ok_or_else(|| {
                EntraError::says(
                    7_000_213,
                    "Invalid certificate chain. [Reason - A value of 'x5c' is not the base64 of a DER \
                     certificate with an RSA key.]",
                )
            })
        })
        .collect()
}

/// Whether a leaf comes from an issuer that the application trusts, for a subject it allows.
fn trusted(app: &App, leaf: &Certificate, chain: &[Certificate]) -> Result<(), EntraError> {
    let mut refusal = 7_000_213;
    for trust in &app.subject_name_issuers {
        match issued_by(&trust.issuer, leaf, chain) {
            Ok(()) if leaf.names(&trust.subject) => return Ok(()),
            Ok(()) => refusal = 700_030,
            Err(code) if refusal == 7_000_213 => refusal = code,
            Err(_) => {}
        }
    }
    Err(EntraError::of(refusal))
}

fn issued_by(issuer: &Certificate, leaf: &Certificate, chain: &[Certificate]) -> Result<(), u32> {
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der.clone()).map_err(|_| 7_000_213_u32)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|_| 7_000_213_u32)?;
    let others: Vec<CertificateDer<'_>> = chain
        .iter()
        .skip(1)
        .map(|certificate| certificate.der.clone())
        .collect();
    let seconds = u64::try_from(time::now().timestamp()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    match verifier.verify_client_cert(&leaf.der, &others, now) {
        Ok(_) => Ok(()),
        Err(Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )) => Err(1_000_502),
        Err(_) => Err(7_000_213),
    }
}
