//! Every setting by a variable: it means what the file and code mean, within the same limits.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeSet, io::Write as _, time::Duration};

use compliance_gate::{
    Delegates, GateConfig, Grace, Mode, OnAuditFailure, OnOutage, Outcome, Overrides, Policies,
    PolicyFile, PolicyLayer, Setting, UnknownTemplates,
};
use env_config::Environment;
use proptest::{option, prelude::*};

/// One value of a setting: as a variable, in a file, and in code.
type Value = (&'static str, &'static str, fn(PolicyLayer) -> PolicyLayer);

fn outcomes(
    allow: fn(PolicyLayer) -> PolicyLayer,
    deny: fn(PolicyLayer) -> PolicyLayer,
) -> Vec<Value> {
    vec![("allow", "\"allow\"", allow), ("deny", "\"deny\"", deny)]
}

/// A setting's variable and all that can be said of it.
fn values(setting: Setting) -> (&'static str, Vec<Value>) {
    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }
    match setting {
        Setting::Required => (
            "INTUNE_COMPLIANCE_REQUIRED",
            vec![
                ("yes", "true", |it| it.required(true)),
                ("OFF", "false", |it| it.required(false)),
            ],
        ),
        Setting::Strict => (
            "INTUNE_COMPLIANCE_STRICT",
            vec![
                ("1", "true", |it| it.strict(true)),
                ("0", "false", |it| it.strict(false)),
            ],
        ),
        Setting::Mode => (
            "INTUNE_COMPLIANCE_MODE",
            vec![
                ("off", "\"off\"", |it| it.mode(Mode::Off)),
                ("report_only", "\"report_only\"", |it| {
                    it.mode(Mode::ReportOnly)
                }),
                ("enforce", "\"enforce\"", |it| it.mode(Mode::Enforce)),
            ],
        ),
        Setting::MaxAge => (
            "INTUNE_COMPLIANCE_CACHE_TTL",
            vec![
                ("0", "0", |it| it.max_age(seconds(0))),
                ("86400", "86400", |it| it.max_age(seconds(86_400))),
            ],
        ),
        Setting::MaxCheckInAge => (
            "INTUNE_COMPLIANCE_MAX_CHECK_IN_AGE",
            vec![
                ("unlimited", "\"unlimited\"", |it| it.max_check_in_age(None)),
                ("0", "0", |it| it.max_check_in_age(Some(seconds(0)))),
                ("604800", "604800", |it| {
                    it.max_check_in_age(Some(seconds(604_800)))
                }),
                ("31622400", "31622400", |it| {
                    it.max_check_in_age(Some(seconds(31_622_400)))
                }),
            ],
        ),
        Setting::OnOutage => (
            "INTUNE_COMPLIANCE_ON_OUTAGE",
            vec![
                ("deny", "\"deny\"", |it| it.on_outage(OnOutage::Deny)),
                (
                    "last_known_good:600",
                    "{ last_known_good_seconds = 600 }",
                    |it| {
                        it.on_outage(OnOutage::LastKnownGood {
                            max_age: seconds(600),
                        })
                    },
                ),
            ],
        ),
        Setting::BindSubject => (
            "INTUNE_COMPLIANCE_BIND_SUBJECT",
            vec![
                ("True", "true", |it| it.bind_subject(true)),
                ("no", "false", |it| it.bind_subject(false)),
            ],
        ),
        Setting::Delegates => (
            "INTUNE_COMPLIANCE_DELEGATES",
            vec![
                ("own_device", "\"own_device\"", |it| {
                    it.delegates(Delegates::OwnDevice)
                }),
                ("delegator_device", "\"delegator_device\"", |it| {
                    it.delegates(Delegates::DelegatorDevice)
                }),
            ],
        ),
        Setting::InGracePeriod => (
            "INTUNE_COMPLIANCE_IN_GRACE_PERIOD",
            vec![
                ("until_expiry", "\"until_expiry\"", |it| {
                    it.in_grace_period(Grace::default())
                }),
                ("deny", "\"deny\"", |it| it.in_grace_period(Grace::Deny)),
                (
                    "min_remaining:31622400",
                    "{ min_remaining_seconds = 31622400 }",
                    |it| {
                        it.in_grace_period(Grace::UntilExpiry {
                            min_remaining: seconds(31_622_400),
                        })
                    },
                ),
            ],
        ),
        Setting::Noncompliant => (
            "INTUNE_COMPLIANCE_NONCOMPLIANT",
            outcomes(
                |it| it.noncompliant(Outcome::Allow),
                |it| it.noncompliant(Outcome::Deny),
            ),
        ),
        Setting::Conflict => (
            "INTUNE_COMPLIANCE_CONFLICT",
            outcomes(
                |it| it.conflict(Outcome::Allow),
                |it| it.conflict(Outcome::Deny),
            ),
        ),
        Setting::Error => (
            "INTUNE_COMPLIANCE_ERROR",
            outcomes(|it| it.error(Outcome::Allow), |it| it.error(Outcome::Deny)),
        ),
        Setting::Unknown => (
            "INTUNE_COMPLIANCE_UNKNOWN",
            outcomes(
                |it| it.unknown(Outcome::Allow),
                |it| it.unknown(Outcome::Deny),
            ),
        ),
        Setting::ConfigManager => (
            "INTUNE_COMPLIANCE_CONFIG_MANAGER",
            outcomes(
                |it| it.config_manager(Outcome::Allow),
                |it| it.config_manager(Outcome::Deny),
            ),
        ),
        Setting::OnAuditFailure => (
            "INTUNE_COMPLIANCE_ON_AUDIT_FAILURE",
            vec![
                ("deny", "\"deny\"", |it| {
                    it.on_audit_failure(OnAuditFailure::Deny)
                }),
                ("best_effort", "\"best_effort\"", |it| {
                    it.on_audit_failure(OnAuditFailure::BestEffort)
                }),
            ],
        ),
    }
}

