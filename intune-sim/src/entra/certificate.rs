//! X.509 certificates: what an assertion's key is known by.

use aws_lc_rs::digest;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::{
    prelude::{FromDer, GeneralName, X509Certificate},
    public_key::PublicKey,
};

/// An RSA certificate, read.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) sha256: Vec<u8>,
    pub(crate) sha1: Vec<u8>,
    /// PKCS#1 `RSAPublicKey`, DER.
    pub(crate) public_key: Vec<u8>,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    /// The common name, and every DNS name.
    pub(crate) names: Vec<String>,
}

impl Certificate {
    /// Reads DER, or the first certificate of a PEM text.
    pub(crate) fn read(pem_or_der: &[u8]) -> Option<Self> {
        if pem_or_der.trim_ascii_start().starts_with(b"-----") {
            return Self::from_der(&CertificateDer::from_pem_slice(pem_or_der).ok()?);
        }
        Self::from_der(pem_or_der)
    }

    pub(crate) fn from_der(der: &[u8]) -> Option<Self> {
        let (rest, read) = X509Certificate::from_der(der).ok()?;
        let key = read.public_key();
        // Entra's client certificates are RSA.
        if !rest.is_empty()
            || !matches!(key.parsed(), Ok(PublicKey::RSA(rsa)) if rsa.key_size() >= 2048)
        {
            return None;
        }
        let common_names = read.subject().iter_common_name();
        let common_names = common_names.filter_map(|name| name.as_str().ok());
        let alternative = read.subject_alternative_name().ok().flatten();
        let dns_names = alternative
            .iter()
            .flat_map(|names| &names.value.general_names)
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some(*name),
                _ => None,
            });
        Some(Self {
            der: CertificateDer::from(der.to_vec()),
            sha256: hash(&digest::SHA256, der),
            sha1: hash(&digest::SHA1_FOR_LEGACY_USE_ONLY, der),
            public_key: key.subject_public_key.data.to_vec(),
            not_before: read.validity().not_before.timestamp(),
            not_after: read.validity().not_after.timestamp(),
            names: common_names.chain(dns_names).map(str::to_owned).collect(),
        })
    }

    /// The SHA-256 of the certificate in upper-case hex.
    pub(crate) fn thumbprint(&self) -> String {
        hex(&self.sha256)
    }

    pub(crate) fn valid_at(&self, seconds: i64) -> bool {
        (self.not_before..=self.not_after).contains(&seconds)
    }

    /// Whether it's issued to a name, in any case.
    pub(crate) fn names(&self, subject: &str) -> bool {
        self.names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(subject))
    }
}

fn hash(algorithm: &'static digest::Algorithm, bytes: &[u8]) -> Vec<u8> {
    digest::digest(algorithm, bytes).as_ref().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
