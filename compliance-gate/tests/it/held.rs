//! A decision keeps the policy that it was made by, wherever and in whatever order decisions come and go.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, thread};

use crate::common::{Scripted, ask, clock, found};
use compliance_gate::{Decision, DeviceIdentity, Gate, Policies, PolicyLayer, ReloadOrigin};
use futures_executor::block_on;
use intune_core::{AccordTemplate, ComplianceState};
use proptest::prelude::*;

const TEMPLATES: [&str; 4] = ["one", "two", "unlisted", "unlisted-too"];

/// Of each version, every template has a policy that no other has.
fn policies(version: u32) -> Policies {
    let layer = |number: u64| {
        let age = std::time::Duration::from_secs(u64::from(version) * 10 + number);
        PolicyLayer::new().required(true).max_age(age)
    };
    Policies::builder()
        .global(layer(1))
        .template("one".parse().unwrap(), layer(2))
        .template("two".parse().unwrap(), layer(3))
        .build()
        .unwrap()
}

fn gate(version: u32) -> Gate {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let gate = Gate::builder(policies(version), source, Arc::new(clock()));
    gate.unrecorded().build().unwrap()
}

struct Kept {
    decision: Decision,
    digest: String,
    age: u64,
}

impl Kept {
    fn new(gate: &Gate, version: u32, template: usize) -> Self {
        let name = *TEMPLATES.get(template).unwrap();
        let decision = block_on(ask(gate, name, DeviceIdentity::Absent));
        let template: AccordTemplate = name.parse().unwrap();
        Self {
            decision,
            digest: policies(version).for_template(&template).digest().into(),
            age: u64::from(version) * 10
                + match name {
                    "one" => 2,
                    "two" => 3,
                    _ => 1,
                },
        }
    }

    fn check(&self) {
        let policy = self.decision.policy();
        assert_eq!(policy.digest(), self.digest);
        assert_eq!(policy.policy().max_age.as_secs(), self.age);
    }
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Ask { gate: usize, template: usize },
    AskElsewhere { gate: usize, template: usize },
    Clone(usize),
    Drop(usize),
    DropElsewhere(usize),
    Reload { gate: usize, elsewhere: bool },
    Replace { gate: usize },
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let gate = || 0..2_usize;
    let action = prop_oneof![
        4 => (gate(), 0..4_usize).prop_map(|(gate, template)| Action::Ask { gate, template }),
        1 => (gate(), 0..4_usize).prop_map(|(gate, template)| Action::AskElsewhere { gate, template }),
        1 => any::<usize>().prop_map(Action::Clone),
        3 => any::<usize>().prop_map(Action::Drop),
        1 => any::<usize>().prop_map(Action::DropElsewhere),
        1 => (gate(), any::<bool>()).prop_map(|(gate, elsewhere)| Action::Reload { gate, elsewhere }),
        1 => gate().prop_map(|gate| Action::Replace { gate }),
    ];
    prop::collection::vec(action, 1..40)
}

/// One of those kept, if there is any.
fn pick(kept: &mut Vec<Kept>, index: usize) -> Option<Kept> {
    let index = index.checked_rem(kept.len())?;
    Some(kept.swap_remove(index))
}

proptest! {
    #[test]
    fn a_decision_has_its_own_policy_in_any_order_of_events(actions in actions()) {
        let mut version = 2;
        let mut gates = [(gate(1), 1), (gate(2), 2)];
        let mut kept = Vec::new();
        for action in actions {
            match action {
                Action::Ask { gate, template } => {
                    let (gate, version) = &gates[gate];
                    kept.push(Kept::new(gate, *version, template));
                }
                Action::AskElsewhere { gate, template } => {
                    let (gate, version) = gates[gate].clone();
                    let there = thread::spawn(move || Kept::new(&gate, version, template));
                    kept.push(there.join().unwrap());
                }
                Action::Clone(index) => {
                    if let Some(index) = index.checked_rem(kept.len()) {
                        let Kept { decision, digest, age } = &kept[index];
                        let (decision, digest, age) = (decision.clone(), digest.clone(), *age);
                        kept.push(Kept { decision, digest, age });
                    }
                }
                Action::Drop(index) => drop(pick(&mut kept, index)),
                Action::DropElsewhere(index) => {
                    let decision = pick(&mut kept, index);
                    thread::spawn(move || drop(decision)).join().unwrap();
                }
                Action::Reload { gate, elsewhere } => {
                    version += 1;
                    gates[gate].1 = version;
                    let (gate, origin) = (gates[gate].0.clone(), ReloadOrigin { source: "", requested_by: "" });
                    let reload = move || block_on(gate.reload(policies(version), origin)).unwrap();
                    let reloaded = match elsewhere {
                        true => thread::spawn(reload).join().unwrap(),
                        false => reload(),
                    };
                    prop_assert!(reloaded.is_changed());
                }
                Action::Replace { gate } => {
                    version += 1;
                    gates[gate] = (self::gate(version), version);
                }
            }
            kept.iter().for_each(Kept::check);
        }
        drop(gates);
        kept.iter().for_each(Kept::check);
    }
}
