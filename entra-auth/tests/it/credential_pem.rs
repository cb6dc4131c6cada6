//! What a PEM file may hold, and what is said of one that holds something else.

use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use entra_auth::{CertificateError, ClientCertificate};
use proptest::prelude::*;
use rcgen::{KeyPair, PKCS_ED25519, date_time_ymd};

use crate::credential_support::*;

fn refusal(pem: impl AsRef<[u8]>) -> CertificateError {
    let error = ClientCertificate::from_pem(pem).unwrap_err();
    assert!(!error.to_string().ends_with('.'));
    error
}

/// The key as PKCS#1, which PKCS#8 wraps in 26 bytes of prefix at this size.
fn pkcs1() -> String {
    let pkcs8 = identity().key.serialize_der();
    pem("RSA PRIVATE KEY", pkcs8.get(26..).unwrap())
}

#[test]
fn both_forms_of_key_and_any_order_are_read() {
    let (key, leaf) = (identity().key_pem(), identity().leaf_pem());
    let read = |pem: &str| ClientCertificate::from_pem(pem).unwrap();
    let expected = read(&identity().pem());
    for text in [
        key.clone() + &leaf,
        leaf.clone() + &key,
        leaf.clone() + &pkcs1(),
        (leaf.clone() + &key).replace('\n', "\r\n"),
        (leaf.clone() + &key).trim_end().to_owned(),
        format!("Bag Attributes\n    friendlyName: é\n{key}\nsubject=CN = leaf\n{leaf}  \n"),
        format!("\u{feff}{leaf}{key}"),
    ] {
        assert_eq!(read(&text).thumbprint(), expected.thumbprint());
    }
    assert_eq!(
        expected.not_before().to_string(),
        "2026-01-02T00:00:00.000Z"
    );
    assert_eq!(expected.not_after().to_string(), "2027-01-02T00:00:00.000Z");
}

#[test]
fn of_two_certificates_of_the_key_the_later_one_counts() {
    let key = &identity().key;
    let mut longer = named("leaf");
    longer.not_after = date_time_ymd(2028, 1, 2);
    let longer = longer.self_signed(key).unwrap().pem();
    for pem in [
        identity().pem() + &longer,
        longer.clone() + &identity().pem(),
    ] {
        let certificate = ClientCertificate::from_pem(pem).unwrap();
        assert_eq!(
            certificate.not_after().to_string(),
            "2028-01-02T00:00:00.000Z"
        );
    }
}

#[test]
fn a_certificate_that_has_expired_can_be_read() {
    let mut expired = named("expired");
    expired.not_before = date_time_ymd(2001, 1, 2);
    expired.not_after = date_time_ymd(2002, 1, 2);
    let expired = expired.self_signed(&identity().key).unwrap().pem();
    let certificate = ClientCertificate::from_pem(identity().key_pem() + &expired).unwrap();
    assert_eq!(
        certificate.not_after().to_string(),
        "2002-01-02T00:00:00.000Z"
    );
}

#[test]
fn what_is_missing_or_too_much_is_named() {
    let (key, leaf) = (identity().key_pem(), identity().leaf_pem());
    assert_eq!(refusal(""), CertificateError::NotPem);
    assert_eq!(refusal(&identity().leaf), CertificateError::NotPem);
    assert!(
        CertificateError::NotPem
            .to_string()
            .contains("openssl pkcs12")
    );
    assert_eq!(refusal(&leaf), CertificateError::NoKey);
    assert_eq!(refusal(&key), CertificateError::NoCertificate);
    assert_eq!(
        refusal(leaf.clone() + &key + &key),
        CertificateError::SeveralKeys
    );
    assert_eq!(
        refusal(leaf + &next_identity().key_pem()),
        CertificateError::KeyMismatch
    );
}

