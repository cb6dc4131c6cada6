//! Actions of which somebody hangs, panics, answers wrongly or goes away.

use std::{future::Future, pin::Pin, sync::Arc};

use futures_util::FutureExt as _;
use intune_core::{
    Acceptance, ActionOutcome, Capability, ComplianceSource, DelegationScope, DeviceAction,
    DeviceActions, EntraDeviceId, Freshness, Invalidation, InvocationId, Observation, Operation,
    SourceFailure, SourceFailureKind, Target,
};

use crate::{
    people::{
        ACTIONS, LAPTOP, OTHER, act, context, device, entra_id, laptop_id, seconds, start, within,
    },
    world::{Does, World, run},
};

fn forgotten() -> [String; 2] {
    [
        Invalidation::ManagedDevice(laptop_id()),
        Invalidation::Device(entra_id()),
    ]
    .map(|what| format!("{what:?}"))
}

#[test]
fn a_service_that_gives_no_answer_leaves_the_outcome_unknown() {
    for action in ACTIONS {
        for (does, reason) in [
            (Does::Hangs(seconds(30)), SourceFailureKind::TimedOut),
            (Does::Panics, SourceFailureKind::Interrupted),
        ] {
            let world = World::new();
            world.perform.set(does);
            let invoked = run(act(&world.lenient(), &context(), action, None)).unwrap();
            let unknown = ActionOutcome::Unknown(SourceFailure::new(reason));
            assert_eq!(
                (invoked.outcome, invoked.is_outcome_recorded),
                (unknown, true)
            );
            let [managed, entra] = forgotten();
            let calls = [
                "device", "ready", "intent", "perform", &managed, &entra, "outcome",
            ];
            assert_eq!(world.calls(), calls);
            let record = world.records().pop().unwrap();
            assert_eq!(record.result.as_deref(), Some("unknown"));
            assert_eq!(record.reason.as_deref(), Some(reason.as_str()));
        }
    }
}

#[test]
fn the_action_has_its_own_deadline() {
    let world = World::new();
    world.perform.set(Does::Hangs(seconds(3)));
    let connector = world.builder().action_deadline(seconds(4)).build().unwrap();
    let caller = context();
    let mut waiting = Box::pin(act(&connector, &caller, Operation::SyncDevice, None));
    assert!(waiting.as_mut().now_or_never().is_none());
    world.clock.advance(seconds(1));
    let invoked = run(waiting).unwrap();
    assert_eq!(invoked.outcome.as_str(), "unknown");
    assert_eq!(world.records().pop().unwrap().duration_ms, Some(4_000));
}

#[test]
fn a_caller_who_goes_away_leaves_an_intent_and_nothing_stale() {
    let world = World::new();
    let connector = world.connector();
    let id = crate::ceremonies::approved(&world, &connector, Operation::RetireDevice);
    let before = world.records().len();
    world.calls();
    world.perform.set(Does::Hangs(seconds(0)));
    let caller = context();
    let gone = act(&connector, &caller, Operation::RetireDevice, Some(id)).now_or_never();
    assert!(gone.is_none());
    let [managed, entra] = forgotten();
    let calls = [
        "device", "approval", "ready", "intent", "redeem", "perform", &managed, &entra,
    ];
    assert_eq!(world.calls(), calls);
    let left = world.records().split_off(before);
    assert_eq!(
        left.iter().map(|record| &*record.phase).collect::<Vec<_>>(),
        ["intent"]
    );

    let again = run(act(&connector, &caller, Operation::RetireDevice, Some(id)));
    assert_eq!(again.unwrap_err().kind().as_str(), "ceremony_consumed");
    assert_eq!(world.performed().len(), 1);
}

