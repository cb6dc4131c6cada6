//! What would come of an action is told, and nothing comes of it.

use std::sync::Arc;

use intune_core::{
    Capability, CeremonyRefusal, DelegationScope, DeviceAction, IntuneConnector, InvocationContext,
    MutationBudget, Operation, OperationErrorKind, SourceFailure, SourceFailureKind, Target,
    WipeOptions,
};
use proptest::{prelude::*, sample::select};

use crate::{
    people::{
        ACTIONS, ENTRA, LAPTOP, act, adele, context, device, full_scope, laptop_id, pending,
        seconds, start, within,
    },
    world::{Does, World, run},
};

fn action(operation: Operation) -> DeviceAction {
    match operation {
        Operation::SyncDevice => DeviceAction::Sync,
        Operation::RemoteLock => DeviceAction::RemoteLock,
        Operation::RetireDevice => DeviceAction::Retire,
        _ => DeviceAction::Wipe(WipeOptions::new()),
    }
}

fn reading(capabilities: &[Capability]) -> DelegationScope {
    let until = DelegationScope::until(start().saturating_add(seconds(3_600)));
    let scope = until.capability(Capability::Read);
    let mut given = capabilities.iter().copied();
    given.by_ref().fold(scope, DelegationScope::capability)
}

fn obstacle(
    connector: &IntuneConnector,
    caller: &InvocationContext,
    operation: Operation,
) -> Option<OperationErrorKind> {
    let run = run(connector.dry_run(caller, laptop_id(), &action(operation)));
    run.unwrap().obstacle
}

#[test]
fn it_takes_read_and_leaves_one_record() {
    for operation in ACTIONS {
        let world = World::new();
        let caller = within(reading(&[]));
        let told = run(world
            .connector()
            .dry_run(&caller, laptop_id(), &action(operation)))
        .unwrap();
        assert_eq!(told.target, Target::of(&device(LAPTOP)));
        assert_eq!(told.needs_ceremony, operation != Operation::SyncDevice);
        let missing = OperationErrorKind::CapabilityMissing(operation);
        assert_eq!(told.obstacle, Some(missing));
        assert_eq!(world.calls(), ["device", "outcome"]);
        let record = world.only_record();
        assert_eq!(
            (&*record.operation, &*record.capability),
            ("get_device", "READ")
        );
        assert_eq!(record.result.as_deref(), Some("succeeded"));
        assert_eq!(
            (record.reason.as_deref(), record.returned),
            (Some("dry_run"), Some(1))
        );
        let target = record.target.unwrap();
        assert_eq!(target.managed_device_id, LAPTOP);
        assert_eq!(target.entra_device_id.as_deref(), Some(ENTRA));
        let digest = action(operation).parameters_digest();
        assert_eq!(
            record.parameters_digest,
            digest.map(|digest| digest.to_string())
        );
        assert_eq!(record.ceremony, None);
    }
}

#[test]
fn without_read_it_tells_nothing() {
    let until = DelegationScope::until(start().saturating_add(seconds(3_600)));
    let blind = until.capability(Capability::Mutate);
    let narrow = full_scope().operations(ACTIONS);
    for scope in [blind, narrow] {
        let world = World::new();
        let wipe = action(Operation::WipeDevice);
        let answer = run(world
            .connector()
            .dry_run(&within(scope), laptop_id(), &wipe));
        let missing = OperationErrorKind::CapabilityMissing(Operation::GetDevice);
        assert_eq!(answer.unwrap_err().kind(), &missing);
        assert_eq!(world.calls(), ["refused"]);
        assert_eq!(world.only_record().operation, "get_device");
    }
}

#[test]
fn what_cannot_be_read_or_recorded_is_an_error() {
    let outage = SourceFailure::new(SourceFailureKind::Unavailable);
    let wipe = action(Operation::WipeDevice);
    for (found, error, reason) in [
        (Ok(None), "device_not_found", "dry_run"),
        (Err(outage), "unavailable", "unavailable"),
    ] {
        let world = World::new();
        world.device.answer(found);
        let answer = run(world.connector().dry_run(&context(), laptop_id(), &wipe));
        let told = answer.unwrap_err();
        assert_eq!(told.kind().as_str(), error);
        let record = world.only_record();
        assert_eq!(record.reason.as_deref(), Some(reason));
        assert_eq!(record.invocation_id, told.invocation().to_string());
    }
    let world = World::new();
    world.outcome.answer(false);
    let answer = run(world.connector().dry_run(&context(), laptop_id(), &wipe));
    assert_eq!(
        answer.unwrap_err().kind(),
        &OperationErrorKind::AuditUnavailable
    );
}

