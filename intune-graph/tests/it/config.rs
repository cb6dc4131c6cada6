//! Settings from the environment.

use entra_auth::Cloud;
use env_config::Environment;
use intune_graph::{GraphConfig, GraphEndpoint};
use proptest::prelude::*;

fn read(pairs: &[(&str, &str)]) -> Result<GraphConfig, env_config::ConfigError> {
    GraphConfig::from_env(&Environment::from_pairs(pairs.iter().copied()))
}

#[test]
fn every_cloud_has_its_root_and_its_scope() {
    for (cloud, host) in [
        (None, "https://graph.microsoft.com"),
        (Some("global"), "https://graph.microsoft.com"),
        (Some("us-gov-high"), "https://graph.microsoft.us"),
        (Some("us-gov-dod"), "https://dod-graph.microsoft.us"),
        (Some("china"), "https://microsoftgraph.chinacloudapi.cn"),
    ] {
        let pairs: Vec<_> = cloud
            .map(|cloud| ("ENTRA_CLOUD", cloud))
            .into_iter()
            .collect();
        let config = read(&pairs).unwrap();
        assert_eq!(
            config.endpoint().root().to_string(),
            format!("{host}/v1.0/")
        );
        assert_eq!(
            config.endpoint().scope().as_str(),
            format!("{host}/.default")
        );
    }
    assert_eq!(
        read(&[]).unwrap().endpoint(),
        &GraphEndpoint::of(Cloud::Global)
    );
}

#[test]
fn another_address_keeps_the_clouds_scope() {
    let config = read(&[
        ("ENTRA_CLOUD", "china"),
        ("INTUNE_GRAPH_ENDPOINT", "http://127.0.0.1:8080"),
    ])
    .unwrap();
    assert_eq!(
        config.endpoint().root().to_string(),
        "http://127.0.0.1:8080/v1.0/"
    );
    assert_eq!(
        config.endpoint().scope().as_str(),
        "https://microsoftgraph.chinacloudapi.cn/.default"
    );
}

#[test]
fn addresses_to_which_no_bearer_may_go_are_refused() {
    for address in [
        "http://graph.microsoft.com",
        "http://192.0.2.1",
        "https://user:canary@graph.microsoft.com",
        "https://graph.microsoft.com?x",
        "https://graph.microsoft.com#x",
        "graph.microsoft.com",
        "ftp://127.0.0.1",
        "",
        " ",
    ] {
        let error = read(&[("INTUNE_GRAPH_ENDPOINT", address)]).unwrap_err();
        assert!(
            error.to_string().contains("INTUNE_GRAPH_ENDPOINT"),
            "{address}"
        );
    }
}

proptest! {
    #[test]
    fn every_bad_variable_is_named_and_no_value_repeated(
        cloud in "canary[!-~]{1,20}",
        endpoint in "(http://|ftp://|)canary[!-~]{1,20}",
    ) {
        let error = read(&[("ENTRA_CLOUD", &cloud), ("INTUNE_GRAPH_ENDPOINT", &endpoint)]).unwrap_err();
        let shown = format!("{error} {error:?}");
        prop_assert!(shown.contains("ENTRA_CLOUD") && shown.contains("INTUNE_GRAPH_ENDPOINT"), "{}", shown);
        prop_assert!(!shown.contains("canary"), "{}", shown);
    }
}
