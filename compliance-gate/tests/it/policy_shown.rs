//! What an operator is shown of a policy.

use std::sync::Arc;

use crate::common::{Scripted, ask, clock, found, template};
use compliance_gate::{DeviceIdentity, Explained, Gate, Layer, Policies, PolicyLayer, Setting};
use futures_executor::block_on;
use intune_core::ComplianceState;

/// Of each setting, an explanation tells whether it is the one that the template loosened.
#[test]
fn what_is_loosened_is_told_setting_by_setting() {
    let policies = Policies::builder()
        .global(PolicyLayer::new().required(true).strict(true))
        .template(template(), PolicyLayer::new().strict(false))
        .build()
        .unwrap();
    let explanation = policies.explain(&template());
    let settings = explanation.settings().iter();
    let loosened: Vec<_> = settings.filter(|it| it.is_loosened()).collect();
    let shown = |it: &Explained| (it.setting(), it.value().to_owned(), it.layer());
    let expected = (Setting::Strict, "false".to_owned(), Layer::Template);
    assert_eq!(
        loosened.into_iter().map(shown).collect::<Vec<_>>(),
        [expected]
    );
}

/// In a log, a policy and a decision by it tell which policy that was.
#[test]
fn debug_shows_the_policy() {
    let policies = Policies::builder().template(template(), PolicyLayer::new().required(true));
    let policies = policies.build().unwrap();
    let digest = policies.for_template(&template()).digest().to_owned();
    assert!(format!("{policies:?}").contains(&digest));
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let gate = Gate::builder(policies, source, Arc::new(clock()));
    let gate = gate.unrecorded().build().unwrap();
    let decision = block_on(ask(&gate, "read-only", DeviceIdentity::Absent));
    assert!(format!("{decision:?}").contains(&digest));
}
