//! Policy files: every setting in either format, and errors that point at their place.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{io::Write as _, time::Duration};

use compliance_gate::{
    Delegates, GateConfig, Grace, Mode, OnAuditFailure, OnOutage, Outcome, Overrides, Policies,
    PolicyError, PolicyFile, PolicyLayer, PolicyWarning, Setting,
};
use env_config::Environment;

use crate::common;

const EVERYTHING: &str = r#"
device_compliance_required = true
strict = true
mode = "report_only"
max_age_seconds = 0
max_check_in_age_seconds = 604800
on_outage = { last_known_good_seconds = 600 }
bind_subject = true
delegates = "delegator_device"
on_audit_failure = "best_effort"
states = { in_grace_period = { min_remaining_seconds = 60 }, noncompliant = "allow", conflict = "allow", error = "allow", unknown = "allow", config_manager = "allow" }
"#;

fn everything() -> PolicyLayer {
    PolicyLayer::new()
        .required(true)
        .strict(true)
        .mode(Mode::ReportOnly)
        .max_age(Duration::ZERO)
        .max_check_in_age(Some(Duration::from_secs(604_800)))
        .on_outage(OnOutage::LastKnownGood {
            max_age: Duration::from_secs(600),
        })
        .bind_subject(true)
        .delegates(Delegates::DelegatorDevice)
        .on_audit_failure(OnAuditFailure::BestEffort)
        .in_grace_period(Grace::UntilExpiry {
            min_remaining: Duration::from_secs(60),
        })
        .noncompliant(Outcome::Allow)
        .conflict(Outcome::Allow)
        .error(Outcome::Allow)
        .unknown(Outcome::Allow)
        .config_manager(Outcome::Allow)
}

fn built(text: &str) -> Result<Policies, PolicyError> {
    let file = PolicyFile::parse(text).unwrap();
    Policies::builder().file(file).build()
}

#[test]
fn every_setting_can_be_made_in_a_file_in_either_layer() {
    let in_code = Policies::builder().global(everything()).build().unwrap();
    let expected = in_code.unlisted().policy();
    let global = built(&format!("[global]{EVERYTHING}")).unwrap();
    assert_eq!(global.unlisted().policy(), expected);
    let accord = built(&format!("[accords.ops]{EVERYTHING}")).unwrap();
    let accord = accord.for_template(&"ops".parse().unwrap());
    assert_eq!(accord.policy(), expected);
}

/// What `explain` shows is what a file would say.
#[test]
fn what_is_explained_can_be_written_back() {
    for layer in [PolicyLayer::new(), everything()] {
        let policies = Policies::builder().global(layer).build().unwrap();
        let explained = policies.explain(&common::template());
        let mut text = "[global]\n".to_owned();
        for it in explained.settings() {
            text += &format!("{} = {}\n", it.setting().key(), it.value());
        }
        assert_eq!(
            built(&text).unwrap().unlisted().policy(),
            policies.unlisted().policy()
        );
    }
}

#[test]
fn an_explanation_is_a_table_and_data() {
    let text = "[global]\nstrict = true\n[accords.ops]\nstrict = false\nmax_age_seconds = 60";
    let explanation = built(text).unwrap().explain(&"ops".parse().unwrap());
    let table = explanation.to_string();
    for line in [
        "accord ops (listed)",
        "  strict                      false           template, loosened",
        "  max_age_seconds             60              template\n",
        "  mode                        \"enforce\"       built_in\n",
    ] {
        assert!(table.contains(line), "{line}\n{table}");
    }
    let data = serde_json::to_value(&explanation).unwrap();
    assert_eq!(data["accord_template"], "ops");
    assert_eq!(
        data["settings"][1],
        serde_json::json!({"setting": "strict", "value": "false", "layer": "template", "loosened": true})
    );
    let unlisted = built(text).unwrap().explain(&"other".parse().unwrap());
    assert!(
        unlisted
            .to_string()
            .contains("not listed: the global layer holds")
    );
}

