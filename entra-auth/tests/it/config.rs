//! Settings from the environment.

use std::{collections::HashMap, sync::Arc};

use entra_auth::{Cloud, EntraConfig};
use env_config::Environment;

use crate::{credential_support::*, support::*};

const GOOD: [(&str, &str); 3] = [
    ("ENTRA_TENANT_ID", TENANT),
    ("ENTRA_CLIENT_ID", CLIENT),
    ("ENTRA_CLIENT_SECRET", SECRET),
];

fn read(more: &[(&str, &str)]) -> Result<EntraConfig, env_config::ConfigError> {
    EntraConfig::from_env(&Environment::from_pairs(GOOD.iter().chain(more).copied()))
}

fn bad_variables(pairs: &[(&str, &str)]) -> Vec<String> {
    let error = EntraConfig::from_env(&Environment::from_pairs(pairs.iter().copied())).unwrap_err();
    assert!(!error.to_string().contains("canary"));
    error
        .problems()
        .iter()
        .map(|problem| problem.variable().to_owned())
        .collect()
}

#[test]
fn three_variables_are_enough() {
    let config = read(&[]).unwrap();
    assert_eq!(config.tenant().as_str(), TENANT);
    assert_eq!(config.client_id().as_str(), CLIENT);
    assert_eq!(config.cloud(), Cloud::Global);
    assert_eq!(config.authority(), &Cloud::Global.authority());
}

#[test]
fn the_authority_follows_the_cloud_unless_overridden() {
    let china = read(&[("ENTRA_CLOUD", "china")]).unwrap();
    assert_eq!(china.authority(), &Cloud::China.authority());
    for host in ["http://127.0.0.1:9", "http://127.0.0.1:9/"] {
        let local = read(&[("ENTRA_CLOUD", "china"), ("ENTRA_AUTHORITY_HOST", host)]).unwrap();
        assert_eq!(local.cloud(), Cloud::China);
        assert_eq!(local.authority().to_string(), "http://127.0.0.1:9/");
    }
}

#[test]
fn every_missing_variable_is_named() {
    assert_eq!(
        bad_variables(&[]),
        ["ENTRA_TENANT_ID", "ENTRA_CLIENT_ID", "ENTRA_CLIENT_SECRET"]
    );
}

#[test]
fn every_bad_variable_is_named_and_no_value_is_repeated() {
    let bad = [
        ("ENTRA_TENANT_ID", "canary"),
        ("ENTRA_CLIENT_ID", "canary"),
        ("ENTRA_CLIENT_SEND_CERTIFICATE_CHAIN", "canary"),
        ("ENTRA_CLIENT_CERTIFICATE_PATH", "canary"),
        ("ENTRA_CLOUD", "canary"),
        ("ENTRA_AUTHORITY_HOST", "canary"),
    ];
    assert_eq!(bad_variables(&bad), bad.map(|(name, _)| name));
    for name in WAYS {
        assert_eq!(bad_variables(&[GOOD[0], GOOD[1], (name, " ")]), [name]);
    }
}

const WAYS: [&str; 3] = [
    "ENTRA_CLIENT_SECRET",
    "ENTRA_CLIENT_CERTIFICATE_PATH",
    "ENTRA_FEDERATED_TOKEN_FILE",
];

