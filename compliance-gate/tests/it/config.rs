//! The environment: the master switch, and every bad variable at once.

use std::io::Write as _;

use compliance_gate::{GateConfig, Mode};
use env_config::Environment;
use proptest::prelude::*;

fn read(pairs: &[(&str, &str)]) -> Result<GateConfig, Vec<String>> {
    let environment = Environment::from_pairs(pairs.iter().copied());
    GateConfig::from_env(&environment).map_err(|error| {
        let names = error
            .problems()
            .iter()
            .map(|problem| problem.variable().to_owned());
        names.collect()
    })
}

#[test]
fn nothing_set_is_off() {
    let config = read(&[]).unwrap();
    assert!(!config.is_enabled());
    assert_eq!(config.warning(), None);
    let device_management = "device-management".parse().unwrap();
    assert_eq!(
        config
            .policies()
            .for_template(&device_management)
            .policy()
            .mode,
        Mode::Off
    );
}

#[test]
fn false_is_the_master_switch() {
    let config = read(&[
        ("INTUNE_ENABLED", "false"),
        ("INTUNE_COMPLIANCE_REQUIRED", "perhaps"),
        ("INTUNE_COMPLIANCE_CACHE_TTL", "-3"),
        ("INTUNE_ACCORD_POLICIES", "/nowhere"),
        ("ENTRA_CLIENT_SECRET", "canary"),
    ])
    .unwrap();
    assert!(!config.is_enabled());
    let warning = config.warning().unwrap();
    for name in [
        "INTUNE_COMPLIANCE_REQUIRED",
        "INTUNE_COMPLIANCE_CACHE_TTL",
        "INTUNE_ACCORD_POLICIES",
        "ENTRA_CLIENT_SECRET",
    ] {
        assert!(warning.contains(name), "{warning}");
    }
    assert!(!warning.contains("canary"));
    // By itself it is worth a word too: nothing is checked.
    assert!(
        read(&[("INTUNE_ENABLED", "false")])
            .unwrap()
            .warning()
            .is_some()
    );
}

#[test]
fn any_variable_of_the_table_mentions_intune() {
    assert!(!GateConfig::is_mentioned(&Environment::from_pairs([(
        "PATH", "/bin"
    )])));
    for name in [
        "INTUNE_ENABLED",
        "INTUNE_COMPLIANCE_STRICT",
        "ENTRA_TENANT_ID",
        "ENTRA_CLOUD",
    ] {
        assert!(
            GateConfig::is_mentioned(&Environment::from_pairs([(name, "")])),
            "{name}"
        );
    }
}

#[test]
fn asking_for_checks_without_the_switch_is_an_error() {
    for pair in [
        ("INTUNE_COMPLIANCE_REQUIRED", "true"),
        ("INTUNE_COMPLIANCE_STRICT", "on"),
    ] {
        assert_eq!(read(&[pair]).unwrap_err(), ["INTUNE_ENABLED"], "{pair:?}");
    }
    let named = read(&[("INTUNE_ACCORD_POLICIES", "/nowhere/at-all.toml")]).unwrap_err();
    assert_eq!(named, ["INTUNE_ACCORD_POLICIES", "INTUNE_ENABLED"]);
    assert!(read(&[("INTUNE_COMPLIANCE_REQUIRED", "false")]).is_ok());
}

#[test]
fn every_bad_variable_is_named_at_once() {
    let names = read(&[
        ("INTUNE_ENABLED", "maybe"),
        ("INTUNE_COMPLIANCE_REQUIRED", ""),
        ("INTUNE_COMPLIANCE_STRICT", "2"),
        ("INTUNE_COMPLIANCE_CACHE_TTL", "86401"),
        ("INTUNE_ACCORD_POLICIES", "/nowhere/at-all.toml"),
    ]);
    assert_eq!(
        names.unwrap_err(),
        [
            "INTUNE_ENABLED",
            "INTUNE_COMPLIANCE_REQUIRED",
            "INTUNE_COMPLIANCE_STRICT",
            "INTUNE_COMPLIANCE_CACHE_TTL",
            "INTUNE_ACCORD_POLICIES",
        ]
    );
}

#[test]
fn a_policy_file_is_read_and_its_errors_name_the_line() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "[accords.ops]\nstrict = true").unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let pairs = [
        ("INTUNE_ENABLED", "true"),
        ("INTUNE_ACCORD_POLICIES", path.as_str()),
    ];
    let config = read(&pairs).unwrap();
    assert!(
        config
            .policies()
            .for_template(&"ops".parse().unwrap())
            .policy()
            .strict
    );

    writeln!(file, "colour = \"blue\"").unwrap();
    let error = GateConfig::from_env(&Environment::from_pairs(pairs))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 3") && error.contains("unknown field `colour`"),
        "{error}"
    );
}

#[test]
fn a_template_that_loosens_under_tighten_only_is_a_load_error() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(
        file,
        "overrides = \"tighten_only\"\n[accords.ops]\ndevice_compliance_required = false"
    )
    .unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let error = read(&[
        ("INTUNE_ENABLED", "true"),
        ("INTUNE_COMPLIANCE_REQUIRED", "true"),
        ("INTUNE_ACCORD_POLICIES", &path),
    ]);
    assert_eq!(error.unwrap_err(), ["INTUNE_ACCORD_POLICIES"]);
}

proptest! {
    #[test]
    fn the_ttl_is_whole_seconds_up_to_a_day(text in "[ +-]?[0-9]{0,6}(\\.[0-9])?s?") {
        let parsed = read(&[("INTUNE_ENABLED", "true"), ("INTUNE_COMPLIANCE_CACHE_TTL", &text)]);
        let whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let expected = text.parse::<u64>().ok().filter(|seconds| whole && *seconds <= 86_400);
        prop_assert_eq!(parsed.ok().map(|config| config.cache_ttl().as_secs()), expected);
    }

    #[test]
    fn no_text_makes_a_boolean_silently_false(text in "\\PC{0,8}") {
        let known = ["true", "1", "yes", "on", "false", "0", "no", "off"];
        let environment = [("INTUNE_ENABLED", "true"), ("INTUNE_COMPLIANCE_REQUIRED", text.as_str())];
        let is_known = known.contains(&text.to_ascii_lowercase().as_str());
        prop_assert_eq!(read(&environment).is_ok(), is_known);
    }
}