#[test]
fn an_error_points_at_its_line_and_column() {
    for (text, place) in [
        ("[accords.ops]\n  mode = \"lenient\"\n", "line 2 column 10"),
        ("[global]\nmax_age_seconds = 86401\n", "line 2 column 19"),
        ("[global]\nmax_age_seconds = -1\n", "line 2 column 19"),
        ("[global]\nmax_age_seconds = \"5m\"\n", "line 2 column 19"),
        ("[global]\nmax_age_seconds = 1.5\n", "line 2 column 19"),
        ("[global]\non_outage = \"allow\"\n", "line 2 column 13"),
        (
            "[global]\non_outage = { last_known_good_seconds = -1 }\n",
            "line 2",
        ),
        ("[global]\non_outage = { }\n", "line 2 column 13"),
        ("[global.states]\ncompliant = \"deny\"\n", "line 2 column 1"),
        (
            "[global.states]\nunrecognized = \"allow\"\n",
            "line 2 column 1",
        ),
        ("[global.states]\nunknown = true\n", "line 2 column 11"),
        ("[[break_glass]]\nsubject = \"a\"\n", "line 1"),
        (
            "{\"global\":\n {\"max_age_seconds\": 86401}}",
            "line 2 column 26",
        ),
        (
            "{\"global\":\n {\"mode\": \"lenient\"}}",
            "line 2 column 19",
        ),
        ("{\"global\": {}} {}", "line 1 column 16"),
    ] {
        let error = PolicyFile::parse(text).unwrap_err();
        assert!(error.contains(place), "{text:?}: {error}");
    }
}

#[test]
fn what_does_not_go_together_has_a_place_too() {
    let toml = "overrides = \"tighten_only\"\n[global]\nmax_age_seconds = 60\n[global.states]\n\
                unknown = \"deny\"\n[accords.ops.states]\nunknown = \"allow\"\n[accords.web]\nstrict = true\n";
    let json = "{\"overrides\": \"tighten_only\",\n \"accords\": {\"a\": {},\n  \
                \"ops\": {\"states\": {\n\"unknown\": \"allow\"}}}}";
    for (text, line) in [(toml, "line 7 column "), (json, "line 4 column ")] {
        let error = built(text).unwrap_err();
        let expected = vec![("ops".parse().unwrap(), vec![Setting::Unknown])];
        assert_eq!(error, PolicyError::Loosened(expected));
        let place = PolicyFile::place_of(text, &error).unwrap();
        assert!(place.starts_with(line), "{place}");
    }
    let error = PolicyError::Contradicted(vec![Setting::MaxAge]);
    let place = PolicyFile::place_of(toml, &error).unwrap();
    assert!(place.starts_with("line 3 column "), "{place}");
    let error = PolicyError::Contradicted(vec![Setting::Strict]);
    assert_eq!(PolicyFile::place_of(toml, &error), None);
}

fn config(policy: &str, more: &[(&str, &str)]) -> Result<GateConfig, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(policy.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let pairs = [("INTUNE_ENABLED", "true"), ("INTUNE_ACCORD_POLICIES", path)];
    let pairs = pairs.into_iter().chain(more.iter().copied());
    let config = GateConfig::from_env(&Environment::from_pairs(pairs));
    config.map_err(|error| error.to_string())
}

