//! Actions: what is asked of whom, in which order, and what is on record of it.

use std::{sync::Arc, time::Duration};

use chronicle::{AppendError, MemorySink, Receipt, Record, Sink, events::ConnectorInvoked};
use clock::ManualClock;
use intune_core::{
    Acceptance, ActionOutcome, Approval, CeremonyId, DeviceAction, IntuneConnector, Invalidation,
    MockCeremonies, MockComplianceSource, MockDeviceActions, MockDeviceDirectory, Operation,
    OperationErrorKind, SourceFailure, SourceFailureKind, WipeOptions,
};
use mockall::Sequence;

use crate::{
    people::{
        ACTIONS, ENTRA, LAPTOP, act, context, device, entra_id, laptop_id, megan, seconds, start,
    },
    world::{Does, World, run},
};

mockall::mock! {
    #[derive(Debug)]
    Chronicle {}
    #[async_trait::async_trait]
    impl Sink for Chronicle {
        async fn append(&self, record: Record) -> Result<Receipt, AppendError>;
    }
}

fn expect_record(
    sink: &mut MockChronicle,
    memory: &MemorySink,
    phase: &'static str,
    order: &mut Sequence,
) {
    let memory = memory.clone();
    sink.expect_append()
        .withf(move |record| {
            let data: ConnectorInvoked = serde_json::from_str(record.data().get()).unwrap();
            data.phase == phase
        })
        .once()
        .in_sequence(order)
        .returning(move |record| run(memory.append(record)));
}

#[test]
fn everybody_is_asked_once_and_in_order() {
    for action in ACTIONS {
        for ceremony in [None, Some(CeremonyId::generate())] {
            let order = &mut Sequence::new();
            let memory = MemorySink::new();
            let mut directory = MockDeviceDirectory::new();
            let mut ceremonies = MockCeremonies::new();
            let mut actions = MockDeviceActions::new();
            let mut compliance = MockComplianceSource::new();
            let mut sink = MockChronicle::new();

            let find = directory.expect_device().withf(|id| *id == laptop_id());
            find.once()
                .in_sequence(order)
                .returning(|_| Ok(Some(device(LAPTOP))));
            let approval = |id, approvers| Approval { id, approvers };
            if ceremony.is_some() {
                let check = ceremonies.expect_approval().once().in_sequence(order);
                check.returning(move |id, _| Ok(approval(id, vec![megan()])));
            }
            let ready = actions.expect_ready().once().in_sequence(order);
            ready.returning(|_| Ok(()));
            expect_record(&mut sink, &memory, "intent", order);
            if ceremony.is_some() {
                let consume = ceremonies.expect_redeem().once().in_sequence(order);
                // Meanwhile somebody else has approved, too.
                consume.returning(move |id, _| Ok(approval(id, vec![megan(), megan()])));
            }
            let perform = actions.expect_perform().once().in_sequence(order);
            perform.returning(|_, _, _| ActionOutcome::Accepted(Acceptance::default()));
            for what in [
                Invalidation::ManagedDevice(laptop_id()),
                Invalidation::Device(entra_id()),
            ] {
                let forget = compliance
                    .expect_invalidate()
                    .withf(move |asked| *asked == what);
                forget.once().in_sequence(order).return_const(());
            }
            expect_record(&mut sink, &memory, "outcome", order);

            let clock = Arc::new(ManualClock::new(start()));
            let builder =
                IntuneConnector::builder(Arc::new(directory), Arc::new(compliance), clock)
                    .chronicle(Arc::new(sink), "urn:test".parse().unwrap())
                    .actions(Arc::new(actions))
                    .ceremonies(Arc::new(ceremonies))
                    .without_ceremony_for(action);
            let connector = builder.build().unwrap();
            let invoked = run(act(&connector, &context(), action, ceremony)).unwrap();
            assert!(invoked.is_outcome_recorded);
            let approvers = memory.records().into_iter().map(|stored| {
                let data = stored.record().data().get();
                let record: ConnectorInvoked = serde_json::from_str(data).unwrap();
                record
                    .ceremony
                    .map_or(0, |ceremony| ceremony.approvers.len())
            });
            let expected = if ceremony.is_some() { [1, 2] } else { [0, 0] };
            assert_eq!(approvers.collect::<Vec<_>>(), expected);
        }
    }
}

