//! What an operator is warned of, where what one setting says another takes back.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use compliance_gate::{Mode, Policies, PolicyFile, PolicyWarning, Setting};

use crate::common;

/// Neither of the two built-in templates is checked.
const NONE_BUILT_IN: &str = "[accords.device-management]\ndevice_compliance_required = false\n\
                             [accords.infrastructure-operations]\ndevice_compliance_required = false\n";

fn warnings(text: &str) -> Vec<PolicyWarning> {
    let file = PolicyFile::parse(text).unwrap();
    let policies = Policies::builder().file(file).build().unwrap();
    policies.warnings(common::wall())
}

#[test]
fn a_mode_that_denies_nobody_lets_unknown_templates_through() {
    for (mode, words) in [
        (Mode::Off, "is \"off\", so they are allowed: set"),
        (
            Mode::ReportOnly,
            "is \"report_only\", so they are allowed and only reported: set",
        ),
    ] {
        let text = format!(
            "unknown_templates = \"deny\"\n[global]\nmode = \"{}\"\n",
            mode.as_str()
        );
        let expected = PolicyWarning::UnknownTemplatesAllowed { mode };
        let told = warnings(&text);
        assert!(told.contains(&expected), "{told:?}");
        assert!(expected.to_string().contains(words), "{expected}");
        // They get the global layer: that a listed one is enforced doesn't help them.
        let more = format!("{text}[accords.ops]\nmode = \"enforce\"\n");
        assert!(warnings(&more).contains(&expected));
        // Without the rule there is nothing to warn of.
        let without = text.replace("\"deny\"", "\"global\"");
        assert!(!warnings(&without).contains(&expected));
    }
    let enforced = "unknown_templates = \"deny\"\n[accords.ops]\nmode = \"off\"\n";
    let is_of_unknown =
        |it: &PolicyWarning| matches!(it, PolicyWarning::UnknownTemplatesAllowed { .. });
    assert!(!warnings(enforced).iter().any(is_of_unknown));
}

#[test]
fn what_is_required_but_off_is_not_checked() {
    let off = "[global]\ndevice_compliance_required = true\nmode = \"off\"\n";
    assert_eq!(warnings(off), [PolicyWarning::NothingChecked]);
    let strict = format!("{off}strict = true\n");
    let (accord, setting) = (None, Setting::Strict);
    assert_eq!(
        warnings(&strict),
        [
            PolicyWarning::NoEffect { accord, setting },
            PolicyWarning::NothingChecked
        ]
    );
}

#[test]
fn what_is_required_but_denied_unseen_is_not_checked() {
    let denied = format!(
        "unknown_templates = \"deny\"\n[global]\ndevice_compliance_required = true\n{NONE_BUILT_IN}"
    );
    assert_eq!(warnings(&denied), [PolicyWarning::NothingChecked]);
    // Unless they get the global layer.
    let checked = denied.replace("\"deny\"", "\"global\"");
    assert_eq!(
        warnings(&checked),
        [PolicyWarning::Skippable { accord: None }]
    );
}

#[test]
fn requiring_compliance_and_allowing_its_lack_is_told() {
    let told = warnings("[global]\nstrict = true\nstates.noncompliant = \"allow\"\n");
    let allowed = |accord: &str| PolicyWarning::NoncompliantAllowed {
        accord: Some(accord.parse().unwrap()),
    };
    // Only where it is required: the two that are built in.
    assert_eq!(
        told,
        [
            allowed("device-management"),
            allowed("infrastructure-operations")
        ]
    );
    assert!(told[0].to_string().contains("accord `device-management`"));
}