#[test]
fn exactly_one_way_to_sign_in_is_asked_for() {
    let [secret, certificate, token] = WAYS.map(|name| (name, "canary"));
    for set in [
        vec![],
        vec![secret, certificate],
        vec![secret, token],
        vec![certificate, token],
        vec![secret, certificate, token],
    ] {
        let pairs = [&GOOD[..2], &set].concat();
        let error = EntraConfig::from_env(&Environment::from_pairs(pairs)).unwrap_err();
        let [problem] = error.problems() else {
            panic!("{error}");
        };
        let named = match set.is_empty() {
            true => WAYS.to_vec(),
            false => set.iter().map(|(name, _)| *name).collect(),
        };
        assert_eq!(problem.variable(), named[0]);
        assert!(
            named[1..]
                .iter()
                .all(|name| problem.message().contains(name))
        );
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

fn signing_in_with(pairs: &[(&str, &str)]) -> Result<EntraConfig, env_config::ConfigError> {
    let pairs = [&GOOD[..2], pairs].concat();
    EntraConfig::from_env(&Environment::from_pairs(pairs))
}

/// The form that a client posts.
async fn posted(server: &Server, pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let url = server.url.as_url().as_str();
    let pairs = [&[("ENTRA_AUTHORITY_HOST", url)], pairs].concat();
    let client = signing_in_with(&pairs).unwrap().client(Arc::new(noon()));
    client.unwrap().token(&graph()).await.unwrap();
    server.received().pop().unwrap().form()
}

#[tokio::test]
async fn a_certificate_is_read_at_the_start_and_renewed_without_another() {
    let server = granting().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.pem");
    std::fs::write(&path, identity().pem()).unwrap();
    let name = path.to_str().unwrap();
    let certificate = ("ENTRA_CLIENT_CERTIFICATE_PATH", name);
    for (flag, chain) in [(None, None), (Some("false"), None), (Some("true"), Some(3))] {
        let flag = flag.map(|flag| ("ENTRA_CLIENT_SEND_CERTIFICATE_CHAIN", flag));
        let pairs: Vec<_> = [certificate].into_iter().chain(flag).collect();
        let form = posted(&server, &pairs).await;
        let (_, header) = identity().open(&form["client_assertion"]);
        assert_eq!(header["x5c"].as_array().map(Vec::len), chain);
    }

    let url = server.url.as_url().as_str();
    let config = signing_in_with(&[("ENTRA_AUTHORITY_HOST", url), certificate]).unwrap();
    std::fs::write(&path, next_identity().pem()).unwrap();
    let client = config.client(Arc::new(noon())).unwrap();
    client.token(&graph()).await.unwrap();
    next_identity().open(&server.received().pop().unwrap().form()["client_assertion"]);
}

#[test]
fn a_certificate_that_can_not_be_used_is_a_problem_of_its_variable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("canary.pem");
    let problem = || {
        let variable = ("ENTRA_CLIENT_CERTIFICATE_PATH", path.to_str().unwrap());
        let error = signing_in_with(&[variable]).unwrap_err();
        assert_eq!(error.problems().len(), 1);
        assert!(!error.to_string().contains("canary"), "{error}");
        assert_eq!(error.problems()[0].variable(), variable.0);
        error.problems()[0].message().to_owned()
    };
    assert!(problem().contains("not found"), "{}", problem());
    std::fs::write(&path, "canary").unwrap();
    assert!(problem().contains("not a PEM file"), "{}", problem());
    std::fs::write(&path, identity().leaf_pem()).unwrap();
    assert!(problem().contains("no private key"), "{}", problem());
}

#[tokio::test]
async fn a_federated_token_need_not_be_there_at_the_start() {
    let server = granting().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let variable = ("ENTRA_FEDERATED_TOKEN_FILE", path.to_str().unwrap());
    assert!(signing_in_with(&[variable]).is_ok());
    std::fs::write(&path, "some.jwt.here\n").unwrap();
    let form = posted(&server, &[variable]).await;
    assert_eq!(form["client_assertion"], "some.jwt.here");
}

#[test]
fn a_chain_is_sent_of_a_certificate_only() {
    for way in ["ENTRA_CLIENT_SECRET", "ENTRA_FEDERATED_TOKEN_FILE"] {
        for flag in ["true", "false"] {
            let flag = ("ENTRA_CLIENT_SEND_CERTIFICATE_CHAIN", flag);
            assert_eq!(
                bad_variables(&[GOOD[0], GOOD[1], (way, "canary"), flag]),
                [flag.0]
            );
        }
    }
}

#[tokio::test]
async fn the_client_signs_in_as_configured() {
    let server = Server::start(|_| async { token_json(TOKEN, 3600) }).await;
    let config = read(&[("ENTRA_AUTHORITY_HOST", server.url.as_url().as_str())]).unwrap();
    let client = config.client(Arc::new(noon())).unwrap();
    client.token(&graph()).await.unwrap();
    assert_eq!(server.received()[0].form()["client_secret"], SECRET);
}
