//! An approval is of one exact thing, and good for it once.

use std::{
    sync::{Arc, Barrier},
    thread,
};

use intune_core::{
    CeremonyId, CeremonyRefusal, InMemoryCeremonies, IntuneConnector, InvocationContext,
    ManagedDevice, ManagementState, Mismatch, MutationBudget, Operation, OperationError,
    OperationErrorKind, Principal, WipeOptions,
};

use crate::{
    people::{
        AC, ACTIONS, ENTRA, ISSUER, LAPTOP, OTHER, act, adele, approve, context, deny, device,
        full_scope, laptop_id, megan, rule, seconds, within,
    },
    world::{World, run},
};

/// Opens a ceremony for the action on the laptop, whether it needs one or not.
pub(crate) fn opened(
    world: &Arc<World>,
    connector: &IntuneConnector,
    action: Operation,
) -> CeremonyId {
    let strict = within(full_scope().ceremony_required_for(action));
    let error = run(act(connector, &strict, action, None)).unwrap_err();
    world.calls();
    match error.kind() {
        OperationErrorKind::CeremonyRequired(open) => open.id,
        other => panic!("{other}"),
    }
}

pub(crate) fn approved(
    world: &Arc<World>,
    connector: &IntuneConnector,
    action: Operation,
) -> CeremonyId {
    let id = opened(world, connector, action);
    approve(&world.ceremonies, id, &megan()).unwrap();
    id
}

