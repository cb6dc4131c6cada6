//! Client assertions by subject name and issuer: the certificate comes along in `x5c`.

use base64::{Engine, engine::general_purpose::STANDARD};
use intune_sim::{Sim, SimConfig};
use serde_json::{Value, json};

use crate::{
    client::http,
    forge::{Authority, Signer, authority, below, claims, code, expired, named},
};

const SUBJECT: &str = "daemon.contoso.example";

async fn trusting() -> (Sim, Authority) {
    let sim = Sim::start(SimConfig::default().devices(0)).await.unwrap();
    let authority = authority("Contoso Root");
    sim.trust_subject_name_issuer(sim.client_id(), authority.pem(), SUBJECT)
        .unwrap();
    (sim, authority)
}

async fn ask(sim: &Sim, signer: &Signer, header: &Value) -> Option<u64> {
    code(&http(), sim, &signer.sign(header, &claims(sim))).await
}

#[tokio::test]
async fn any_certificate_of_the_issuer_for_the_subject_will_do() {
    let (sim, authority) = trusting().await;
    let middle = below("Contoso Issuing", &authority);
    for _ in 0..2 {
        let leaf = Signer::issued(named(SUBJECT), &authority);
        assert_eq!(
            ask(&sim, &leaf, &leaf.header_with(&[&leaf.der])).await,
            None
        );
    }
    let leaf = Signer::issued(named("DAEMON.contoso.example"), &middle);
    let chain: [&[u8]; 2] = [&leaf.der, middle.der()];
    assert_eq!(ask(&sim, &leaf, &leaf.header_with(&chain)).await, None);
    // MSAL for .NET sends the leaf alone, as a text.
    let leaf = Signer::issued(named(SUBJECT), &authority);
    let mut header = leaf.header();
    header["x5c"] = json!(STANDARD.encode(&leaf.der));
    assert_eq!(ask(&sim, &leaf, &header).await, None);
    // MSAL for Python leaves the line breaks of PEM in.
    let lines: Vec<&str> = leaf
        .pem
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    header["x5c"] = json!([lines.join("\n")]);
    assert_eq!(ask(&sim, &leaf, &header).await, None);
    // The chain names the key: a thumbprint may be missing, but not another's.
    header.as_object_mut().unwrap().remove("x5t#S256");
    assert_eq!(ask(&sim, &leaf, &header).await, None);
    header["x5t"] = json!("AAAA");
    assert_eq!(ask(&sim, &leaf, &header).await, Some(700_027));
}

#[tokio::test]
async fn each_wrong_chain_is_refused() {
    let (sim, root) = trusting().await;
    let stranger = Signer::issued(named("other.example"), &root);
    let header = stranger.header_with(&[&stranger.der]);
    assert_eq!(ask(&sim, &stranger, &header).await, Some(700_030));

    let elsewhere = authority("Contoso Root");
    let forged = Signer::issued(named(SUBJECT), &elsewhere);
    let header = forged.header_with(&[&forged.der, elsewhere.der()]);
    assert_eq!(ask(&sim, &forged, &header).await, Some(7_000_213));

    let middle = below("Contoso Issuing", &root);
    let incomplete = Signer::issued(named(SUBJECT), &middle);
    let header = incomplete.header_with(&[&incomplete.der]);
    assert_eq!(ask(&sim, &incomplete, &header).await, Some(7_000_213));

    let old = Signer::issued(expired(SUBJECT), &root);
    let header = old.header_with(&[&old.der]);
    assert_eq!(ask(&sim, &old, &header).await, Some(1_000_502));

    let leaf = Signer::issued(named(SUBJECT), &root);
    assert_eq!(ask(&sim, &leaf, &leaf.header()).await, Some(700_027));
    let other = Signer::issued(named(SUBJECT), &root);
    let header = leaf.header_with(&[&leaf.der]);
    assert_eq!(ask(&sim, &other, &header).await, Some(700_027));

    sim.revoke_certificate(sim.client_id(), &leaf.der).unwrap();
    assert_eq!(ask(&sim, &leaf, &header).await, Some(7_000_214));
}

#[tokio::test]
async fn the_base64_of_pem_is_no_certificate() {
    let (sim, authority) = trusting().await;
    let leaf = Signer::issued(named(SUBJECT), &authority);
    // Refused also where the certificate is registered.
    for _ in 0..2 {
        for wrong in [
            STANDARD.encode(&leaf.pem),
            leaf.pem.clone(),
            "AAAA".to_owned(),
        ] {
            let mut header = leaf.header();
            header["x5c"] = json!([wrong]);
            assert_eq!(ask(&sim, &leaf, &header).await, Some(7_000_213));
        }
        sim.register_certificate(sim.client_id(), &leaf.pem)
            .unwrap();
    }
}

#[tokio::test]
async fn without_a_trusted_issuer_a_chain_says_nothing() {
    let sim = Sim::start(SimConfig::default().devices(0)).await.unwrap();
    let authority = authority("Contoso Root");
    let leaf = Signer::issued(named(SUBJECT), &authority);
    let header = leaf.header_with(&[&leaf.der]);
    assert_eq!(ask(&sim, &leaf, &header).await, Some(700_027));
}
