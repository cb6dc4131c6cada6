//! Scopes and what they are made from: handed on they never grow, and as data they mean what they say.

use std::collections::BTreeSet;

use clock::Timestamp;
use intune_core::{Capability, CeremonyRule, DelegationScope, Operation, ScopeTemplate};
use proptest::{collection::vec, option, prelude::*, sample::select};

fn rule() -> impl Strategy<Value = CeremonyRule> {
    let operations = Operation::ALL.map(CeremonyRule::Operation);
    let capabilities = Capability::ALL.map(CeremonyRule::Capability);
    select([&operations[..], &capabilities[..]].concat())
}

prop_compose! {
    fn scope()(
        capabilities in vec(select(Capability::ALL.to_vec()), 0..4),
        operations in option::of(vec(select(Operation::ALL.to_vec()), 0..7)),
        rules in vec(rule(), 0..4),
        depth in 0..4_u8,
        end in 0..1_000_i64,
    ) -> DelegationScope {
        let scope = DelegationScope::until(Timestamp::from_unix_millis(end)).delegation_depth(depth);
        let scope = capabilities.into_iter().fold(scope, DelegationScope::capability);
        let scope = operations.into_iter().fold(scope, DelegationScope::operations);
        rules.into_iter().fold(scope, DelegationScope::ceremony_required_for)
    }
}

/// As data, which shows what has no getter.
fn depth(scope: &DelegationScope) -> u64 {
    let data = serde_json::to_value(scope).unwrap();
    data["delegation_depth"].as_u64().unwrap()
}

fn exceeds(child: &DelegationScope, parent: &DelegationScope) -> bool {
    let more = |operation: Operation| {
        child.allows(operation) && !parent.allows(operation)
            || parent.requires_ceremony(operation) && !child.requires_ceremony(operation)
    };
    Operation::ALL.into_iter().any(more)
        || child.expires_at() > parent.expires_at()
        || depth(child) > depth(parent)
}

proptest! {
    #[test]
    fn a_child_never_exceeds_its_parent(parent in scope(), wanted in scope()) {
        let narrowed = parent.narrowed_to(&wanted);
        prop_assert!(!exceeds(&narrowed, &parent) && !exceeds(&narrowed, &wanted));
        for operation in Operation::ALL {
            let both = parent.allows(operation) && wanted.allows(operation);
            prop_assert_eq!(narrowed.allows(operation), both, "no less, either");
            let either = parent.requires_ceremony(operation) || wanted.requires_ceremony(operation);
            prop_assert_eq!(narrowed.requires_ceremony(operation), either);
        }
        prop_assert_eq!(&parent.narrowed_to(&parent), &parent);
        prop_assert_eq!(&narrowed.narrowed_to(&parent), &narrowed);

        match parent.delegate(&wanted) {
            Err(error) => {
                prop_assert_eq!(depth(&parent), 0);
                prop_assert!(!error.to_string().is_empty());
            }
            Ok(child) => {
                prop_assert!(!exceeds(&child, &parent) && !exceeds(&child, &wanted));
                prop_assert!(depth(&child) < depth(&parent));
                prop_assert_eq!(depth(&child), depth(&wanted).min(depth(&parent) - 1));
                let narrowed = narrowed.delegation_depth(depth(&child).try_into().unwrap());
                prop_assert_eq!(child, narrowed);
            }
        }
    }

    #[test]
    fn a_chain_ends_after_as_many_steps_as_its_first_scope_says(first in scope(), wanted in vec(scope(), 5)) {
        let mut steps = 0;
        let mut last = first.clone();
        for wanted in wanted {
            // Asking for more depth than there is gives no more.
            let greedy = wanted.delegation_depth(u8::MAX);
            let Ok(next) = last.delegate(&greedy) else { break };
            prop_assert!(!exceeds(&next, &first) && !exceeds(&next, &last));
            last = next;
            steps += 1;
        }
        prop_assert_eq!(steps, depth(&first));
    }

    #[test]
    fn a_scope_reads_as_it_was_written(scope in scope()) {
        let text = serde_json::to_string(&scope).unwrap();
        prop_assert_eq!(serde_json::from_str::<DelegationScope>(&text).unwrap(), scope);
    }

    #[test]
    fn a_template_is_a_scope_without_its_end(scope in scope()) {
        let mut data = serde_json::to_value(&scope).unwrap();
        data.as_object_mut().unwrap().remove("expires_at").unwrap();
        let template: ScopeTemplate = serde_json::from_value(data.clone()).unwrap();
        prop_assert_eq!(template.until(scope.expires_at()), scope);
        prop_assert_eq!(serde_json::to_value(&template).unwrap(), data);
    }

    #[test]
    fn a_name_that_is_not_known_is_an_error(name in "[a-zA-Z_*]{0,12}") {
        let is_operation = Operation::ALL.iter().any(|known| known.as_str() == name);
        let is_capability = Capability::ALL.iter().any(|known| known.as_str() == name);
        for (field, is_known) in [
            ("capabilities", is_capability),
            ("operations", is_operation),
            ("ceremony_required_for", is_operation || is_capability),
            (&*name, false),
        ] {
            let mut data = serde_json::json!({"capabilities": []});
            data[field] = serde_json::json!([name]);
            let template = serde_json::from_value::<ScopeTemplate>(data.clone());
            prop_assert_eq!(template.is_ok(), is_known, "{}", data);
            data["expires_at"] = "2026-11-23T07:00:00Z".into();
            let scope = serde_json::from_value::<DelegationScope>(data.clone());
            prop_assert_eq!(scope.is_ok(), is_known, "{}", data);
        }
    }
}