fn config(pairs: &[(&str, &str)]) -> Result<GateConfig, String> {
    let pairs = [("INTUNE_ENABLED", "true")]
        .into_iter()
        .chain(pairs.iter().copied());
    GateConfig::from_env(&Environment::from_pairs(pairs)).map_err(|error| error.to_string())
}

fn with_file(text: &str, pairs: &[(&str, &str)]) -> Result<GateConfig, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let mut pairs = pairs.to_vec();
    pairs.push(("INTUNE_ACCORD_POLICIES", file.path().to_str().unwrap()));
    config(&pairs)
}

/// Everything that a policy is: settings, who made them, and for which templates.
fn shown(policies: &Policies) -> (String, Vec<String>) {
    let names = ["device-management", "infrastructure-operations", "other"];
    let explained = names.map(|name| policies.explain(&name.parse().unwrap()).to_string());
    (policies.digest().to_owned(), explained.to_vec())
}

/// Which value of each setting, if any.
fn choices() -> impl Strategy<Value = Vec<(Setting, Value)>> {
    let one = |setting: &Setting| {
        let setting = *setting;
        let value = prop::sample::select(values(setting).1);
        option::of(value).prop_map(move |value| value.map(|value| (setting, value)))
    };
    let each: Vec<_> = Setting::ALL.iter().map(one).collect();
    each.prop_map(|each| each.into_iter().flatten().collect())
}

proptest! {
    #[test]
    fn environment_file_and_code_make_the_same_policy(
        choices in choices(),
        tighten_only in any::<bool>(),
        deny in any::<bool>(),
    ) {
        let mut environment = vec![];
        let mut file = "[global]\n".to_owned();
        let mut code = PolicyLayer::new();
        for (setting, (text, toml, set)) in choices {
            environment.push((values(setting).0, text));
            file += &format!("{} = {toml}\n", setting.key());
            code = set(code);
        }
        let mut builder = Policies::builder().global(code);
        if tighten_only {
            environment.push(("INTUNE_ACCORD_OVERRIDES", "tighten_only"));
            file = format!("overrides = \"tighten_only\"\n{file}");
            builder = builder.overrides(Overrides::TightenOnly);
        }
        if deny {
            environment.push(("INTUNE_ACCORD_UNKNOWN_TEMPLATES", "deny"));
            file = format!("unknown_templates = \"deny\"\n{file}");
            builder = builder.unknown_templates(UnknownTemplates::Deny);
        }
        let by_code = shown(&builder.build().unwrap());
        prop_assert_eq!(shown(config(&environment).unwrap().policies()), by_code.clone());
        prop_assert_eq!(shown(with_file(&file, &[]).unwrap().policies()), by_code.clone());
        // Said in both places alike, it is said once.
        prop_assert_eq!(shown(with_file(&file, &environment).unwrap().policies()), by_code);
    }

    #[test]
    fn a_text_is_taken_where_a_file_would_take_it(
        setting in prop::sample::select(Setting::ALL),
        text in "[a-z_]{0,16}(:?[+ -]?[0-9]{0,9})?",
    ) {
        let (variable, _) = values(setting);
        let toml = match text.split_once(':') {
            Some((name, number)) => format!("{{ {name}_seconds = {number} }}"),
            None if !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit()) => {
                let number = text.trim_start_matches('0');
                if number.is_empty() { "0".to_owned() } else { number.to_owned() }
            }
            None => format!("\"{text}\""),
        };
        // Booleans have more words here than there, and numbers may be written otherwise.
        let is_boolean = matches!(setting, Setting::Required | Setting::Strict | Setting::BindSubject);
        prop_assume!(!is_boolean && !text.contains(['+', ' ', '-']) && !text.contains(":0"));
        let file = PolicyFile::parse(&format!("[global]\n{} = {toml}", setting.key()));
        prop_assert_eq!(config(&[(variable, &text)]).is_ok(), file.is_ok());
    }
}

