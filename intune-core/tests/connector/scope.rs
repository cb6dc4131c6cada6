//! Who may do nothing learns nothing and spends nothing; that they tried is on record.

use std::{sync::Arc, time::Duration};

use intune_core::{Capability, DelegationScope, Operation, OperationError, OperationErrorKind};

use crate::{
    people::{
        AC, ACTIONS, ENTRA, LAPTOP, act, approve, context, full_scope, invoke, megan, seconds,
        start, within,
    },
    world::{Does, World, run},
};

fn capability_of(operation: Operation) -> Capability {
    use Operation::{
        GetCompliance, GetDevice, ListDevices, RemoteLock, RetireDevice, SyncDevice, WipeDevice,
    };
    match operation {
        ListDevices | GetDevice | GetCompliance => Capability::Read,
        SyncDevice => Capability::Propose,
        RemoteLock | RetireDevice | WipeDevice => Capability::Mutate,
    }
}

/// The caller was refused before anybody was asked anything, and one record says so.
fn assert_turned_away(world: &Arc<World>, operation: Operation, error: &OperationError) {
    assert_eq!(world.calls(), ["refused"], "{operation}");
    let record = world.only_record();
    assert_eq!(record.phase, "refused");
    assert_eq!(record.reason.as_deref(), Some(error.kind().as_str()));
    assert_eq!(record.invocation_id, error.invocation().to_string());
    assert_eq!(record.connector, "intune");
    assert_eq!(record.operation, operation.as_str());
    assert_eq!(record.capability, capability_of(operation).as_str());
    assert_eq!(record.principal.subject, "adele");
    assert_eq!(record.principal.delegate.as_deref(), Some("agent-7"));
    assert_eq!(record.authorization_context.as_deref(), Some(AC));
    assert_eq!((record.result, record.duration_ms), (None, None));
    let asked_for = match operation {
        Operation::ListDevices => None,
        Operation::GetCompliance => Some(ENTRA),
        _ => Some(LAPTOP),
    };
    let stored = world.memory.records();
    assert_eq!(stored[0].record().subject_text(), asked_for);
    let named = record.target.map(|target| target.managed_device_id);
    assert_eq!(named.as_deref(), asked_for.filter(|id| *id == LAPTOP));
}

#[test]
fn an_operation_takes_its_capability_and_no_other_will_do() {
    for operation in Operation::ALL {
        for bits in 0..8_u8 {
            let given = Capability::ALL.into_iter().enumerate();
            let given = given.filter(|(bit, _)| bits & (1 << bit) != 0);
            let until = start().saturating_add(seconds(3600));
            let scope = given.fold(DelegationScope::until(until), |scope, (_, capability)| {
                scope.capability(capability)
            });
            let has_it = scope.allows(operation);
            let bit = Capability::ALL
                .iter()
                .position(|&c| c == capability_of(operation));
            assert_eq!(has_it, bits & (1 << bit.unwrap()) != 0);

            let world = World::new();
            let answer = run(invoke(&world.lenient(), &within(scope), operation));
            if has_it {
                answer.unwrap();
                continue;
            }
            let error = answer.unwrap_err();
            let expected = OperationErrorKind::CapabilityMissing(operation);
            assert_eq!(
                (error.kind(), error.kind().as_str()),
                (&expected, "capability_missing")
            );
            assert!(!error.kind().is_retryable());
            assert_turned_away(&world, operation, &error);
        }
    }
}

#[test]
fn a_scope_ends_at_its_instant_and_not_before() {
    let scope = full_scope();
    let end = scope.expires_at();
    for operation in Operation::ALL {
        let last = end.saturating_sub(Duration::from_millis(1));
        let world = World::new();
        world.clock.set_wall(last);
        run(invoke(&world.lenient(), &within(scope.clone()), operation)).unwrap();

        for instant in [end, end.saturating_add(seconds(1))] {
            let world = World::new();
            world.clock.set_wall(instant);
            let answer = run(invoke(&world.lenient(), &within(scope.clone()), operation));
            let error = answer.unwrap_err();
            assert_eq!(error.kind(), &OperationErrorKind::ScopeExpired(end));
            assert_eq!(error.kind().as_str(), "scope_expired");
            assert_turned_away(&world, operation, &error);
        }
    }
}

