//! How large a policy file may be, and what a host may ask the environment before it reads everything.

use std::fs;

use compliance_gate::GateConfig;
use env_config::Environment;

const MIB: usize = 1 << 20;

#[test]
fn a_policy_file_has_at_most_one_mebibyte() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("policy.toml");
    let pairs = [
        ("INTUNE_ENABLED", "true"),
        ("INTUNE_ACCORD_POLICIES", path.to_str().unwrap()),
    ];
    let environment = Environment::from_pairs(pairs);
    for (bytes, fits) in [
        (MIB - 1, true),
        (MIB, true),
        (MIB + 1, false),
        (3 * MIB, false),
    ] {
        let setting = "global.strict = true\n";
        let comment = "#".repeat(bytes - setting.len());
        fs::write(&path, format!("{setting}{comment}")).unwrap();
        match GateConfig::from_env(&environment) {
            Ok(config) => {
                assert!(fits, "{bytes}");
                assert!(config.policies().unlisted().policy().strict);
            }
            Err(error) => {
                assert!(!fits, "{bytes}: {error}");
                assert!(error.to_string().contains("larger than 1 MiB"), "{error}");
            }
        }
    }
}

/// What is wrong is worth setting up, so that it is reported.
#[test]
fn a_gate_is_wanted_if_the_switch_is_on_or_wrong() {
    let wanted = |pairs: &[(&str, &str)]| {
        GateConfig::wants_enabled(&Environment::from_pairs(pairs.iter().copied()))
    };
    assert!(wanted(&[("INTUNE_ENABLED", "true")]));
    assert!(wanted(&[("INTUNE_ENABLED", "maybe")]));
    assert!(!wanted(&[("INTUNE_ENABLED", "false")]));
    assert!(!wanted(&[]));
    assert!(!wanted(&[("INTUNE_COMPLIANCE_REQUIRED", "true")]));
}

#[test]
fn a_gate_is_on_if_the_switch_is() {
    for (value, on) in [("true", true), ("false", false)] {
        let environment = Environment::from_pairs([("INTUNE_ENABLED", value)]);
        assert_eq!(GateConfig::from_env(&environment).unwrap().is_enabled(), on);
    }
}
