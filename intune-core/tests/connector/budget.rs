//! No more devices are changed in a time than were allowed, whoever asks.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use futures_util::FutureExt as _;
use intune_core::{
    Acceptance, ActionOutcome, CeremonyRefusal, IntuneConnector, InvocationContext, MutationBudget,
    Operation, OperationErrorKind, Principal, SourceFailure, SourceFailureKind,
};

use crate::{
    ceremonies::{approved, opened},
    people::{ACTIONS, ISSUER, act, adele, context, full_scope, invoke, seconds},
    world::{Does, World, run},
};

pub(crate) const LOCK: Operation = Operation::RemoteLock;

/// A person, perhaps through an agent.
pub(crate) fn caller(person: usize, agent: Option<usize>) -> InvocationContext {
    let who = Principal::new(ISSUER, format!("person-{person}"));
    let who = match agent {
        Some(number) => who.with_delegate(format!("agent-{number}")),
        None => who,
    };
    let until = crate::people::start().saturating_add(seconds(1_000_000));
    let scope = intune_core::Capability::ALL.into_iter().fold(
        intune_core::DelegationScope::until(until),
        intune_core::DelegationScope::capability,
    );
    InvocationContext::new(who, scope)
}

pub(crate) fn connector(world: &Arc<World>, budget: (u16, u16, u64)) -> IntuneConnector {
    let (each, all, window) = budget;
    let budget = MutationBudget::new(each, all, seconds(window));
    let builder = world.without_floor().mutation_budget(budget);
    builder.deadline(seconds(100)).build().unwrap()
}

pub(crate) fn lock(
    connector: &IntuneConnector,
    caller: &InvocationContext,
) -> Result<(), OperationErrorKind> {
    let answer = run(act(connector, caller, LOCK, None));
    answer.map(drop).map_err(|error| error.kind().clone())
}

pub(crate) fn exhausted(wait: u64) -> Result<(), OperationErrorKind> {
    Err(OperationErrorKind::BudgetExhausted(seconds(wait)))
}

#[test]
fn by_default_five_by_one_person_whatever_their_agents() {
    for action in ACTIONS.into_iter().skip(1) {
        let world = World::new();
        let connector = world.without_floor().build().unwrap();
        let object_id = "66666666-4444-4555-8666-777777777777".parse().unwrap();
        let person = caller(0, None);
        let one = person.principal().clone().with_object_id(object_id);
        let elsewhere = Principal::new("https://idp.example", "p").with_object_id(object_id);
        let scope = person.scope().clone();
        let names = [
            one.clone(),
            one.clone().with_delegate("agent-1"),
            one.clone().with_delegate("agent-2"),
            elsewhere.clone(),
            elsewhere.with_delegate("agent-1"),
        ];
        let as_name = |name: &Principal| {
            let context = InvocationContext::new(name.clone(), scope.clone());
            run(act(&connector, &context, action, None))
        };
        for name in &names {
            as_name(name).unwrap();
        }
        let hour = OperationErrorKind::BudgetExhausted(seconds(3_600));
        for name in &names {
            assert_eq!(as_name(name).unwrap_err().kind(), &hour);
        }
        assert!(hour.is_retryable());
        assert_eq!(hour.as_str(), "budget_exhausted");
        assert_eq!(world.performed().len(), 5);
        let record = world.records().pop().unwrap();
        assert_eq!(
            (&*record.phase, &*record.operation),
            ("refused", action.as_str())
        );
        assert_eq!(record.reason.as_deref(), Some("budget_exhausted"));

        for free in Operation::ALL {
            if free.capability() != intune_core::Capability::Mutate {
                run(invoke(&connector, &person, free)).unwrap();
            }
        }
        lock(&connector, &caller(1, None)).unwrap();
        world
            .clock
            .advance(seconds(3_600) - Duration::from_millis(1));
        assert_eq!(
            as_name(&one).unwrap_err().kind(),
            &OperationErrorKind::BudgetExhausted(Duration::from_millis(1))
        );
        world.clock.advance(Duration::from_millis(1));
        as_name(&one).unwrap();
    }
}

#[test]
fn by_default_twenty_of_the_tenant() {
    let world = World::new();
    let connector = world.without_floor().build().unwrap();
    for number in 0..20 {
        lock(&connector, &caller(number / 5, Some(number))).unwrap();
        world.clock.advance(seconds(60));
    }
    // The first was 20 minutes ago.
    assert_eq!(lock(&connector, &caller(9, None)), exhausted(2_400));
    for _ in 0..100 {
        run(act(
            &connector,
            &caller(9, None),
            Operation::SyncDevice,
            None,
        ))
        .unwrap();
    }
    world.clock.advance(seconds(2_400));
    lock(&connector, &caller(9, None)).unwrap();
    assert_eq!(lock(&connector, &caller(8, None)), exhausted(60));
}

#[test]
fn a_clock_that_is_set_back_or_forth_gives_nothing_away() {
    let world = World::new();
    let connector = connector(&world, (1, 9, 60));
    lock(&connector, &caller(0, None)).unwrap();
    world
        .clock
        .set_wall(crate::people::start().saturating_add(seconds(600)));
    assert_eq!(lock(&connector, &caller(0, None)), exhausted(60));
    world.clock.set_wall(crate::people::start());
    assert_eq!(lock(&connector, &caller(0, None)), exhausted(60));
}

#[test]
fn none_stops_everything() {
    for budget in [(0, 9, 60), (9, 0, 60), (0, 0, 60), (0, 9, 0), (9, 0, 0)] {
        let world = World::new();
        let connector = connector(&world, budget);
        assert_eq!(
            lock(&connector, &caller(0, None)),
            exhausted(budget.2),
            "{budget:?}"
        );
        run(act(
            &connector,
            &caller(0, None),
            Operation::SyncDevice,
            None,
        ))
        .unwrap();
    }
}