#[test]
fn an_accepted_action_leaves_an_intent_and_an_outcome() {
    for action in ACTIONS {
        let world = World::new();
        let accepted = ActionOutcome::Accepted(Acceptance::new(Some(204), Some("r-1")));
        let took = Duration::from_millis(321);
        world.perform.set(Does::Takes(took, accepted.clone()));
        let invoked = run(act(&world.lenient(), &context(), action, None)).unwrap();
        assert_eq!(
            (&invoked.outcome, invoked.is_outcome_recorded),
            (&accepted, true)
        );

        let [(asked, target, id)] = <[_; 1]>::try_from(world.performed()).unwrap();
        assert_eq!(
            (asked.operation(), &target, id),
            (action, &invoked.target, invoked.invocation)
        );
        let records = world.records();
        for record in &records {
            assert_eq!(record.invocation_id, id.to_string());
            assert_eq!(record.operation, action.as_str());
            let target = record.target.as_ref().unwrap();
            let ids = (
                &*target.managed_device_id,
                target.entra_device_id.as_deref(),
            );
            assert_eq!(ids, (LAPTOP, Some(ENTRA)));
            let digest = asked.parameters_digest().map(|digest| digest.to_string());
            assert_eq!(record.parameters_digest, digest);
            assert_eq!((&record.ceremony, &record.reason), (&None, &None));
        }
        let [intent, outcome] = &records[..] else {
            panic!("two records, not {records:?}");
        };
        assert_eq!(
            (&*intent.phase, &intent.result, intent.duration_ms),
            ("intent", &None, None)
        );
        assert_eq!(
            (&*outcome.phase, outcome.result.as_deref()),
            ("outcome", Some("accepted"))
        );
        assert_eq!(
            (outcome.status, outcome.request_id.as_deref()),
            (Some(204), Some("r-1"))
        );
        assert_eq!(outcome.duration_ms, Some(321));
    }
}

#[test]
fn the_service_is_given_the_parameters_as_they_came() {
    let world = World::new();
    let options = WipeOptions::new()
        .keep_user_data(true)
        .mac_os_unlock_code("482913".parse().unwrap());
    run(world
        .lenient()
        .wipe_device(&context(), laptop_id(), options, None))
    .unwrap();
    let [(DeviceAction::Wipe(sent), ..)] = &world.performed()[..] else {
        panic!("one wipe");
    };
    assert!(sent.keeps_user_data() && !sent.keeps_enrollment_data());
    assert_eq!(sent.unlock_code().unwrap().expose(), "482913");
}

#[test]
fn caches_forget_what_may_have_changed_and_keep_what_has_not() {
    let failure = SourceFailure::new(SourceFailureKind::Unavailable)
        .with_status(503)
        .with_request_id("r-2");
    for outcome in [
        ActionOutcome::Accepted(Acceptance::default()),
        ActionOutcome::Unknown(failure.clone()),
        ActionOutcome::Rejected(failure.clone()),
    ] {
        for entra_id in [None, Some(entra_id())] {
            let world = World::new();
            let mut found = device(LAPTOP);
            found.azure_ad_device_id = entra_id;
            world.device.answer(Ok(Some(found)));
            world.perform.answer(outcome.clone());
            run(act(
                &world.lenient(),
                &context(),
                Operation::SyncDevice,
                None,
            ))
            .unwrap();

            let mut expected = vec![
                "device".to_owned(),
                "ready".into(),
                "intent".into(),
                "perform".into(),
            ];
            if outcome.may_take_effect() {
                expected.push(format!("{:?}", Invalidation::ManagedDevice(laptop_id())));
                expected.extend(entra_id.map(|id| format!("{:?}", Invalidation::Device(id))));
            }
            expected.push("outcome".into());
            assert_eq!(world.calls(), expected);
            let record = world.records().pop().unwrap();
            assert_eq!(record.result.as_deref(), Some(outcome.as_str()));
            if let Some(failure) = outcome.failure() {
                assert_eq!(record.reason.as_deref(), Some(failure.kind().as_str()));
                assert_eq!(
                    (record.status, record.request_id.as_deref()),
                    (Some(503), Some("r-2"))
                );
            }
        }
    }
}

#[test]
fn nothing_is_sent_without_its_intent_on_record() {
    for action in ACTIONS {
        for sink in [Does::Answers(false), Does::Hangs(seconds(10)), Does::Panics] {
            let world = World::new();
            world.intent.set(sink);
            let error = run(act(&world.lenient(), &context(), action, None)).unwrap_err();
            assert_eq!(error.kind(), &OperationErrorKind::AuditUnavailable);
            assert_eq!(world.calls(), ["device", "ready", "intent", "refused"]);
            assert_eq!(
                world.only_record().reason.as_deref(),
                Some("audit_unavailable")
            );
        }
    }
}

#[test]
fn an_approval_survives_an_intent_that_cannot_be_recorded() {
    let world = World::new();
    let connector = world.connector();
    let id = crate::ceremonies::approved(&world, &connector, Operation::WipeDevice);
    world.memory.refuse_appends(true);
    let error = run(act(&connector, &context(), Operation::WipeDevice, Some(id))).unwrap_err();
    assert_eq!(error.kind().as_str(), "audit_unavailable");
    assert!(
        !world
            .calls()
            .iter()
            .any(|call| call == "redeem" || call == "perform")
    );
    world.memory.refuse_appends(false);
    run(act(&connector, &context(), Operation::WipeDevice, Some(id))).unwrap();
    assert_eq!(world.performed().len(), 1);
}

#[test]
fn an_outcome_that_cannot_be_recorded_is_told_all_the_same() {
    for action in ACTIONS {
        for sink in [Does::Answers(false), Does::Hangs(seconds(10)), Does::Panics] {
            let world = World::new();
            world.outcome.set(sink);
            let invoked = run(act(&world.lenient(), &context(), action, None)).unwrap();
            assert!(!invoked.is_outcome_recorded);
            assert!(matches!(invoked.outcome, ActionOutcome::Accepted(_)));
            assert_eq!(world.only_record().phase, "intent");
            assert_eq!(world.performed().len(), 1);
        }
    }
}
