//! Certificates, and the client assertions that they sign.

use aws_lc_rs::{
    digest,
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use intune_sim::Tenant;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, date_time_ymd,
};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{GRAPH_SCOPE, post_form};

pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A certificate and its key.
pub(crate) struct Signer {
    key: RsaKeyPair,
    pub(crate) der: Vec<u8>,
    pub(crate) pem: String,
}

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

fn rsa() -> (RsaKeyPair, KeyPair) {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let der = rustls::pki_types::PrivatePkcs8KeyDer::from(der.as_ref().to_vec());
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).unwrap();
    (key, pair)
}

pub(crate) fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// Parameters of a certificate that ended long ago.
pub(crate) fn expired(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    params
}

/// An authority that issues certificates.
pub(crate) fn authority(name: &str) -> Authority {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, rsa().1).unwrap()
}

/// An authority below another one.
pub(crate) fn below(name: &str, authority: &Authority) -> Authority {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::signed_by(params, rsa().1, authority).unwrap()
}

impl Signer {
    pub(crate) fn new(params: CertificateParams) -> Self {
        let (key, pair) = rsa();
        let certificate = params.self_signed(&pair).unwrap();
        Self {
            key,
            der: certificate.der().to_vec(),
            pem: certificate.pem(),
        }
    }

    pub(crate) fn issued(params: CertificateParams, authority: &Authority) -> Self {
        let (key, pair) = rsa();
        let certificate = params.signed_by(&pair, authority).unwrap();
        Self {
            key,
            der: certificate.der().to_vec(),
            pem: certificate.pem(),
        }
    }

    pub(crate) fn sha256(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, &self.der).as_ref().to_vec()
    }

    pub(crate) fn sha1(&self) -> Vec<u8> {
        let sha1 = &digest::SHA1_FOR_LEGACY_USE_ONLY;
        digest::digest(sha1, &self.der).as_ref().to_vec()
    }

    /// The header that the documentation asks for.
    pub(crate) fn header(&self) -> Value {
        let thumbprint = URL_SAFE_NO_PAD.encode(self.sha256());
        json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint })
    }

    /// The header by subject name and issuer, with this chain.
    pub(crate) fn header_with(&self, chain: &[&[u8]]) -> Value {
        let mut header = self.header();
        header["x5c"] = chain.iter().map(|der| STANDARD.encode(der)).collect();
        header
    }

    /// Signs with the algorithm that the header names.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let encoding: &'static dyn aws_lc_rs::signature::RsaEncoding = match &header["alg"] {
            alg if alg == "RS256" => &RSA_PKCS1_SHA256,
            _ => &RSA_PSS_SHA256,
        };
        self.key
            .sign(
                encoding,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The real time, by which assertions are judged.
#[expect(clippy::disallowed_methods, reason = "the simulator judges by it too")]
pub(crate) fn now() -> i64 {
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    now.timestamp()
}

pub(crate) fn endpoint(sim: &Tenant) -> String {
    format!("{}{}/oauth2/v2.0/token", sim.authority(), sim.tenant())
}

/// The claims that the documentation asks for.
pub(crate) fn claims(sim: &Tenant) -> Value {
    json!({
        "aud": endpoint(sim), "iss": sim.client_id(), "sub": sim.client_id(),
        "jti": Uuid::new_v4().to_string(), "nbf": now(), "exp": now() + 600,
    })
}

/// Those claims with one of them replaced; null leaves it out.
pub(crate) fn with(sim: &Tenant, claim: &str, value: Value) -> Value {
    let mut claims = claims(sim);
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(claim)),
        value => claims[claim] = value,
    }
    claims
}

/// Asks for a token with a client assertion.
pub(crate) async fn ask(http: &Client, sim: &Tenant, assertion: &str) -> Response {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", sim.client_id()),
        ("client_assertion_type", JWT_BEARER),
        ("client_assertion", assertion),
        ("scope", GRAPH_SCOPE),
    ];
    post_form(http, sim, &form).await
}

/// The AADSTS code of the answer; none if a token was issued.
pub(crate) async fn code(http: &Client, sim: &Tenant, assertion: &str) -> Option<u64> {
    let response = ask(http, sim, assertion).await;
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    if status == 200 {
        assert!(body["access_token"].is_string());
        return None;
    }
    let code = body["error_codes"][0].as_u64().unwrap();
    let text = body["error_description"].as_str().unwrap();
    assert!(text.starts_with(&format!("AADSTS{code}: ")), "{text}");
    assert!(!text.contains(assertion), "{text}");
    Some(code)
}
