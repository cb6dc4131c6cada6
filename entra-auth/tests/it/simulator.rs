//! Each credential, and each documented refusal, against a simulator that shares no code with the crate.

use std::{io::Write as _, sync::Arc};

use entra_auth::{
    ClientCertificate, Credential, EntraClient, RetryPolicy, TokenErrorKind, TokenErrorKind::*,
};
use intune_sim::{Fault, FaultKind, Route, Sim, SimConfig, UserToken};
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::{credential_support::rsa_key, support::*};

fn signed_in(sim: &Sim, credential: Credential) -> EntraClient {
    EntraClient::builder(
        sim.tenant().parse().unwrap(),
        sim.client_id().parse().unwrap(),
        credential,
    )
    .authority(sim.authority().as_str().parse().unwrap())
    .retry(RetryPolicy::never())
    .build()
    .unwrap()
}

async fn kind(sim: &Sim, credential: Credential) -> Option<TokenErrorKind> {
    let outcome = signed_in(sim, credential).token(&graph()).await;
    outcome.err().map(|error| error.kind())
}

/// Valid at any time: the simulator goes by the system's clock.
fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn pem(key: &KeyPair, chain: &[&Certificate]) -> ClientCertificate {
    let chain = chain.iter().map(|certificate| certificate.pem());
    let pem = chain.collect::<String>() + &key.serialize_pem();
    ClientCertificate::from_pem(pem).unwrap()
}

#[tokio::test]
async fn a_registered_certificate_signs_in_and_another_does_not() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let (key, stranger) = (rsa_key(), rsa_key());
    let certificate = named("client").self_signed(&key).unwrap();
    let strange = named("client").self_signed(&stranger).unwrap();
    sim.register_certificate(sim.client_id(), certificate.der())
        .unwrap();
    let client = signed_in(&sim, Credential::certificate(pem(&key, &[&certificate])));
    for scope in [
        graph(),
        "https://graph.microsoft.us/.default".parse().unwrap(),
    ] {
        client.token(&scope).await.unwrap();
    }
    let refused = kind(&sim, Credential::certificate(pem(&stranger, &[&strange]))).await;
    assert_eq!(refused, Some(InvalidCredential));
    sim.revoke_certificate(sim.client_id(), certificate.der())
        .unwrap();
    let refused = kind(&sim, Credential::certificate(pem(&key, &[&certificate]))).await;
    assert_eq!(refused, Some(InvalidCredential));
}

#[tokio::test]
async fn a_renewed_certificate_signs_in_by_its_subject_name_and_issuer() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let mut params = named("authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = rsa_key();
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    sim.trust_subject_name_issuer(sim.client_id(), authority.der(), "client.contoso.com")
        .unwrap();
    for (name, expected) in [
        ("client.contoso.com", None),
        ("client.contoso.com", None),
        ("other.contoso.com", Some(InvalidCredential)),
    ] {
        let key = rsa_key();
        let mut params = named(name);
        params.subject_alt_names = vec![rcgen::SanType::DnsName(name.try_into().unwrap())];
        let leaf = params.signed_by(&key, &issuer).unwrap();
        let certificate = pem(&key, &[&authority, &leaf]);
        let unsent = kind(&sim, Credential::certificate(certificate.clone())).await;
        assert_eq!(unsent, Some(InvalidCredential), "the chain must be sent");
        let sent = Credential::certificate(certificate.with_subject_name_issuer());
        assert_eq!(kind(&sim, sent).await, expected, "{name}");
    }
}

