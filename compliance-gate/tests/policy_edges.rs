//! Policies at the end of what a setting can be, and files that are almost right.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use common::{entra_id, now, template};
use compliance_gate::{
    Answer, Asker, DeviceIdentity, Outcome, Overrides, Policies, PolicyLayer, Step, decide,
};
use intune_core::{ComplianceState, Finding, Observation};

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

