//! Which layer wins, and what the decision says of it.

use compliance_gate::{
    Layer, Mode, Overrides, Policies, PolicyFile, PolicyLayer, UnknownTemplates,
};
use proptest::prelude::*;

use crate::common;

fn layer((required, strict, mode): (Option<bool>, Option<bool>, Option<Mode>)) -> PolicyLayer {
    let mut layer = PolicyLayer::new();
    if let Some(required) = required {
        layer = layer.required(required);
    }
    if let Some(strict) = strict {
        layer = layer.strict(strict);
    }
    if let Some(mode) = mode {
        layer = layer.mode(mode);
    }
    layer
}

type Fields = (Option<bool>, Option<bool>, Option<Mode>);

fn fields() -> impl Strategy<Value = Fields> {
    let mode = prop_oneof![Just(Mode::Off), Just(Mode::ReportOnly), Just(Mode::Enforce)];
    (
        any::<Option<bool>>(),
        any::<Option<bool>>(),
        proptest::option::of(mode),
    )
}

/// The first layer from the top that says something, and which it is.
fn top<T: Copy>(template: Option<T>, global: Option<T>, built_in: T) -> (T, Layer) {
    match (template, global) {
        (Some(value), _) => (value, Layer::Template),
        (None, Some(value)) => (value, Layer::Global),
        (None, None) => (built_in, Layer::BuiltIn),
    }
}

proptest! {
    #[test]
    fn a_template_replaces_the_global_layer_field_by_field(global in fields(), template in fields()) {
        let name = common::template();
        let policies = Policies::builder()
            .global(layer(global))
            .template(name.clone(), layer(template))
            .build()
            .unwrap();
        let effective = policies.for_template(&name);
        let required = top(template.0, global.0, false);
        let strict = top(template.1, global.1, false);
        let mode = top(template.2, global.2, Mode::Enforce);
        let policy = effective.policy();
        prop_assert_eq!((policy.required, policy.strict, policy.mode), (required.0, strict.0, mode.0));
        let provenance = effective.provenance();
        prop_assert_eq!(
            (provenance.required, provenance.strict, provenance.mode),
            (required.1, strict.1, mode.1)
        );
        let loosened = (global.0 == Some(true) && !required.0)
            || (global.1 == Some(true) && !strict.0)
            || mode.0 < global.2.unwrap_or(Mode::Enforce);
        prop_assert_eq!(effective.is_loosened(), loosened);
    }

    #[test]
    fn tighten_only_refuses_exactly_what_loosens(global in fields(), template in fields()) {
        let name = common::template();
        let replacing = Policies::builder().global(layer(global)).template(name.clone(), layer(template));
        let loosened = replacing.clone().build().unwrap().for_template(&name).is_loosened();
        let tightening = replacing.overrides(Overrides::TightenOnly).build();
        prop_assert_eq!(tightening.is_err(), loosened);
        if let Err(error) = tightening {
            prop_assert!(error.to_string().contains("`read-only`"));
        }
    }

    #[test]
    fn an_unlisted_template_gets_the_global_layer(global in fields()) {
        let policies = Policies::builder().global(layer(global)).build().unwrap();
        let effective = policies.for_template(&common::template());
        prop_assert_eq!(effective.policy().required, global.0.unwrap_or(false));
        prop_assert!(!effective.is_loosened());
    }

    #[test]
    fn policies_that_differ_have_digests_that_differ(one in fields(), other in fields()) {
        let effective = |fields| {
            let policies = Policies::builder().global(layer(fields)).build().unwrap();
            policies.for_template(&common::template()).clone()
        };
        let (one, other) = (effective(one), effective(other));
        prop_assert_eq!(one.policy() == other.policy(), one.digest() == other.digest());
    }

    #[test]
    fn no_policy_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        let _ = PolicyFile::parse(&text);
    }
}

#[test]
fn the_two_built_in_templates_require_compliance() {
    let policies = Policies::builder().build().unwrap();
    for name in ["infrastructure-operations", "device-management"] {
        let effective = policies.for_template(&name.parse().unwrap());
        assert!(effective.policy().required, "{name}");
        assert_eq!(effective.provenance().required, Layer::BuiltIn);
    }
    assert!(!policies.for_template(&common::template()).policy().required);
}

#[test]
fn a_file_may_redefine_a_built_in_template_and_keeps_what_it_leaves_out() {
    let file = PolicyFile::parse(
        "[accords.device-management]\ndevice_compliance_required = false\n\
         [accords.infrastructure-operations]\nstrict = true\n",
    );
    let policies = Policies::builder().file(file.unwrap()).build().unwrap();
    assert!(
        !policies
            .for_template(&"device-management".parse().unwrap())
            .policy()
            .required
    );
    let infrastructure = policies.for_template(&"infrastructure-operations".parse().unwrap());
    assert!(infrastructure.policy().required && infrastructure.policy().strict);
}

#[test]
fn toml_and_json_say_the_same() {
    let toml = PolicyFile::parse(
        "overrides = \"tighten_only\"\nunknown_templates = \"deny\"\n\
         [accords.ops]\ndevice_compliance_required = true\nstrict = true\nmode = \"report_only\"\n",
    );
    let json = PolicyFile::parse(
        r#"{"overrides":"tighten_only","unknown_templates":"deny",
            "accords":{"ops":{"device_compliance_required":true,"strict":true,"mode":"report_only"}}}"#,
    );
    assert_eq!(toml.unwrap(), json.unwrap());
}

