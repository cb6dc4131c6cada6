//! Whether and as whom a host acts, from the environment.

use entra_auth::EntraConfig;
use env_config::{ConfigError, Environment};
use intune_graph::OperationsConfig;
use proptest::prelude::*;

const READER: &str = "6731de76-14a6-49ae-97bc-6eba6914391e";
const OPERATOR: &str = "0f0d6e9c-6a3c-4b9b-8e1c-3c1c3a2d9a11";
const SWITCH: &str = "INTUNE_OPERATIONS";
const ID: &str = "INTUNE_OPERATIONS_CLIENT_ID";
const SECRET: &str = "INTUNE_OPERATIONS_CLIENT_SECRET";

fn read(pairs: &[(&str, &str)]) -> Result<OperationsConfig, ConfigError> {
    OperationsConfig::from_env(&Environment::from_pairs(pairs.iter().copied()))
}

fn reader() -> EntraConfig {
    let variables = [
        ("ENTRA_TENANT_ID", "contoso.onmicrosoft.com"),
        ("ENTRA_CLIENT_ID", READER),
        ("ENTRA_CLIENT_SECRET", "canary-reader"),
        ("ENTRA_CLOUD", "china"),
    ];
    EntraConfig::from_env(&Environment::from_pairs(variables)).unwrap()
}

/// That each of these variables has its problem, and no other.
#[track_caller]
fn assert_problems(pairs: &[(&str, &str)], named: &[&str]) {
    let error = read(pairs).unwrap_err();
    let shown = error.to_string();
    for name in [SWITCH, ID, SECRET] {
        let found = shown
            .split(|c: char| !c.is_ascii_uppercase() && c != '_')
            .any(|word| word == name);
        assert_eq!(found, named.contains(&name), "{name}: {shown}");
    }
    assert!(!format!("{shown} {error:?}").contains("canary"), "{shown}");
}

#[test]
fn who_reads_acts_too_unless_something_else_is_said() {
    for pairs in [&[][..], &[(SWITCH, "on")], &[(SWITCH, "TRUE")]] {
        let config = read(pairs).unwrap();
        assert!(!config.is_apart());
        let application = config.application(&reader()).unwrap();
        assert_eq!(application.client_id(), reader().client_id());
    }
}

#[test]
fn an_application_of_its_own_is_of_the_same_tenant_and_cloud() {
    let config = read(&[(ID, OPERATOR), (SECRET, "canary-operator")]).unwrap();
    assert!(config.is_apart());
    let application = config.application(&reader()).unwrap();
    assert_eq!(application.client_id().to_string(), OPERATOR);
    assert_eq!(application.tenant(), reader().tenant());
    assert_eq!(application.cloud(), reader().cloud());
    assert_eq!(application.authority(), reader().authority());
    assert!(!format!("{config:?} {application:?}").contains("canary"));
}

#[test]
fn off_is_off_whatever_else_is_said() {
    for switch in ["off", "false", "0", "No"] {
        for pairs in [
            vec![],
            vec![(ID, OPERATOR)],
            vec![(SECRET, "")],
            vec![(ID, "canary"), (SECRET, "")],
            vec![(ID, OPERATOR), (SECRET, "canary-operator")],
        ] {
            let pairs: Vec<_> = [vec![(SWITCH, switch)], pairs].concat();
            let config = read(&pairs).unwrap();
            assert!(config.application(&reader()).is_none());
            assert!(!config.is_apart());
        }
    }
}

#[test]
fn half_an_application_is_none() {
    assert_problems(&[(ID, OPERATOR)], &[SECRET]);
    assert_problems(&[(SECRET, "canary")], &[ID]);
    assert_problems(&[(ID, OPERATOR), (SECRET, "")], &[SECRET]);
    assert_problems(&[(ID, ""), (SECRET, "canary")], &[ID]);
}

#[test]
fn every_bad_variable_is_named() {
    assert_problems(&[(ID, "canary"), (SECRET, "canary")], &[ID]);
    assert_problems(&[(ID, "canary")], &[ID, SECRET]);
    assert_problems(&[(ID, ""), (SECRET, "")], &[ID, SECRET]);
    assert_problems(&[(SWITCH, "canary")], &[SWITCH]);
    assert_problems(&[(SWITCH, "canary"), (ID, "canary")], &[SWITCH, ID, SECRET]);
}

proptest! {
    #[test]
    fn no_value_is_repeated(
        switch in "canary[!-~]{0,20}",
        id in "canary[!-~]{0,20}",
        secret in "canary[!-~]{0,20}",
    ) {
        let error = read(&[(SWITCH, &switch), (ID, &id), (SECRET, &secret)]).unwrap_err();
        let shown = format!("{error} {error:?}");
        prop_assert!(!shown.contains("canary"), "{}", shown);
    }
}