#[test]
fn a_scope_that_ends_while_the_device_is_read_opens_no_ceremony_and_sends_nothing() {
    let end = start().saturating_add(seconds(5));
    let scope = DelegationScope::until(end)
        .capability(Capability::Propose)
        .capability(Capability::Mutate);
    for action in ACTIONS {
        for connect in [World::connector, World::lenient] {
            let world = World::new();
            let found = Ok(Some(crate::people::device(LAPTOP)));
            world.device.set(Does::Takes(seconds(5), found));
            let answer = run(act(&connect(&world), &within(scope.clone()), action, None));
            assert_eq!(
                answer.unwrap_err().kind(),
                &OperationErrorKind::ScopeExpired(end)
            );
            assert_eq!(world.calls(), ["device", "refused"]);
            assert_eq!(world.only_record().reason.as_deref(), Some("scope_expired"));
        }
    }
}

#[test]
fn a_scope_that_ends_while_the_ceremony_is_checked_leaves_the_approval_unused() {
    let end = start().saturating_add(seconds(5));
    let scope = DelegationScope::until(end).capability(Capability::Mutate);
    let world = World::new();
    let connector = world.connector();
    let caller = within(scope);
    let opened = run(act(&connector, &caller, Operation::RemoteLock, None));
    let OperationErrorKind::CeremonyRequired(open) = opened.unwrap_err().kind().clone() else {
        panic!("locking takes a ceremony");
    };
    approve(&world.ceremonies, open.id, &megan()).unwrap();
    world.approval.set(Does::Takes(seconds(5), Ok(())));
    world.calls();
    let answer = run(act(
        &connector,
        &caller,
        Operation::RemoteLock,
        Some(open.id),
    ));
    // The ceremony ends with the scope.
    assert_eq!(answer.unwrap_err().kind().as_str(), "ceremony_expired");
    assert_eq!(world.calls(), ["device", "approval", "refused"]);
}

#[test]
fn what_is_refused_is_refused_even_if_that_cannot_be_recorded() {
    let scope = DelegationScope::until(start().saturating_add(seconds(60)));
    for operation in Operation::ALL {
        for sink in [Does::Answers(false), Does::Hangs(seconds(10)), Does::Panics] {
            let world = World::new();
            world.refused.set(sink);
            let answer = run(invoke(
                &world.connector(),
                &within(scope.clone()),
                operation,
            ));
            assert_eq!(answer.unwrap_err().kind().as_str(), "capability_missing");
        }
    }
}

#[test]
fn a_connector_without_actions_refuses_them_and_asks_nobody() {
    let world = World::new();
    let clock = Arc::new(world.clock.clone());
    let reader = intune_core::IntuneConnector::builder(world.clone(), world.clone(), clock)
        .chronicle(world.clone(), "urn:test".parse().unwrap());
    let reader = reader.build().unwrap();
    assert!(!reader.has_actions() && world.connector().has_actions());
    for action in ACTIONS {
        let error = run(act(&reader, &context(), action, None)).unwrap_err();
        assert_eq!(error.kind(), &OperationErrorKind::OperationsOff);
        assert_eq!(world.calls(), ["refused"]);
        assert_eq!(
            world.records().pop().unwrap().reason.as_deref(),
            Some("operations_off")
        );
    }
}

#[test]
fn a_connector_without_a_chronicle_is_not_built() {
    let world = World::new();
    let clock = Arc::new(world.clock.clone());
    let builder = intune_core::IntuneConnector::builder(world.clone(), world, clock);
    assert!(
        builder
            .build()
            .unwrap_err()
            .to_string()
            .contains("`chronicle`")
    );
}