#[test]
fn every_setting_has_a_variable_of_its_own() {
    let names: BTreeSet<_> = Setting::ALL.iter().map(|it| values(*it).0).collect();
    assert_eq!(names.len(), Setting::ALL.len());
    for setting in Setting::ALL {
        let (variable, values) = values(*setting);
        for (text, ..) in values {
            let config = config(&[(variable, text)]).unwrap();
            let layer = config.policies().unlisted().provenance().of(*setting);
            assert_eq!(layer, compliance_gate::Layer::Global, "{variable}={text}");
        }
    }
}

#[test]
fn whatever_is_wrong_is_told_at_once_with_what_is_allowed_and_not_repeated() {
    let bad = [
        (
            "REQUIRED",
            "canary",
            "true or false (or 1, 0, yes, no, on, off)",
        ),
        ("STRICT", "tru", "true or false"),
        ("MODE", "Enforce", "`enforce`, `report_only` or `off`"),
        (
            "CACHE_TTL",
            "86401",
            "whole seconds from 0 (always live) to 86400",
        ),
        ("MAX_CHECK_IN_AGE", "31622401", "or `unlimited`"),
        (
            "ON_OUTAGE",
            "last_known_good:31622401",
            "`last_known_good:`",
        ),
        ("BIND_SUBJECT", "2", "true or false"),
        ("DELEGATES", "canary", "`own_device` or `delegator_device`"),
        ("ON_AUDIT_FAILURE", "allow", "`deny` or `best_effort`"),
        ("IN_GRACE_PERIOD", "canary:60", "`min_remaining:`"),
        ("NONCOMPLIANT", "canary", "`deny` or `allow`"),
        ("CONFLICT", "true", "`deny` or `allow`"),
        ("ERROR", "0", "`deny` or `allow`"),
        ("UNKNOWN", "allow:5", "`deny` or `allow`"),
        ("CONFIG_MANAGER", "", "is empty"),
    ];
    let mut pairs: Vec<_> = bad
        .iter()
        .map(|(name, value, _)| (format!("INTUNE_COMPLIANCE_{name}"), *value))
        .collect();
    pairs.push(("INTUNE_ACCORD_OVERRIDES".to_owned(), "canary"));
    pairs.push(("INTUNE_ACCORD_UNKNOWN_TEMPLATES".to_owned(), "allow"));
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let error = config(&pairs).unwrap_err();
    assert!(!error.contains("canary"), "{error}");
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), pairs.len(), "{error}");
    for ((name, _, allowed), line) in bad.iter().zip(&lines) {
        assert!(
            line.starts_with(&format!("INTUNE_COMPLIANCE_{name}: ")),
            "{line}"
        );
        assert!(line.contains(allowed), "{line}");
    }
    assert!(
        lines[15].ends_with("must be `replace` or `tighten_only`"),
        "{error}"
    );
    assert!(lines[16].ends_with("must be `global` or `deny`"), "{error}");
}

#[test]
fn what_the_file_says_otherwise_is_told_by_variable_and_place() {
    let mut file = "overrides = \"replace\"\nunknown_templates = \"global\"\n[global]\n".to_owned();
    let mut pairs = vec![
        ("INTUNE_ACCORD_OVERRIDES", "tighten_only"),
        ("INTUNE_ACCORD_UNKNOWN_TEMPLATES", "deny"),
    ];
    for setting in Setting::ALL {
        let (variable, values) = values(*setting);
        pairs.push((variable, values[0].0));
        file += &format!("{} = {}\n", setting.key(), values[1].1);
    }
    let error = with_file(&file, &pairs).unwrap_err();
    let differs = error
        .lines()
        .filter(|line| line.contains("differs from what the policy file says"));
    let differing: BTreeSet<_> = differs.filter_map(|line| line.split(':').next()).collect();
    let set: BTreeSet<_> = pairs.iter().map(|(name, _)| *name).collect();
    assert_eq!(differing, set, "{error}");
    let told = error.lines().last().unwrap();
    assert!(told.starts_with("INTUNE_ACCORD_POLICIES: "), "{error}");
    for words in [
        "`overrides` to something else than the environment does: set it in one place, at line 1 column 13",
        "`unknown_templates` to something else than the environment does: set it in one place, at line 2 column 21",
        "`device_compliance_required`",
        "at line 4 column 30",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }

    // One rule alone, the other said alike.
    let pairs = [
        ("INTUNE_ACCORD_OVERRIDES", "replace"),
        ("INTUNE_ACCORD_UNKNOWN_TEMPLATES", "deny"),
    ];
    let error = with_file(
        "overrides = \"replace\"\nunknown_templates = \"global\"",
        &pairs,
    )
    .unwrap_err();
    assert_eq!(error.lines().count(), 2, "{error}");
    assert!(
        error.starts_with("INTUNE_ACCORD_UNKNOWN_TEMPLATES: differs"),
        "{error}"
    );
}

