use std::{fmt, sync::Arc};

use aws_lc_rs::{digest, error::KeyRejected, rsa, signature::KeyPair as _};
use base64::{Engine as _, engine::general_purpose};
use clock::Timestamp;
use x509_cert::{Certificate, der::Decode as _, time::Time};

use super::{CertificateError, pem};

/// A certificate with its private key, to sign in with in place of a secret.
///
/// The key is RSA, of 2048 bits or more. It is kept in the memory of the cryptographic library, which wipes
/// what it frees; it is never shown.
///
/// ```no_run
/// use entra_auth::{ClientCertificate, Credential};
/// use secrecy::zeroize::Zeroizing;
///
/// let pem = Zeroizing::new(std::fs::read("client.pem")?);
/// let certificate = ClientCertificate::from_pem(&*pem)?;
/// let credential = Credential::certificate(certificate);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClientCertificate {
    pub(super) identity: Arc<Identity>,
    pub(super) sends_chain: bool,
}

pub(super) struct Identity {
    pub(super) key: rsa::KeyPair,
    pub(super) thumbprint: String,
    /// Base64 of DER, the key's own certificate first, each followed by its issuer's.
    pub(super) chain: Vec<String>,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl ClientCertificate {
    /// Reads PEM that holds one private key and its certificate, in any order, among others of the chain.
    ///
    /// The key is PKCS#8 (`PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`), without a password. The certificate is
    /// the one that has the key's public half, and if several have, the one that ends last. Whether it is
    /// valid now is for Entra ID to say, whose clock counts. To wipe `pem` is up to the caller.
    ///
    /// # Errors
    ///
    /// What is missing or wrong, and what to do about it.
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, CertificateError> {
        let mut key = None;
        let mut certificates = Vec::new();
        let mut is_pem = false;
        for section in pem::sections(pem.as_ref()) {
            is_pem = true;
            let section = section?;
            let found = match section.label {
                "CERTIFICATE" => {
                    certificates.push(Link::read(&section.der)?);
                    continue;
                }
                "PRIVATE KEY" => rsa::KeyPair::from_pkcs8(&section.der).map_err(rejected)?,
                "RSA PRIVATE KEY" => rsa::KeyPair::from_der(&section.der).map_err(rejected)?,
                "ENCRYPTED PRIVATE KEY" => return Err(CertificateError::EncryptedKey),
                label if label.ends_with("PRIVATE KEY") => return Err(CertificateError::NotRsa),
                _ => continue,
            };
            if key.replace(found).is_some() {
                return Err(CertificateError::SeveralKeys);
            }
        }
        match key {
            _ if !is_pem => Err(CertificateError::NotPem),
            None => Err(CertificateError::NoKey),
            Some(_) if certificates.is_empty() => Err(CertificateError::NoCertificate),
            Some(key) => Self::pair(key, certificates),
        }
    }

    fn pair(key: rsa::KeyPair, mut links: Vec<Link>) -> Result<Self, CertificateError> {
        let public = key.public_key().as_ref();
        let leaf = links
            .iter()
            .enumerate()
            .filter(|(_, link)| link.has(public));
        let (leaf, _) = leaf
            .max_by_key(|(_, link)| link.not_after())
            .ok_or(CertificateError::KeyMismatch)?;
        let leaf = links.swap_remove(leaf);
        let (not_before, not_after) = (leaf.not_before(), leaf.not_after());
        let identity = Identity {
            thumbprint: thumbprint(&leaf.der),
            chain: chain(leaf, links),
            key,
            not_before,
            not_after,
        };
        Ok(Self {
            identity: Arc::new(identity),
            sends_chain: false,
        })
    }

    /// The same certificate, sent along with its chain in each assertion (`x5c`).
    ///
    /// For applications that trust a subject name and issuer in place of one certificate. Makes each token
    /// request larger by the chain.
    #[must_use]
    pub fn with_subject_name_issuer(mut self) -> Self {
        self.sends_chain = true;
        self
    }

    /// When it becomes valid.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.identity.not_before
    }

    /// When it ceases to be valid.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.identity.not_after
    }

    /// The SHA-256 of its DER, in unpadded base64url, as in the header `x5t#S256`.
    ///
    /// [RFC 7515, section 4.1.8](https://www.rfc-editor.org/rfc/rfc7515#section-4.1.8)
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.identity.thumbprint
    }
}

/// Shows what is public: thumbprint and time.
impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate")
            .field("thumbprint", &self.thumbprint())
            .field("not_before", &self.not_before())
            .field("not_after", &self.not_after())
            .field("sends_chain", &self.sends_chain)
            .finish_non_exhaustive()
    }
}

fn rejected(error: KeyRejected) -> CertificateError {
    match error.description_() {
        "WrongAlgorithm" => CertificateError::NotRsa,
        "TooSmall" | "TooLarge" => CertificateError::KeySize,
        _ => CertificateError::DamagedKey,
    }
}

/// A certificate, as its place in a chain is found.
struct Link {
    der: Vec<u8>,
    parsed: Certificate,
}

impl Link {
    fn read(der: &[u8]) -> Result<Self, CertificateError> {
        let parsed =
            Certificate::from_der(der).map_err(|_| CertificateError::DamagedCertificate)?;
        let der = der.to_vec();
        Ok(Self { der, parsed })
    }

    /// Whether `public`, an `RSAPublicKey`, is the certified key.
    fn has(&self, public: &[u8]) -> bool {
        let key = self.parsed.tbs_certificate().subject_public_key_info();
        key.subject_public_key.as_bytes() == Some(public)
    }

    fn issued(&self, other: &Self) -> bool {
        self.parsed.tbs_certificate().subject() == other.parsed.tbs_certificate().issuer()
    }

    fn not_before(&self) -> Timestamp {
        timestamp(self.parsed.tbs_certificate().validity().not_before)
    }

    fn not_after(&self) -> Timestamp {
        timestamp(self.parsed.tbs_certificate().validity().not_after)
    }
}

fn thumbprint(der: &[u8]) -> String {
    general_purpose::URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, der))
}

fn timestamp(time: Time) -> Timestamp {
    let millis = time.to_unix_duration().as_millis();
    Timestamp::from_unix_millis(millis.try_into().unwrap_or(i64::MAX))
}

/// Each certificate followed by its issuer's, as RFC 7515 wants it; what is no part of that is left out.
fn chain(leaf: Link, mut others: Vec<Link>) -> Vec<String> {
    let mut chain = Vec::new();
    let mut next = Some(leaf);
    while let Some(link) = next {
        next = match link.issued(&link) {
            true => None,
            false => others
                .iter()
                .position(|other| other.issued(&link))
                .map(|issuer| others.remove(issuer)),
        };
        chain.push(general_purpose::STANDARD.encode(link.der));
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8705, appendix A, whose elliptic key no certificate of this crate can have.
    #[test]
    fn the_thumbprint_is_that_of_the_specification() {
        let der = "MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAxODEyMzcwOVoXDTIyMD\
            UwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9\
            OylMbnQZjjJ/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwIDSQAwRgIhAP0RC1E+vwJD/D1A\
            GHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOVbUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=";
        let der = general_purpose::STANDARD.decode(der).unwrap();
        assert_eq!(
            thumbprint(&der),
            "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"
        );
        assert!(Link::read(&der).is_ok());
    }
}
