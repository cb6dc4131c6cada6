//! Settings from the environment.

use std::sync::Arc;

use entra_auth::{Cloud, EntraConfig};
use env_config::Environment;

use crate::support::*;

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
    let names = [
        "ENTRA_TENANT_ID",
        "ENTRA_CLIENT_ID",
        "ENTRA_CLIENT_SECRET",
        "ENTRA_CLIENT_CERTIFICATE_PATH",
        "ENTRA_FEDERATED_TOKEN_FILE",
        "ENTRA_CLOUD",
        "ENTRA_AUTHORITY_HOST",
    ];
    let canaries: Vec<_> = names
        .iter()
        .map(|name| {
            (
                *name,
                if name.ends_with("SECRET") {
                    " "
                } else {
                    "canary"
                },
            )
        })
        .collect();
    assert_eq!(bad_variables(&canaries), names);
}

#[test]
fn credentials_of_later_versions_are_refused_not_ignored() {
    for name in [
        "ENTRA_CLIENT_CERTIFICATE_PATH",
        "ENTRA_FEDERATED_TOKEN_FILE",
    ] {
        let error = read(&[(name, "/run/secrets/canary")]).unwrap_err();
        assert_eq!(error.problems().len(), 1);
        assert!(
            error.to_string().contains("ENTRA_CLIENT_SECRET only"),
            "{error}"
        );
        assert!(!error.to_string().contains("canary"));
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