#[test]
fn the_rules_hold_for_what_the_file_says_of_accords() {
    let loosening = "[accords.device-management]\nmode = \"off\"";
    let tighten_only = ("INTUNE_ACCORD_OVERRIDES", "tighten_only");
    let error = with_file(loosening, &[tighten_only]).unwrap_err();
    assert!(
        error.contains("`device-management` loosens `mode`"),
        "{error}"
    );
    assert!(with_file(loosening, &[]).is_ok());
    // The environment's settings are what is loosened.
    let bound = [tighten_only, ("INTUNE_COMPLIANCE_BIND_SUBJECT", "true")];
    let error = with_file("[accords.ops]\nbind_subject = false", &bound).unwrap_err();
    assert!(error.contains("`ops` loosens `bind_subject`"), "{error}");
}

#[test]
fn a_misspelt_variable_is_an_error_that_names_the_nearest() {
    for (misspelt, meant) in [
        ("INTUNE_COMPLIANCE_STRCT", "`INTUNE_COMPLIANCE_STRICT`"),
        ("INTUNE_COMPLIANCE_REQUIERD", "`INTUNE_COMPLIANCE_REQUIRED`"),
        ("INTUNE_ACCORD_POLICY", "`INTUNE_ACCORD_POLICIES`"),
        ("INTUNE_ACCORD_OVERIDES", "`INTUNE_ACCORD_OVERRIDES`"),
    ] {
        let environment = Environment::from_pairs([(misspelt, "canary")]);
        let error = GateConfig::from_env(&environment).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{misspelt}: ")) && !error.contains("canary"),
            "{error}"
        );
        assert!(error.contains(meant), "{error}");
        // It says something of Intune, so that a host asks for the settings at all; and it can be switched off.
        assert!(GateConfig::is_mentioned(&environment));
        let off = Environment::from_pairs([("INTUNE_ENABLED", "false"), (misspelt, "canary")]);
        let off = GateConfig::from_env(&off).unwrap();
        assert!(off.warning().unwrap().contains(misspelt));
    }
    // Other crates' names are theirs.
    assert!(config(&[("INTUNE_GRAPH_ENDPOIN", "x"), ("INTUNE_WHATEVER", "")]).is_ok());
}

#[test]
fn what_denies_by_itself_asks_for_checks_and_what_says_how_does_not() {
    let without_switch =
        |name: &str, value: &str| GateConfig::from_env(&Environment::from_pairs([(name, value)]));
    let asking = [
        ("INTUNE_COMPLIANCE_REQUIRED", "true"),
        ("INTUNE_COMPLIANCE_STRICT", "true"),
        ("INTUNE_ACCORD_UNKNOWN_TEMPLATES", "deny"),
    ];
    for (name, value) in asking {
        let error = without_switch(name, value).unwrap_err();
        assert_eq!(error.problems().len(), 1);
        assert_eq!(error.problems()[0].variable(), "INTUNE_ENABLED", "{name}");
    }
    for setting in Setting::ALL {
        let (name, values) = values(*setting);
        for (value, ..) in values {
            let read = without_switch(name, value);
            let asks = matches!(setting, Setting::Required | Setting::Strict)
                && ["yes", "1"].contains(&value);
            assert_eq!(read.is_err(), asks, "{name}={value}");
            assert!(read.is_err() || !read.unwrap().is_enabled());
        }
    }
    assert!(without_switch("INTUNE_ACCORD_UNKNOWN_TEMPLATES", "global").is_ok());
    assert!(without_switch("INTUNE_ACCORD_OVERRIDES", "tighten_only").is_ok());
}

#[test]
fn all_of_them_are_switched_off_and_named() {
    let names = Setting::ALL.iter().map(|it| values(*it).0);
    let names = names.chain(["INTUNE_ACCORD_OVERRIDES", "INTUNE_ACCORD_UNKNOWN_TEMPLATES"]);
    let names: Vec<_> = names.collect();
    let pairs = names.iter().map(|name| (*name, "canary"));
    let pairs = pairs.chain([("INTUNE_ENABLED", "false")]);
    let off = GateConfig::from_env(&Environment::from_pairs(pairs)).unwrap();
    let warning = off.warning().unwrap();
    for name in names {
        assert!(warning.contains(name), "{name}: {warning}");
        assert!(GateConfig::is_mentioned(&Environment::from_pairs([(
            name, ""
        )])));
    }
    assert!(!warning.contains("canary"));
}