#[test]
fn without_its_device_nothing_is_sent() {
    let failure = SourceFailure::new(SourceFailureKind::PermissionMissing)
        .with_status(403)
        .with_request_id("r-3");
    for action in ACTIONS {
        for (does, reason, is_retryable) in [
            (Does::Answers(Ok(None)), "device_not_found", false),
            (
                Does::Answers(Ok(Some(device(OTHER)))),
                "malformed_answer",
                false,
            ),
            (
                Does::Answers(Err(failure.clone())),
                "permission_missing",
                false,
            ),
            (Does::Hangs(seconds(10)), "timed_out", true),
            (Does::Panics, "interrupted", false),
        ] {
            let world = World::new();
            world.device.set(does);
            let error = run(act(&world.connector(), &context(), action, None)).unwrap_err();
            assert_eq!(
                (error.kind().as_str(), error.kind().is_retryable()),
                (reason, is_retryable)
            );
            assert_eq!(world.calls(), ["device", "refused"]);
            let record = world.only_record();
            assert_eq!(
                (&*record.phase, record.reason.as_deref()),
                ("refused", Some(reason))
            );
            let status = (reason == "permission_missing").then_some(403);
            assert_eq!(record.status, status);
            let target = record.target.unwrap();
            assert_eq!(
                (&*target.managed_device_id, target.entra_device_id),
                (LAPTOP, None)
            );
        }
    }
}

#[test]
fn a_cache_that_panics_takes_nothing_with_it() {
    let world = World::new();
    world.invalidate.set(Does::Panics);
    let invoked = run(act(
        &world.lenient(),
        &context(),
        Operation::SyncDevice,
        None,
    ))
    .unwrap();
    assert!(invoked.is_outcome_recorded);
    let [managed, entra] = forgotten();
    assert_eq!(world.calls()[4..], [managed, entra, "outcome".into()]);
}

/// Acts as soon as it is called, before its future is polled: a port written without `async_trait`.
#[derive(Debug)]
struct Eager;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl DeviceActions for Eager {
    fn perform<'a, 'b, 'c, 'd>(
        &'a self,
        _: &'b DeviceAction,
        _: &'c Target,
        _: InvocationId,
    ) -> Boxed<'d, ActionOutcome>
    where
        'a: 'd,
        'b: 'd,
        'c: 'd,
        Self: 'd,
    {
        panic!("on the call itself")
    }
}

impl ComplianceSource for Eager {
    fn compliance<'a, 'b>(
        &'a self,
        _: EntraDeviceId,
        _: Freshness,
    ) -> Boxed<'b, Result<Observation, SourceFailure>>
    where
        'a: 'b,
        Self: 'b,
    {
        panic!("on the call itself")
    }
}

#[test]
fn a_panic_on_the_call_itself_is_like_any_other() {
    let world = World::new();
    let connector = world.builder().actions(Arc::new(Eager)).build().unwrap();
    let invoked = run(act(&connector, &context(), Operation::SyncDevice, None)).unwrap();
    assert_eq!(
        (invoked.outcome.as_str(), invoked.is_outcome_recorded),
        ("unknown", true)
    );
}

#[test]
fn a_refused_caller_does_not_so_much_as_make_the_call() {
    let world = World::new();
    let clock = Arc::new(world.clock.clone());
    let connector = intune_core::IntuneConnector::builder(world.clone(), Arc::new(Eager), clock)
        .chronicle(world.clone(), "urn:test".parse().unwrap());
    let connector = connector.build().unwrap();
    let scope = DelegationScope::until(start().saturating_add(seconds(60)));
    let blind = within(scope.clone().capability(Capability::Mutate));
    let error = run(connector.get_compliance(&blind, entra_id())).unwrap_err();
    assert_eq!(error.kind().as_str(), "capability_missing");
    let seeing = within(scope.capability(Capability::Read));
    let error = run(connector.get_compliance(&seeing, entra_id())).unwrap_err();
    assert_eq!(error.kind().as_str(), "interrupted");
}

#[test]
fn an_acceptance_may_have_no_particulars() {
    let world = World::new();
    world
        .perform
        .answer(ActionOutcome::Accepted(Acceptance::default()));
    run(act(
        &world.lenient(),
        &context(),
        Operation::RemoteLock,
        None,
    ))
    .unwrap();
    let record = world.records().pop().unwrap();
    assert_eq!((record.status, record.request_id), (None, None));
}