#[test]
fn it_names_the_obstacle() {
    let world = World::new();
    let connector = world.connector();
    for operation in ACTIONS {
        assert_eq!(obstacle(&connector, &context(), operation), None);
    }
    world.switch.stop();
    for operation in ACTIONS {
        let stopped = Some(OperationErrorKind::OperationsStopped);
        assert_eq!(obstacle(&connector, &context(), operation), stopped);
    }
    world.switch.resume();

    let clock = Arc::new(world.clock.clone());
    let reader = IntuneConnector::builder(world.clone(), world.clone(), clock.clone())
        .chronicle(world.clone(), "urn:test".parse().unwrap());
    let off = Some(OperationErrorKind::OperationsOff);
    assert_eq!(
        obstacle(&reader.build().unwrap(), &context(), Operation::SyncDevice),
        off
    );

    let alone = IntuneConnector::builder(world.clone(), world.clone(), clock)
        .chronicle(world.clone(), "urn:test".parse().unwrap())
        .actions(world.clone());
    let alone = alone.build().unwrap();
    let nobody = OperationErrorKind::CeremonyRefused(CeremonyRefusal::Unavailable);
    assert_eq!(
        obstacle(&alone, &context(), Operation::RemoteLock),
        Some(nobody)
    );
    assert_eq!(obstacle(&alone, &context(), Operation::SyncDevice), None);

    let caller = context().from_device(Some(ENTRA.parse().unwrap()));
    let own = Some(OperationErrorKind::OwnDevice);
    assert_eq!(obstacle(&connector, &caller, Operation::WipeDevice), own);
    assert_eq!(obstacle(&connector, &caller, Operation::RetireDevice), None);

    world
        .device
        .set(Does::Takes(seconds(5), Ok(Some(device(LAPTOP)))));
    let end = start().saturating_add(seconds(5));
    let brief = DelegationScope::until(end).capability(Capability::Read);
    let brief = within(brief.capability(Capability::Mutate));
    let expired = Some(OperationErrorKind::ScopeExpired(end));
    assert_eq!(obstacle(&connector, &brief, Operation::RemoteLock), expired);
}

#[test]
fn it_opens_and_spends_nothing() {
    let world = World::new();
    let budget = MutationBudget::new(2, 9, seconds(60));
    let strict = world.builder().mutation_budget(budget).build().unwrap();
    let lenient = world.without_floor().mutation_budget(budget);
    let lenient = lenient.build().unwrap();
    let lock = Operation::RemoteLock;
    for _ in 0..30 {
        assert_eq!(obstacle(&strict, &context(), lock), None);
        assert_eq!(obstacle(&lenient, &context(), lock), None);
    }
    assert!(pending(&world.ceremonies).is_empty());
    assert!(
        world
            .calls()
            .iter()
            .all(|call| call == "device" || call == "outcome")
    );
    for _ in 0..2 {
        run(act(&lenient, &context(), lock, None)).unwrap();
        world.clock.advance(seconds(1));
    }
    let wait = Some(OperationErrorKind::BudgetExhausted(seconds(58)));
    for _ in 0..30 {
        assert_eq!(obstacle(&lenient, &context(), lock), wait);
    }
    assert_eq!(obstacle(&lenient, &context(), Operation::SyncDevice), None);
    world.clock.advance(seconds(58));
    assert_eq!(obstacle(&lenient, &context(), lock), None);
}

proptest! {
    #[test]
    fn what_it_tells_is_what_comes(
        operation in select(ACTIONS.to_vec()),
        proposes: bool,
        mutates: bool,
        asks: bool,
        has_floor: bool,
        is_stopped: bool,
        is_own: bool,
        keeps_ceremonies: bool,
        spent in 0..3_usize,
    ) {
        let world = World::new();
        let clock = Arc::new(world.clock.clone());
        let builder = IntuneConnector::builder(world.clone(), world.clone(), clock)
            .chronicle(world.clone(), "urn:test".parse().unwrap())
            .actions(world.clone())
            .switch(world.switch.clone())
            .without_ceremony_for(Operation::RetireDevice)
            .mutation_budget(MutationBudget::new(2, 9, seconds(60)));
        let builder = if has_floor { builder } else { builder.without_ceremony_for(operation) };
        let builder = if keeps_ceremonies { builder.ceremonies(world.clone()) } else { builder };
        let connector = builder.build().unwrap();
        for _ in 0..spent {
            run(act(&connector, &context(), Operation::RetireDevice, None)).unwrap();
        }
        if is_stopped {
            world.switch.stop();
        }
        let given = [(proposes, Capability::Propose), (mutates, Capability::Mutate)];
        let given: Vec<_> = given.iter().filter(|(is_given, _)| *is_given).map(|(_, it)| *it).collect();
        let scope = reading(&given);
        let scope = if asks { scope.ceremony_required_for(operation) } else { scope };
        let caller = InvocationContext::new(adele(), scope)
            .from_device(is_own.then(|| ENTRA.parse().unwrap()));

        let told = run(connector.dry_run(&caller, laptop_id(), &action(operation))).unwrap();
        match (run(act(&connector, &caller, operation, None)), &told.obstacle) {
            (Ok(invoked), None) => {
                prop_assert!(!told.needs_ceremony);
                prop_assert_eq!(invoked.target, told.target);
            }
            (Err(error), Some(obstacle)) if error.kind() == obstacle => {}
            // When it is approved, the next obstacle shows; or it is told before, like the budget.
            (Err(error), None | Some(OperationErrorKind::BudgetExhausted(_))) => {
                prop_assert!(told.needs_ceremony);
                prop_assert_eq!(error.kind().as_str(), "ceremony_required");
            }
            (came, told) => prop_assert!(false, "{came:?} came, {told:?} was told"),
        }
    }
}