#[test]
fn it_is_reserved_once_the_ceremony_is_valid_and_before_the_intent() {
    let world = World::new();
    let budget = MutationBudget::new(1, 9, seconds(60));
    let connector = world.builder().mutation_budget(budget).build().unwrap();
    let first = approved(&world, &connector, LOCK);
    run(act(&connector, &context(), LOCK, Some(first))).unwrap();

    // One is opened all the same: by the time it is approved, there may be one left.
    let second = opened(&world, &connector, LOCK);
    let error = run(act(&connector, &context(), LOCK, Some(second))).unwrap_err();
    assert_eq!(error.kind().as_str(), "ceremony_pending");
    assert_eq!(world.calls(), ["device", "approval", "refused"]);

    let second = approved(&world, &connector, LOCK);
    let error = run(act(&connector, &context(), LOCK, Some(second))).unwrap_err();
    assert_eq!(
        error.kind(),
        &OperationErrorKind::BudgetExhausted(seconds(60))
    );
    assert_eq!(world.calls(), ["device", "approval", "refused"]);
    let record = world.records().pop().unwrap();
    assert_eq!(record.ceremony.unwrap().approvers.len(), 1);

    world.clock.advance(seconds(60));
    run(act(&connector, &context(), LOCK, Some(second))).unwrap();
    assert_eq!(world.performed().len(), 2);
}

#[test]
fn a_service_that_is_not_ready_costs_neither_budget_nor_approval() {
    let budget = MutationBudget::new(1, 1, seconds(600));
    let throttled = SourceFailure::new(SourceFailureKind::Throttled);
    for (does, reason) in [
        (Does::Answers(Err(throttled)), "throttled"),
        (Does::Hangs(seconds(10)), "timed_out"),
        (Does::Panics, "interrupted"),
    ] {
        let world = World::new();
        let connector = world.builder().mutation_budget(budget).build().unwrap();
        let id = approved(&world, &connector, LOCK);
        let lock = || run(act(&connector, &context(), LOCK, Some(id)));
        world.ready.set(does);
        assert_eq!(lock().unwrap_err().kind().as_str(), reason);
        assert_eq!(world.calls(), ["device", "approval", "ready", "refused"]);
        world.ready.answer(Ok(()));
        lock().unwrap();
        assert_eq!(world.performed().len(), 1);
    }
}

#[test]
fn what_is_refused_on_the_way_is_given_back() {
    let budget = MutationBudget::new(1, 1, seconds(600));
    let world = World::new();
    let connector = world.builder().mutation_budget(budget).build().unwrap();
    let id = approved(&world, &connector, LOCK);
    let lock = || run(act(&connector, &context(), LOCK, Some(id)));
    world.redeem.answer(Err(CeremonyRefusal::Unavailable));
    assert_eq!(
        lock().unwrap_err().kind().as_str(),
        "ceremonies_unavailable"
    );
    world.redeem.answer(Ok(()));
    *world.stops_at.lock().unwrap() = "intent";
    assert_eq!(lock().unwrap_err().kind().as_str(), "operations_stopped");
    *world.stops_at.lock().unwrap() = "";
    world.switch.resume();
    lock().unwrap();
}

#[test]
fn one_on_its_way_counts_until_it_is_known_not_to() {
    let world = World::new();
    let connector = connector(&world, (1, 9, 10));
    let (one, again) = (caller(0, Some(1)), caller(0, Some(2)));
    let answers = || {
        world.intent.answer(true);
        world
            .perform
            .answer(ActionOutcome::Accepted(Acceptance::default()));
    };

    // Its intent is being recorded, for longer than the window.
    world.intent.set(Does::Hangs(seconds(0)));
    let mut first = Box::pin(act(&connector, &one, LOCK, None));
    assert!(first.as_mut().now_or_never().is_none());
    answers();
    assert_eq!(lock(&connector, &again), exhausted(10));
    world.clock.advance(seconds(20));
    let error = lock(&connector, &again).unwrap_err();
    assert_eq!(error.as_str(), "budget_exhausted");
    drop(first);
    lock(&connector, &again).unwrap();

    // It has been sent.
    world.clock.advance(seconds(10));
    world.perform.set(Does::Hangs(seconds(0)));
    let mut second = Box::pin(act(&connector, &one, LOCK, None));
    assert!(second.as_mut().now_or_never().is_none());
    answers();
    drop(second);
    assert_eq!(lock(&connector, &again), exhausted(10));
}

#[test]
fn of_all_who_ask_at_once_so_many_are_let_through() {
    for _ in 0..50 {
        let world = World::new();
        let connector = connector(&world, (3, 5, 60));
        let barrier = Barrier::new(8);
        let race = |number: usize| {
            barrier.wait();
            lock(&connector, &caller(number % 2, Some(number))).is_ok()
        };
        let race = &race;
        let through = thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|number| scope.spawn(move || race(number)))
                .collect();
            let answers = racers.into_iter().map(|racer| racer.join().unwrap());
            answers.filter(|is_ok| *is_ok).count()
        });
        assert_eq!((through, world.performed().len()), (5, 5));
    }
}

#[test]
fn the_person_behind_an_agent_pays() {
    let world = World::new();
    let connector = connector(&world, (1, 9, 60));
    let as_agent = |name: &str| {
        let who = adele().with_delegate(name.to_owned());
        lock(&connector, &InvocationContext::new(who, full_scope()))
    };
    as_agent("agent-7").unwrap();
    assert_eq!(as_agent("agent-8"), exhausted(60));
}