#[test]
fn keys_that_can_not_sign_for_entra_are_told_apart() {
    let leaf = identity().leaf_pem();
    let elliptic = KeyPair::generate().unwrap().serialize_pem();
    assert_eq!(refusal(leaf.clone() + &elliptic), CertificateError::NotRsa);
    let edwards = KeyPair::generate_for(&PKCS_ED25519)
        .unwrap()
        .serialize_der();
    // Version 1 of PKCS#8 comes with the public key, which the old form hasn't.
    let refused = refusal(leaf.clone() + &pem("PRIVATE KEY", &edwards));
    assert!(matches!(
        refused,
        CertificateError::NotRsa | CertificateError::DamagedKey
    ));
    for label in ["EC PRIVATE KEY", "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY"] {
        assert_eq!(
            refusal(leaf.clone() + &pem(label, b"whatever")),
            CertificateError::NotRsa
        );
    }
    let short = pem("RSA PRIVATE KEY", &STANDARD.decode(SHORT_KEY).unwrap());
    assert_eq!(refusal(leaf.clone() + &short), CertificateError::KeySize);
    assert_eq!(
        refusal(leaf.clone() + &pem("ENCRYPTED PRIVATE KEY", b"whatever")),
        CertificateError::EncryptedKey
    );
    let old = pkcs1().replacen(
        "-----\n",
        "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n",
        1,
    );
    assert_eq!(refusal(leaf + &old), CertificateError::EncryptedKey);
}

#[test]
fn damage_is_told_apart() {
    let (key, leaf) = (identity().key_pem(), identity().leaf_pem());
    let (cut, _) = key.split_at(key.len() - 40);
    assert_eq!(refusal(leaf.clone() + cut), CertificateError::DamagedPem);
    assert_eq!(
        refusal(leaf.clone() + &key.replacen("MII", "M I", 1)),
        CertificateError::DamagedPem
    );
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY"] {
        assert_eq!(
            refusal(leaf.clone() + &pem(label, b"canary")),
            CertificateError::DamagedKey
        );
    }
    assert_eq!(
        refusal(key + &pem("CERTIFICATE", b"canary")),
        CertificateError::DamagedCertificate
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = ClientCertificate::from_pem(&bytes);
        let _ = ClientCertificate::from_pem(pem("CERTIFICATE", &bytes));
        let _ = ClientCertificate::from_pem(pem("PRIVATE KEY", &bytes));
        let _ = ClientCertificate::from_pem(pem("RSA PRIVATE KEY", &bytes));
    }

    #[test]
    fn no_mangled_file_makes_it_panic(
        at in any::<prop::sample::Index>(),
        removed in 0_usize..200,
        inserted in "(-----(BEGIN|END) (RSA PRIVATE KEY|CERTIFICATE|)-----)?[\r\n A-Z=-]{0,8}",
    ) {
        static PEM: OnceLock<String> = OnceLock::new();
        let mut text = PEM.get_or_init(|| identity().pem()).clone();
        let start = at.index(text.len());
        let end = text.len().min(start + removed);
        text.replace_range(start..end, &inserted);
        let _ = ClientCertificate::from_pem(text);
    }
}

/// The RSA key of 2^607 - 1 and 2^521 - 1, primes that everybody knows: 1128 bits, and no secret.
const SHORT_KEY: &str = "\
    MIICmwIBAAKBjgD/////////////////////////////////////////////////////////////////////////////////////\
    /3/////////////+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
    AAECAwEAAQKBjSp/1YAqf9WAKn/VgCp/1YAqf9WAKn/VgCp/1YAqf9WAKn/VgCp/1YAqf9WAKn/VgCp/1YAqf9WAKn/VgCp/1YAq\
    VVWqqlVVqqpVVaoAVf+qAFX/qgBV/6oAVf+qAFX/qgBV/6oAVf+qAFX/qgBV/6oAVf+qAFX/qgBV/6oAVf+qAFX/qgBV/6oAVf+q\
    AQJMf///////////////////////////////////////////////////////////////////////////////////////////////\
    /////wJCAf//////////////////////////////////////////////////////////////////////////////////////AkxV\
    VaqqVVWqqlVVqqpVVaqqVVWqqlVVqqpVVaqqVVWqqlVVqqpVVaqqVVWqqlVVqqpVVaqqVVWqqlVVqqpVVaqqVVWqqlVVqqpVVaqp\
    AkIBgIB/f4CAf3+AgH9/gIB/f4CAf3+AgH9/gIB/f4CAf3+AgH9/gIB/f4CAf3+AgH9/gIB/f4CAf3+AgH9/gIB/f38CTHve973v\
    e973ve9773ve973ve973ve+973ve973ve973vve973ve973ve9773ve973ve973ve+973ve973ve973vve973ve973ve970=";
