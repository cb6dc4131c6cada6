//! Policies at the end of what a setting can be, and files that are almost right.

use std::time::Duration;

use crate::common::{self, entra_id, now, template};
use compliance_gate::{
    Answer, Asker, DeviceIdentity, Outcome, Overrides, Policies, PolicyFile, PolicyLayer, Setting,
    Step, decide,
};
use intune_core::{ComplianceState, Finding, Observation};

const MINUTE: Duration = Duration::from_secs(60);

/// A device that never checked in is let through by no bound at all, but not by the longest bound.
#[test]
fn no_bound_on_the_check_in_is_looser_than_the_longest() {
    let required = PolicyLayer::new().required(true);
    let longest = required.max_check_in_age(Some(Duration::MAX));
    let none = required.max_check_in_age(None);
    let over = |global, layer| {
        let builder = Policies::builder().global(global);
        builder
            .template(template(), layer)
            .overrides(Overrides::TightenOnly)
    };
    assert!(over(longest, none).build().is_err());
    assert!(over(none, longest).build().is_ok());

    let mut silent = common::device(ComplianceState::Compliant);
    silent.last_check_in = None;
    let asker = Asker {
        device: DeviceIdentity::Present(entra_id(0)),
        user: None,
        delegator: None,
    };
    let outcome = |layer| {
        let policies = Policies::builder().global(layer).build().unwrap();
        let observation = Observation::live(now(), Finding::Device(silent));
        match decide(
            policies.unlisted(),
            asker,
            Answer::Observed(observation),
            now(),
        ) {
            Step::Decided(verdict) => verdict.outcome,
            Step::LookUp(_) => Outcome::Deny,
        }
    };
    assert_eq!(
        (outcome(longest), outcome(none)),
        (Outcome::Deny, Outcome::Allow)
    );
}

/// Durations that differ by less than a binary fraction can hold are different settings all the same.
#[test]
fn policies_that_differ_in_a_nanosecond_have_different_digests() {
    let digest = |age| {
        let layer = PolicyLayer::new().max_check_in_age(Some(age));
        let policies = Policies::builder().global(layer).build().unwrap();
        policies.digest().to_owned()
    };
    let long = Duration::from_secs(31_622_400);
    let nanosecond = Duration::from_nanos(1);
    assert_ne!(digest(long), digest(long + nanosecond));
    assert_ne!(digest(Duration::MAX), digest(Duration::MAX - nanosecond));
    let written = |age| {
        let layer = PolicyLayer::new().max_age(age);
        let explained = Policies::builder()
            .global(layer)
            .build()
            .unwrap()
            .explain(&template());
        let mut settings = explained.settings().iter();
        let found = settings.find(|it| it.setting() == Setting::MaxAge);
        found.unwrap().value().to_owned()
    };
    assert_eq!(written(MINUTE), "60");
    assert_eq!(written(Duration::from_millis(1500)), "1.5");
}

/// A word is a word, not an object with that key.
#[test]
fn a_word_is_not_written_as_a_table() {
    for text in [
        r#"{"global": {"mode": {"off": null}}}"#,
        r#"{"global": {"delegates": {"delegator_device": null}}}"#,
        r#"{"global": {"on_audit_failure": {"best_effort": null}}}"#,
        r#"{"global": {"states": {"noncompliant": {"allow": null}}}}"#,
        r#"{"overrides": {"replace": null}}"#,
        r#"{"unknown_templates": {"global": null}}"#,
        "global.mode = { off = {} }",
        "global.mode = { off = [] }",
        "overrides = { replace = {} }",
    ] {
        assert!(PolicyFile::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_policy_is_looser_if_any_setting_is() {
    let policy = |layer| {
        let policies = Policies::builder().global(layer).build().unwrap();
        *policies.unlisted().policy()
    };
    let tight = policy(PolicyLayer::new().required(true).strict(true));
    let loose = policy(PolicyLayer::new().required(true));
    let mixed = policy(PolicyLayer::new().required(true).bind_subject(true));
    assert!(loose.is_looser_than(tight) && !tight.is_looser_than(loose));
    assert!(!tight.is_looser_than(tight));
    assert!(mixed.is_looser_than(tight) && tight.is_looser_than(mixed));
}

/// A number that is given twice, be it once by an escaped key, is none.
#[test]
fn a_table_of_one_number_has_one() {
    for table in [
        r#"{"last_known_good_seconds": 1, "last_known_good_seconds": 600}"#,
        r#"{"last_known_good_seconds": 1, "last_known_good_s\u0065conds": 600}"#,
        r#"{"last_known_good_seconds": 1, "min_remaining_seconds": 600}"#,
        r#"{"min_remaining_seconds": 1}"#,
        "{}",
    ] {
        let text = format!(r#"{{"global": {{"on_outage": {table}}}}}"#);
        assert!(PolicyFile::parse(&text).is_err(), "{text}");
    }
}