#[test]
fn the_environment_and_the_file_may_agree_but_not_differ() {
    let policy = "[global]\nstrict = true\nmax_age_seconds = 60\ndevice_compliance_required = true";
    let agreed = config(policy, &[("INTUNE_COMPLIANCE_STRICT", "true")]).unwrap();
    assert!(agreed.policies().unlisted().policy().strict);
    assert_eq!(agreed.cache_ttl(), Duration::from_secs(60));
    for (variable, value, key) in [
        ("INTUNE_COMPLIANCE_STRICT", "false", "strict"),
        ("INTUNE_COMPLIANCE_CACHE_TTL", "300", "max_age_seconds"),
        (
            "INTUNE_COMPLIANCE_REQUIRED",
            "no",
            "device_compliance_required",
        ),
    ] {
        let error = config(policy, &[(variable, value)]).unwrap_err();
        for words in [
            variable,
            "INTUNE_ACCORD_POLICIES",
            &format!("`{key}`"),
            "line ",
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
    }
    // What the environment leaves open, the file may say; also the other way round.
    let both = config(
        "[global]\nstrict = true",
        &[("INTUNE_COMPLIANCE_REQUIRED", "true")],
    );
    let both = both.unwrap();
    let policy = both.policies().unlisted().policy();
    assert!(policy.strict && policy.required);
}

#[test]
fn the_place_of_what_loosens_is_told_at_the_start() {
    let policy = "overrides = \"tighten_only\"\n[accords.device-management]\nmode = \"off\"\n";
    let error = config(policy, &[]).unwrap_err();
    assert!(error.contains("line 3 column"), "{error}");
    assert!(
        error.contains("`device-management` loosens `mode`"),
        "{error}"
    );
}

#[test]
fn an_operator_is_warned_of_what_has_no_effect_or_can_be_skipped() {
    let warnings = |text: &str| built(text).unwrap().warnings(common::wall());
    let ops = || Some("ops".parse().unwrap());
    // Nothing but the two built-in templates, which a token without a device passes.
    let quiet = warnings("# nothing");
    assert_eq!(quiet.len(), 2, "{quiet:?}");
    let is_skippable = |it: &PolicyWarning| matches!(it, PolicyWarning::Skippable { .. });
    assert!(quiet.iter().all(is_skippable));
    // Strict for all; then it has an effect on the built-in templates.
    assert_eq!(warnings("[global]\nstrict = true"), []);

    let none = "[accords.device-management]\ndevice_compliance_required = false\n\
                [accords.infrastructure-operations]\nmode = \"off\"\n";
    let accord = None;
    let setting = Setting::Strict;
    assert_eq!(
        warnings(&format!("{none}[global]\nstrict = true")),
        [
            PolicyWarning::NoEffect { accord, setting },
            PolicyWarning::NothingChecked
        ]
    );
    assert_eq!(
        warnings(&format!("{none}[accords.ops]\nbind_subject = true")),
        [
            PolicyWarning::NoEffect {
                accord: ops(),
                setting: Setting::BindSubject
            },
            PolicyWarning::NothingChecked
        ]
    );
    let ops_is = |more: &str| {
        let required = "[accords.ops]\ndevice_compliance_required = true\n";
        warnings(&format!("{none}{required}{more}"))
    };
    assert_eq!(ops_is(""), [PolicyWarning::Skippable { accord: ops() }]);
    assert_eq!(ops_is("strict = true"), []);
    assert_eq!(
        ops_is("strict = true\nmode = \"report_only\""),
        [PolicyWarning::StrictOnlyReported { accord: ops() }]
    );
    for (seconds, warned) in [(300, true), (301, false)] {
        let rule = format!("strict = true\non_outage = {{ last_known_good_seconds = {seconds} }}");
        let expected = PolicyWarning::OutageRuleWithoutEffect { accord: ops() };
        assert_eq!(ops_is(&rule), vec![expected; usize::from(warned)]);
    }
    let glass = "strict = true\n[[break_glass]]\nissuer = \"i\"\nsubject = \"adele\"\nreason = \"r\"\n\
                 starts_at = \"2026-11-22T06:00:00Z\"\nexpires_at = \"2026-11-23T06:00:00Z\"\n\
                 templates = [\"ops\", \"opps\"]";
    assert_eq!(
        ops_is(glass),
        [
            PolicyWarning::BreakGlassExpired {
                subject: "adele".to_owned(),
                expired_at: common::wall(),
            },
            PolicyWarning::BreakGlassUnlisted {
                subject: "adele".to_owned(),
                template: "opps".parse().unwrap(),
            },
        ]
    );
    for warning in ops_is(glass) {
        assert!(warning.to_string().contains("`adele`"));
    }
}

#[test]
fn a_gate_that_is_off_warns_of_nothing_else() {
    for pairs in [&[("INTUNE_ENABLED", "false")][..], &[]] {
        let config = GateConfig::from_env(&Environment::from_pairs(pairs.iter().copied()));
        assert_eq!(config.unwrap().warnings(common::wall()), []);
    }
    let on = config("# nothing", &[]).unwrap();
    assert!(!on.warnings(common::wall()).is_empty());
}

#[test]
fn a_file_forbids_loosening_whatever_code_adds_to_it() {
    let file = PolicyFile::parse("[accords.device-management]\nmode = \"off\"").unwrap();
    let builder = Policies::builder().file(file);
    assert!(builder.clone().build().is_ok());
    assert!(builder.overrides(Overrides::TightenOnly).build().is_err());
}
