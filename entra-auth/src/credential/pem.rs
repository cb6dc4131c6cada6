//! Textual encodings ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468)): several sections, with a key among them.
//!
//! `pem-rfc7468` decodes one section into a buffer of ours, in constant time. Readers of whole files
//! (`rustls-pki-types`, `pem`) pass the key through buffers that they don't wipe.

use secrecy::zeroize::Zeroizing;
use x509_cert::der::pem::Decoder;

use super::CertificateError;

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";

pub(super) struct Section<'a> {
    pub(super) label: &'a str,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// The sections of `pem`, whatever stands between them.
pub(super) fn sections(pem: &[u8]) -> impl Iterator<Item = Result<Section<'_>, CertificateError>> {
    let mut rest = pem;
    std::iter::from_fn(move || {
        let (_, from) = split_before(rest, BEGIN)?;
        let Some(section) = first(from) else {
            rest = &[];
            return Some(Err(CertificateError::DamagedPem));
        };
        rest = from.get(section.len()..).unwrap_or_default();
        Some(decode(section))
    })
}

/// The section that `text` begins with, to the end of the line that ends it.
fn first(text: &[u8]) -> Option<&[u8]> {
    let (body, end) = split_before(text, END)?;
    let line = end.iter().position(|b| matches!(b, b'\r' | b'\n'));
    let section = text.get(..body.len() + line.unwrap_or(end.len()));
    section.map(<[u8]>::trim_ascii_end)
}

fn decode(section: &[u8]) -> Result<Section<'_>, CertificateError> {
    // OpenSSL's old form of encryption, which leaves the label as it is.
    if split_before(section, b"DEK-Info:").is_some() {
        return Err(CertificateError::EncryptedKey);
    }
    let damaged = |_| CertificateError::DamagedPem;
    let mut decoder = Decoder::new_detect_wrap(section).map_err(damaged)?;
    let mut der = Zeroizing::new(vec![0; decoder.remaining_len()]);
    decoder.decode(&mut der).map_err(damaged)?;
    let label = decoder.type_label();
    Ok(Section { label, der })
}

fn split_before<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    text.split_at_checked(at)
}
