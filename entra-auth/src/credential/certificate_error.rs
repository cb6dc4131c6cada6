use std::io;

/// Why a certificate can't be signed in with. It shows nothing of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The file isn't there, can't be opened, or is larger than 256 KiB.
    #[error("the certificate file can't be read: {0}")]
    Unreadable(io::ErrorKind),
    /// No PEM at all: DER, PFX, or something else.
    #[error(
        "not a PEM file: convert a PFX file with `openssl pkcs12 -in FILE.pfx -out FILE.pem -noenc`"
    )]
    NotPem,
    /// A section of the PEM ends early or isn't lines of Base64.
    #[error(
        "the PEM is damaged: a section has no end, or lines with more than Base64, such as spaces"
    )]
    DamagedPem,
    /// The private key needs a password.
    #[error(
        "the private key is encrypted: decrypt it with `openssl pkey -in KEY.pem -out DECRYPTED.pem`"
    )]
    EncryptedKey,
    /// No private key among the sections.
    #[error("there is no private key: put it into the same PEM, before or after the certificate")]
    NoKey,
    /// More than one private key among the sections.
    #[error("there are several private keys: leave the one of the certificate")]
    SeveralKeys,
    /// The key is elliptic, or in a form other than PKCS#8 and PKCS#1.
    #[error("the private key is not an RSA key in PKCS#8 or PKCS#1, which Entra ID asks for")]
    NotRsa,
    /// The key has fewer than 2048 bits, or more than 8192.
    #[error("the private key must have 2048 to 8192 bits: make a new one")]
    KeySize,
    /// The key can't be read as what its label says.
    #[error("the private key can't be read: export it again, as an RSA key in PKCS#8 or PKCS#1")]
    DamagedKey,
    /// No certificate among the sections.
    #[error("there is no certificate: put it into the same PEM, before or after the private key")]
    NoCertificate,
    /// A certificate can't be read.
    #[error("a certificate can't be read: export it again")]
    DamagedCertificate,
    /// No certificate has the key's public half.
    #[error("the private key belongs to none of the certificates: give the pair")]
    KeyMismatch,
}
