//! Certificates made for a test, and the reading of assertions with nothing of the crate.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use entra_auth::{Credential, EntraClient, http::HttpClient};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256,
    PublicKeyData as _, RsaKeySize, date_time_ymd,
};
use serde_json::Value;

use crate::support::*;

/// A key, its certificate, and the certificates above it.
pub(crate) struct Identity {
    pub(crate) key: KeyPair,
    pub(crate) leaf: Vec<u8>,
    pub(crate) intermediate: Vec<u8>,
    pub(crate) root: Vec<u8>,
}

/// Made once: RSA keys take their time.
pub(crate) fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(make)
}

/// The one that follows, after a renewal.
pub(crate) fn next_identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(make)
}

pub(crate) fn rsa_key() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

pub(crate) fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 2);
    params.not_after = date_time_ymd(2027, 1, 2);
    params
}

fn make() -> Identity {
    let authority = |name| {
        let mut params = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let root_key = KeyPair::generate().unwrap();
    let root = authority("root").self_signed(&root_key).unwrap();
    let root_issuer = Issuer::new(authority("root"), root_key);
    let middle_key = KeyPair::generate().unwrap();
    let middle = authority("middle");
    let intermediate = middle.signed_by(&middle_key, &root_issuer).unwrap();
    let middle_issuer = Issuer::new(authority("middle"), middle_key);
    let key = rsa_key();
    let leaf = named("leaf").signed_by(&key, &middle_issuer).unwrap();
    Identity {
        key,
        leaf: leaf.der().to_vec(),
        intermediate: intermediate.der().to_vec(),
        root: root.der().to_vec(),
    }
}

impl Identity {
    pub(crate) fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    pub(crate) fn leaf_pem(&self) -> String {
        pem("CERTIFICATE", &self.leaf)
    }

    /// The chain the wrong way round, the key in its midst.
    pub(crate) fn pem(&self) -> String {
        let [root, intermediate] =
            [&self.root, &self.intermediate].map(|der| pem("CERTIFICATE", der));
        let (key, leaf) = (self.key_pem(), self.leaf_pem());
        format!("{root}{intermediate}{key}{leaf}")
    }

    /// The claims of `assertion` and its header, if the key signed it.
    pub(crate) fn open(&self, assertion: &str) -> (Value, Value) {
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, self.key.der_bytes());
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        key.verify(signed.as_bytes(), &signature).unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let json = |part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        (json(claims), json(header))
    }
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(str::from_utf8(line).unwrap());
        pem.push('\n');
    }
    pem + &format!("-----END {label}-----\n")
}

pub(crate) fn client_with(server: &Server, credential: Credential) -> EntraClient {
    EntraClient::builder(TENANT.parse().unwrap(), CLIENT.parse().unwrap(), credential)
        .authority(server.url.clone())
        .http(HttpClient::new().unwrap())
        .clock(Arc::new(noon()))
        .build()
        .unwrap()
}

/// A server that gives tokens.
pub(crate) async fn granting() -> Server {
    Server::start(|_| async { token_json(TOKEN, 3600) }).await
}

/// An error and all its causes.
pub(crate) fn whole(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error} {error:?}"));
        cause = error.source();
    }
    text
}