fn refusal(answer: Result<impl std::fmt::Debug, OperationError>) -> CeremonyRefusal {
    match answer.unwrap_err().kind() {
        OperationErrorKind::CeremonyRefused(refusal) => *refusal,
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_approved_is_done_once_and_the_record_says_by_whose_leave() {
    for action in ACTIONS {
        let world = World::new();
        let connector = world.connector();
        let id = approved(&world, &connector, action);
        let before = world.records().len();
        run(act(&connector, &context(), action, Some(id))).unwrap();
        let records = world.records().split_off(before);
        assert_eq!(records.len(), 2);
        for record in records {
            let ceremony = record.ceremony.unwrap();
            assert_eq!(ceremony.id, id.to_string());
            let [approver] = &ceremony.approvers[..] else {
                panic!("one approver");
            };
            assert_eq!((&*approver.issuer, &*approver.subject), (ISSUER, "megan"));
        }

        let again = refusal(run(act(&connector, &context(), action, Some(id))));
        assert_eq!(again, CeremonyRefusal::Consumed);
        let record = world.records().pop().unwrap();
        assert_eq!(
            (&*record.phase, record.reason.as_deref()),
            ("refused", Some("ceremony_consumed"))
        );
        assert_eq!(world.performed().len(), 1);
    }
}

#[test]
fn a_ceremony_that_nobody_asked_for_is_checked_and_used_up_too() {
    let world = World::new();
    let connector = world.lenient();
    let id = opened(&world, &connector, Operation::SyncDevice);
    let answer = run(act(&connector, &context(), Operation::SyncDevice, Some(id)));
    assert_eq!(refusal(answer), CeremonyRefusal::Pending);
    approve(&world.ceremonies, id, &megan()).unwrap();
    run(act(&connector, &context(), Operation::SyncDevice, Some(id))).unwrap();
    let answer = run(act(&connector, &context(), Operation::SyncDevice, Some(id)));
    assert_eq!(refusal(answer), CeremonyRefusal::Consumed);
    let answer = run(act(
        &connector,
        &context(),
        Operation::SyncDevice,
        Some(CeremonyId::generate()),
    ));
    assert_eq!(refusal(answer), CeremonyRefusal::NotFound);
    assert_eq!(world.performed().len(), 1);
}

#[test]
fn pending_denied_and_expired_ceremonies_do_not_count() {
    let world = World::new();
    let connector = world.connector();
    let lock = |id| run(act(&connector, &context(), Operation::RemoteLock, Some(id)));
    let id = opened(&world, &connector, Operation::RemoteLock);
    assert_eq!(refusal(lock(id)), CeremonyRefusal::Pending);
    deny(&world.ceremonies, id, &megan()).unwrap();
    assert_eq!(refusal(lock(id)), CeremonyRefusal::Denied);
    // Nor does asking again help, as long as the ceremony would have lasted.
    let again = run(act(&connector, &context(), Operation::RemoteLock, None));
    assert_eq!(refusal(again), CeremonyRefusal::Denied);

    let id = approved(&world, &connector, Operation::WipeDevice);
    // The scope outlives it.
    let until = full_scope().expires_at().saturating_add(seconds(60));
    let longer = InvocationContext::new(
        adele(),
        intune_core::DelegationScope::until(until).capability(intune_core::Capability::Mutate),
    )
    .authorized_by(
        "infrastructure-operations".parse().unwrap(),
        AC.parse().unwrap(),
    );
    world.clock.advance(seconds(3600));
    let answer = run(act(&connector, &longer, Operation::WipeDevice, Some(id)));
    assert_eq!(refusal(answer), CeremonyRefusal::Expired);
    let answer = run(act(
        &connector,
        &longer,
        Operation::RemoteLock,
        Some(CeremonyId::generate()),
    ));
    assert_eq!(refusal(answer), CeremonyRefusal::NotFound);
    assert_eq!(world.performed().len(), 0);
}

#[test]
fn an_approval_is_for_one_operation_with_its_parameters() {
    let world = World::new();
    let connector = world.connector();
    let id = approved(&world, &connector, Operation::WipeDevice);
    let other = run(act(
        &connector,
        &context(),
        Operation::RetireDevice,
        Some(id),
    ));
    assert_eq!(
        refusal(other),
        CeremonyRefusal::Mismatch(Mismatch::Operation)
    );
    for options in [
        WipeOptions::new().keep_user_data(true),
        WipeOptions::new().keep_enrollment_data(true),
        WipeOptions::new().persist_esim_data_plan(true),
        WipeOptions::new().mac_os_unlock_code("482913".parse().unwrap()),
    ] {
        let other = run(connector.wipe_device(&context(), laptop_id(), options, Some(id)));
        assert_eq!(
            refusal(other),
            CeremonyRefusal::Mismatch(Mismatch::Parameters)
        );
    }
    assert_eq!(world.performed().len(), 0);
    run(act(&connector, &context(), Operation::WipeDevice, Some(id))).unwrap();
}

#[test]
fn an_approval_is_for_one_device_under_both_its_ids_whatever_its_name() {
    let world = World::new();
    let connector = world.connector();
    let id = approved(&world, &connector, Operation::RemoteLock);
    world.device.answer(Ok(Some(device(OTHER))));
    let other = run(connector.remote_lock(&context(), OTHER.parse().unwrap(), Some(id)));
    assert_eq!(refusal(other), CeremonyRefusal::Mismatch(Mismatch::Device));

    let mut moved = device(LAPTOP);
    moved.azure_ad_device_id = Some(ENTRA.replace('7', "8").parse().unwrap());
    world.device.answer(Ok(Some(moved)));
    let moved = run(act(&connector, &context(), Operation::RemoteLock, Some(id)));
    assert_eq!(refusal(moved), CeremonyRefusal::Mismatch(Mismatch::Device));

    let mut renamed = device(LAPTOP);
    renamed.device_name = Some("renamed".into());
    world.device.answer(Ok(Some(renamed)));
    run(act(&connector, &context(), Operation::RemoteLock, Some(id))).unwrap();
    assert_eq!(world.performed().len(), 1);
}

#[test]
fn an_approval_is_for_one_tenant() {
    let world = World::new();
    let of = |tenant: &str| world.builder().tenant(tenant).build().unwrap();
    let id = approved(&world, &of("t1"), Operation::RemoteLock);
    for connector in [of("t2"), world.connector()] {
        let other = run(act(&connector, &context(), Operation::RemoteLock, Some(id)));
        assert_eq!(refusal(other), CeremonyRefusal::Mismatch(Mismatch::Device));
    }
    run(act(&of("t1"), &context(), Operation::RemoteLock, Some(id))).unwrap();
}

#[test]
fn an_approval_is_for_the_device_as_it_was_seen() {
    let changes: [fn(&mut ManagedDevice); 4] = [
        |device| device.user_id = Some("66666666-4444-4555-8666-777777777777".parse().unwrap()),
        |device| device.management_state = ManagementState::RetirePending,
        |device| device.management_state = ManagementState::WipeIssued,
        |device| device.management_state = ManagementState::from_wire("new"),
    ];
    for change in changes {
        let world = World::new();
        let connector = world.connector();
        let id = approved(&world, &connector, Operation::WipeDevice);
        let mut changed = device(LAPTOP);
        change(&mut changed);
        world.device.answer(Ok(Some(changed)));
        let answer = run(act(&connector, &context(), Operation::WipeDevice, Some(id)));
        let expected = CeremonyRefusal::Mismatch(Mismatch::DeviceChanged);
        assert_eq!(refusal(answer), expected);
        assert_eq!(world.calls(), ["device", "approval", "refused"]);
        let reason = world.records().pop().unwrap().reason;
        assert_eq!(reason.as_deref(), Some("device_changed_since_ceremony"));

        // As it was, it is approved still.
        world.device.answer(Ok(Some(device(LAPTOP))));
        run(act(&connector, &context(), Operation::WipeDevice, Some(id))).unwrap();
    }
}

#[test]
fn two_of_two_approve_and_the_record_names_both() {
    let world = World::new();
    let rule = rule().approvals(2.try_into().unwrap());
    let two = InMemoryCeremonies::new(rule, Arc::new(world.clock.clone()));
    let connector = world.builder().ceremonies(Arc::new(two.clone()));
    let connector = connector.build().unwrap();
    let id = opened(&world, &connector, Operation::RemoteLock);
    let lock = || run(act(&connector, &context(), Operation::RemoteLock, Some(id)));
    for _ in 0..2 {
        approve(&two, id, &megan()).unwrap();
        assert_eq!(refusal(lock()), CeremonyRefusal::Pending);
    }
    approve(&two, id, &Principal::new(ISSUER, "lynne")).unwrap();
    lock().unwrap();
    let ceremony = world.records().pop().unwrap().ceremony.unwrap();
    let approvers: Vec<_> = ceremony.approvers.iter().map(|it| &*it.subject).collect();
    assert_eq!(approvers, ["megan", "lynne"]);
}

#[test]
fn an_approval_is_for_one_requester_and_grant() {
    let world = World::new();
    let connector = world.connector();
    let id = approved(&world, &connector, Operation::RemoteLock);
    let try_as = |who: Principal, grant: Option<(&str, &str)>| {
        let mut caller = InvocationContext::new(who, full_scope());
        if let Some((accord, id)) = grant {
            caller = caller.authorized_by(accord.parse().unwrap(), id.parse().unwrap());
        }
        refusal(run(act(
            &connector,
            &caller,
            Operation::RemoteLock,
            Some(id),
        )))
    };
    let same = Some(("infrastructure-operations", AC));
    let object_id = "55555555-4444-4555-8666-777777777777".parse().unwrap();
    for somebody_else in [
        megan(),
        Principal::new(ISSUER, "adele"),
        Principal::new(ISSUER, "adele").with_delegate("agent-8"),
        Principal::new("https://login.example/t2/v2.0", "adele").with_delegate("agent-7"),
        adele().with_object_id(object_id),
    ] {
        // Not even that there is one.
        assert_eq!(try_as(somebody_else, same), CeremonyRefusal::NotFound);
    }
    for grant in [
        None,
        Some(("infrastructure-operations", "another")),
        Some(("device-management", AC)),
    ] {
        let mismatch = CeremonyRefusal::Mismatch(Mismatch::AuthorizationContext);
        assert_eq!(try_as(adele(), grant), mismatch);
    }
    run(act(&connector, &context(), Operation::RemoteLock, Some(id))).unwrap();
}

#[test]
fn of_all_who_race_for_an_approval_one_acts() {
    const RACERS: usize = 8;
    for _ in 0..50 {
        let world = World::new();
        let plenty = MutationBudget::new(100, 100, seconds(1));
        let connector = world.builder().mutation_budget(plenty).build().unwrap();
        let id = approved(&world, &connector, Operation::WipeDevice);
        let barrier = Barrier::new(RACERS);
        let race = || {
            barrier.wait();
            run(act(&connector, &context(), Operation::WipeDevice, Some(id)))
        };
        let answers: Vec<_> = thread::scope(|scope| {
            let racers: Vec<_> = (0..RACERS).map(|_| scope.spawn(race)).collect();
            racers
                .into_iter()
                .map(|racer| racer.join().unwrap())
                .collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), world.performed().len()), (1, 1));
        for answer in lost {
            assert_eq!(refusal(answer), CeremonyRefusal::Consumed);
        }
        let records = world.records();
        let outcomes = records.iter().filter(|record| record.phase == "outcome");
        assert_eq!(outcomes.count(), 1);
    }
}

#[test]
fn who_loses_the_race_after_the_intent_is_on_record_as_refused() {
    let world = World::new();
    let connector = world.connector();
    let id = approved(&world, &connector, Operation::WipeDevice);
    // Somebody redeems it between the check and the use.
    world.redeem.answer(Err(CeremonyRefusal::Consumed));
    let before = world.records().len();
    let answer = run(act(&connector, &context(), Operation::WipeDevice, Some(id)));
    let invocation = answer.as_ref().unwrap_err().invocation().to_string();
    assert_eq!(refusal(answer), CeremonyRefusal::Consumed);
    assert_eq!(
        world.calls(),
        ["device", "approval", "ready", "intent", "redeem", "refused"]
    );
    let records = world.records().split_off(before);
    let phases: Vec<_> = records
        .iter()
        .map(|record| (&*record.phase, &record.invocation_id))
        .collect();
    assert_eq!(phases, [("intent", &invocation), ("refused", &invocation)]);
}
