//! What an operator takes for a certificate with its key: it is one, or what is said of it shows nothing of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use entra_auth::{CertificateError, ClientCertificate};

/// A key of nobody, made for this.
const KEY: &str = include_str!("../../corpus/certificate_pem/key");

/// The bytes are PEM. And, as they are, the DER of a certificate beside a key.
pub fn certificate_pem(data: &[u8]) {
    check(data);
    // The certificate first: what is none doesn't cost the time to read the key.
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in STANDARD.encode(data).as_bytes().chunks(64) {
        pem.extend(line.iter().copied().map(char::from));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem.push_str(KEY);
    check(pem.as_bytes());
}

fn check(pem: &[u8]) {
    let read = ClientCertificate::from_pem(pem);
    let text = String::from_utf8_lossy(pem);
    let shown = match &read {
        Ok(certificate) => {
            assert!(text.contains("PRIVATE KEY-----") && text.contains("CERTIFICATE-----"));
            let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            let thumbprint = certificate.thumbprint();
            assert!(thumbprint.len() == 43 && thumbprint.bytes().all(is_base64url));
            check_forms(&text, certificate);
            // What is public may be anywhere.
            format!("{certificate:?}").replace(thumbprint, "")
        }
        Err(error) => {
            assert!(!matches!(error, CertificateError::Unreadable(_)));
            format!("{error:?}: {error}")
        }
    };
    // Neither whole nor in parts: the words that are shown are none that Base64 could be taken for.
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    for word in shown
        .split(|c| !is_base64(c))
        .filter(|word| word.len() > 12)
    {
        let is_ours = ["ClientCertificate", "DamagedCertificate", "NoCertificate"].contains(&word);
        assert!(is_ours, "{shown}");
    }
}

/// It is the same in Windows' lines, and after words of whoever made it.
fn check_forms(text: &str, certificate: &ClientCertificate) {
    if text.contains('\r') {
        return;
    }
    let noted = format!("Bag Attributes\n    localKeyID: 01\n{text}");
    for form in [text.replace('\n', "\r\n"), noted] {
        let read = ClientCertificate::from_pem(form);
        let read = read.expect("the same in another form");
        assert_eq!(read.thumbprint(), certificate.thumbprint());
        assert_eq!(read.not_after(), certificate.not_after());
    }
}