#[test]
fn a_bad_file_is_an_error_that_names_the_line() {
    for (text, line, words) in [
        ("[accords.ops]\nrequired = true\n", 2, "unknown field"),
        ("[accords.Ops]\nstrict = true\n", 1, "a-z"),
        ("\n\n[accords.ops]\nstrict = \"yes\"\n", 4, "boolean"),
        ("[accords.ops]\nmode = \"lenient\"\n", 2, "unknown variant"),
        (
            "[accords.ops]\nstrict = true\n[accords.ops]\nstrict = false\n",
            3,
            "duplicate",
        ),
        ("{\n\"accords\": {\"ops\": {}, \"ops\": {}}}", 2, "twice"),
        ("{\n\"acords\": {}}", 2, "unknown field"),
        ("override = \"replace\"", 1, "unknown field"),
        (
            "[accords]\nops = [true, true, \"off\"]",
            2,
            "a table of settings",
        ),
        ("{\"accords\": {\"ops\": [true]}}", 1, "a table of settings"),
        (
            "{\"accords\": {\"ops\":\n{\"device_compliance_required\": null}}}",
            2,
            "null",
        ),
        ("{\"overrides\": null}", 1, "value"),
    ] {
        let error = PolicyFile::parse(text).unwrap_err();
        assert!(error.contains(&format!("line {line}")), "{text:?}: {error}");
        assert!(error.contains(words), "{text:?}: {error}");
    }
}

#[test]
fn an_unknown_template_can_be_denied() {
    let policies = Policies::builder()
        .unknown_templates(UnknownTemplates::Deny)
        .build()
        .unwrap();
    assert!(
        policies
            .for_template(&common::template())
            .denies_unknown_template()
    );
    assert!(
        !policies
            .for_template(&"device-management".parse().unwrap())
            .denies_unknown_template()
    );
}

#[test]
fn an_empty_file_is_no_policy() {
    for text in ["", " \n", "\u{feff}"] {
        assert!(PolicyFile::parse(text).is_err(), "{text:?}");
    }
    assert!(PolicyFile::parse("\u{feff}{}").is_ok());
    assert!(PolicyFile::parse("\u{feff}# nothing set\n").is_ok());
}

#[test]
fn a_file_does_not_undo_switches_that_it_does_not_mention() {
    let file = "[accords.ops]\ndevice_compliance_required = false";
    let builder = Policies::builder()
        .global(PolicyLayer::new().required(true))
        .overrides(Overrides::TightenOnly)
        .unknown_templates(UnknownTemplates::Deny);
    assert!(
        builder
            .clone()
            .file(PolicyFile::parse(file).unwrap())
            .build()
            .is_err()
    );
    let policies = builder
        .file(PolicyFile::parse("[accords.ops]").unwrap())
        .build()
        .unwrap();
    assert!(
        policies
            .for_template(&common::template())
            .denies_unknown_template()
    );

    let switches = "overrides = \"replace\"\nunknown_templates = \"deny\"";
    let policies = Policies::builder()
        .file(PolicyFile::parse(switches).unwrap())
        .build()
        .unwrap();
    assert!(
        policies
            .for_template(&common::template())
            .denies_unknown_template()
    );
}

#[test]
fn tightening_is_measured_against_the_built_in_templates_too() {
    let file = "overrides = \"tighten_only\"\n[accords.device-management]\ndevice_compliance_required = false";
    let policies = Policies::builder()
        .file(PolicyFile::parse(file).unwrap())
        .build();
    assert!(
        policies
            .unwrap_err()
            .to_string()
            .contains("`device-management`")
    );
}

#[test]
fn who_loosens_a_built_in_template_is_told_of() {
    let file = "[accords.device-management]\ndevice_compliance_required = false";
    let policies = Policies::builder()
        .file(PolicyFile::parse(file).unwrap())
        .build()
        .unwrap();
    assert!(
        policies
            .for_template(&"device-management".parse().unwrap())
            .is_loosened()
    );
    assert!(
        !policies
            .for_template(&"infrastructure-operations".parse().unwrap())
            .is_loosened()
    );
}

#[test]
fn a_template_that_nobody_listed_gives_nothing() {
    use intune_core::{Operation, ScopeTemplate};
    let policies = Policies::builder()
        .template("read-only".parse().unwrap(), PolicyLayer::new())
        .delegation_scope("locks".parse().unwrap(), ScopeTemplate::production())
        .build()
        .unwrap();
    let until = "2026-11-23T07:00:00Z".parse().unwrap();
    let allowed = |template: &str| {
        let scope = policies.delegation_scope(&template.parse().unwrap());
        let scope = scope.until(until);
        let allowed = Operation::ALL.into_iter().filter(|&o| scope.allows(o));
        (
            allowed.count(),
            scope.requires_ceremony(Operation::WipeDevice),
        )
    };
    assert_eq!(allowed("device-management"), (7, true));
    assert_eq!(allowed("infrastructure-operations"), (3, false));
    assert_eq!(allowed("read-only"), (3, false));
    assert_eq!(allowed("locks"), (7, true));
    assert_eq!(allowed("whatever"), (0, false));
    let off = Policies::disabled();
    let scope = off.delegation_scope(&"device-management".parse().unwrap());
    assert!(!scope.until(until).allows(Operation::GetDevice));
}