/// The seed's own words for what takes a ceremony.
#[test]
fn operations_and_capabilities_stand_side_by_side() {
    let scope: DelegationScope = serde_json::from_str(
        r#"{
            "capabilities": ["READ", "PROPOSE", "MUTATE"],
            "ceremony_required_for": ["wipe_device", "retire_device", "PROPOSE"],
            "expires_at": "2026-11-23T07:00:00Z"
        }"#,
    )
    .unwrap();
    let asked = Operation::ALL.map(|operation| scope.requires_ceremony(operation));
    assert_eq!(asked, [false, false, false, true, false, true, true]);
    assert_eq!(depth(&scope), 0, "not handed on unless it says so");
}

#[test]
fn no_operations_are_none_and_absent_ones_are_all() {
    let none: ScopeTemplate =
        serde_json::from_str(r#"{"capabilities":["READ","MUTATE"],"operations":[]}"#).unwrap();
    let all: ScopeTemplate =
        serde_json::from_str(r#"{"capabilities":["READ","PROPOSE","MUTATE"]}"#).unwrap();
    for operation in Operation::ALL {
        assert!(!none.until(Timestamp::MAX).allows(operation));
        assert!(all.until(Timestamp::MAX).allows(operation));
    }
}

#[test]
fn production_asks_for_a_ceremony_for_all_that_takes_mutate() {
    let production = ScopeTemplate::production().until(Timestamp::MAX);
    let read_only = ScopeTemplate::read_only().until(Timestamp::MAX);
    for operation in Operation::ALL {
        let (reads, mutates) = (
            operation.capability() == Capability::Read,
            operation.capability() == Capability::Mutate,
        );
        assert!(production.allows(operation));
        assert_eq!(production.requires_ceremony(operation), mutates);
        assert_eq!(read_only.allows(operation), reads);
        assert!(!read_only.requires_ceremony(operation));
    }
    for scope in [production, read_only] {
        assert_eq!(depth(&scope), 0);
        scope.delegate(&scope).unwrap_err();
    }
}

#[test]
fn a_scope_is_over_at_its_instant() {
    let end = Timestamp::from_unix_millis(1_000);
    let scope = DelegationScope::until(end);
    assert!(!scope.is_expired(Timestamp::from_unix_millis(999)));
    assert!(scope.is_expired(end) && scope.is_expired(Timestamp::MAX));
}

#[test]
fn rules_of_ceremony_are_names() {
    let names: BTreeSet<_> = Operation::ALL
        .map(CeremonyRule::from)
        .into_iter()
        .chain(Capability::ALL.map(CeremonyRule::from))
        .map(|rule| rule.to_string())
        .collect();
    assert_eq!(names.len(), 10);
}

#[test]
fn a_list_of_operations_that_is_null_is_an_error_and_not_all_of_them() {
    let scope =
        r#"{"capabilities":["READ"],"operations":null,"expires_at":"2026-11-23T07:00:00Z"}"#;
    serde_json::from_str::<DelegationScope>(scope).unwrap_err();
    let template = r#"{"capabilities":["READ"],"operations":null}"#;
    serde_json::from_str::<intune_core::ScopeTemplate>(template).unwrap_err();
}