#[tokio::test]
async fn a_service_account_signs_in_by_the_token_in_its_file() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let subject = "system:serviceaccount:broker:broker";
    let audience = "api://AzureADTokenExchange";
    sim.register_federated(sim.client_id(), sim.kubernetes_issuer(), subject, audience)
        .unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let credential = Credential::federated_token_file(file.path());
    for (token, expected) in [
        (UserToken::service_account("broker", "broker"), None),
        (
            UserToken::service_account("broker", "other"),
            Some(InvalidCredential),
        ),
        (
            UserToken::service_account("broker", "broker").lifetime_seconds(-600),
            Some(InvalidCredential),
        ),
        (
            UserToken::service_account("broker", "broker").audience("api://other"),
            Some(InvalidCredential),
        ),
        // The next one that is mounted.
        (UserToken::service_account("broker", "broker"), None),
    ] {
        file.as_file_mut().set_len(0).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        writeln!(file, "{}", sim.mint(token)).unwrap();
        assert_eq!(kind(&sim, credential.clone()).await, expected);
    }
}

#[tokio::test]
async fn every_documented_refusal_has_its_kind() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let cases: &[(TokenErrorKind, &[u32])] = &[
        (
            InvalidCredential,
            &[
                7_000_215, 700_027, 50_012, 700_024, 7_000_214, 700_030, 70_021, 700_211, 700_212,
                700_213,
            ],
        ),
        (ExpiredCredential, &[7_000_222, 1_000_502]),
        (Configuration, &[7_000_218, 900_144, 100_007]),
        (UnknownApplication, &[700_016, 7_000_112, 70_001]),
        (UnknownTenant, &[90_002]),
        (WrongCloud, &[90_038, 900_382, 900_432]),
        (
            InvalidScope,
            &[70_011, 1_002_012, 28_002, 700_022, 500_011, 50_001, 650_057],
        ),
        (DeniedByPolicy, &[53_003, 530_032, 530_035]),
        (Throttled, &[50_196, 90_055]),
        (
            Unavailable,
            &[90_033, 90_006, 90_024, 90_012, 90_090, 50_033],
        ),
    ];
    for (expected, codes) in cases {
        for code in *codes {
            for one_line in [false, true] {
                let fault = intune_sim::EntraFault::new(*code);
                let fault = if one_line { fault.one_line() } else { fault };
                sim.inject(Fault::new(Route::Token, FaultKind::Entra(fault)).times(1));
                let secret = Credential::secret(sim.client_secret().into());
                let client = signed_in(&sim, secret);
                let error = client.token(&graph()).await.unwrap_err();
                assert_eq!(error.kind(), *expected, "{code}: {error}");
                assert_eq!(error.aadsts_codes(), [*code]);
                let description = error.description().unwrap();
                assert!(description.starts_with(&format!("AADSTS{code}")));
                assert!(!description.contains("Trace ID"), "{description}");
                assert!(error.trace_id().is_some() && error.timestamp().is_some());
            }
        }
    }
}

#[tokio::test]
async fn secrets_can_overlap_while_they_are_replaced() {
    #[derive(Debug)]
    struct Vault(std::sync::Mutex<&'static str>);

    #[async_trait::async_trait]
    impl entra_auth::CredentialSource for Vault {
        async fn credential(
            &self,
            rejected: Option<&entra_auth::TokenError>,
        ) -> Result<Credential, Box<dyn std::error::Error + Send + Sync>> {
            let mut secret = self.0.lock().unwrap();
            if rejected.is_some() {
                *secret = "the-new-one";
            }
            Ok(Credential::secret((*secret).into()))
        }
    }

    let sim = Sim::start(SimConfig::default()).await.unwrap();
    sim.add_secret(sim.client_id(), "the-old-one").unwrap();
    let vault = Arc::new(Vault(std::sync::Mutex::new("the-old-one")));
    let client = signed_in(&sim, Credential::from_source(vault));
    let first = client.token(&graph()).await.unwrap();
    sim.add_secret(sim.client_id(), "the-new-one").unwrap();
    sim.expire_secret(sim.client_id(), "the-old-one").unwrap();
    entra_auth::TokenProvider::invalidate(&client, &graph(), &first);
    client.token(&graph()).await.unwrap();
    assert_eq!(sim.count(Route::Token), 3);
}
