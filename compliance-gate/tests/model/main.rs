//! The cache under a scheduler that tries out who goes on when: shuttle, <https://docs.rs/shuttle>.
//!
//! ```sh
//! RUSTFLAGS='--cfg shuttle' cargo test -p compliance-gate --test model --target-dir target/shuttle
//! ```
//!
//! `MODEL_SCHEDULES` sets how many schedules each test tries with each scheduler. A failure prints its schedule,
//! with which `shuttle::replay` repeats it. A wake-up that is lost shows as a deadlock.
#![cfg(shuttle)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod askers;
mod service;

use std::sync::{Arc, atomic::Ordering::SeqCst};

use clock::{Clock, ManualClock};
use intune_core::{ComplianceSource, Finding, Freshness, SourceFailureKind};
use shuttle::{
    Config, Runner,
    future::block_on,
    rand::{Rng as _, thread_rng},
    scheduler::{PctScheduler, RandomScheduler},
    thread,
};

use askers::{Asker, Patience, TTL};
use service::{Leaving, Plan, Service};

const SCHEDULES: usize = 2_000;
/// How many preemptions PCT looks for in places of its choice.
const PREEMPTIONS: usize = 3;

#[expect(
    clippy::disallowed_methods,
    reason = "no setting of the library: how thorough a test is"
)]
fn check(scenario: impl Fn() + Copy + Send + Sync + 'static) {
    let schedules = std::env::var("MODEL_SCHEDULES");
    let schedules = schedules.map_or(SCHEDULES, |number| number.parse().unwrap());
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    Runner::new(RandomScheduler::new(schedules), config.clone()).run(scenario);
    Runner::new(PctScheduler::new(PREEMPTIONS, schedules), config).run(scenario);
}

type Task = Box<dyn FnOnce() + Send>;

fn task(task: impl FnOnce() + Send + 'static) -> Task {
    Box::new(task)
}

/// Runs them at the same time until all have ended.
fn at_once(tasks: Vec<Task>) {
    let tasks: Vec<_> = tasks.into_iter().map(thread::spawn).collect();
    for task in tasks {
        task.join().unwrap();
    }
}

#[test]
fn all_who_miss_at_once_share_one_look_up() {
    check(|| {
        let service = Service::new(Plan::Answer);
        let asker = Asker::new(&service);
        let ask = |asker: Asker| {
            task(move || {
                let answer = asker.ask(TTL, Patience::Endless).unwrap();
                assert_eq!(service::number(&answer.unwrap()), 0);
            })
        };
        at_once((0..3).map(|_| ask(asker.clone())).collect());
        assert_eq!(service.begun(), 1);
        asker.assert_nothing_is_under_way();
    });
}

#[test]
fn a_failure_is_for_all_who_waited_for_it_and_for_nobody_else() {
    check(|| {
        let service = Service::new(Plan::Fail);
        let asker = Asker::new(&service);
        let ask = |asker: Asker| {
            task(move || {
                let answer = asker.ask(TTL, Patience::Endless).unwrap();
                assert_eq!(answer.unwrap_err().kind(), SourceFailureKind::Unavailable);
            })
        };
        at_once((0..3).map(|_| ask(asker.clone())).collect());
        assert_eq!(service.most_at_once(), 1);
        asker.assert_nothing_is_under_way();
    });
}

#[test]
fn a_panic_is_a_failure_for_all_who_waited_for_it() {
    check(|| {
        let service = Service::new(Plan::Panic);
        let asker = Asker::new(&service);
        let ask = |asker: Asker| {
            task(move || {
                let answer = asker.ask(TTL, Patience::Endless).unwrap();
                assert_eq!(answer.unwrap_err().kind(), SourceFailureKind::Interrupted);
            })
        };
        at_once((0..3).map(|_| ask(asker.clone())).collect());
        assert_eq!(service.most_at_once(), 1);
        asker.assert_nothing_is_under_way();
    });
}

#[test]
fn a_look_up_goes_on_as_long_as_anybody_waits() {
    check(|| {
        let service = Service::new(Plan::Answer);
        let asker = Asker::new(&service);
        let stays = |asker: Asker| {
            task(move || {
                let answer = asker.ask(TTL, Patience::Endless).unwrap();
                answer.unwrap();
            })
        };
        let leaves = |asker: Asker| {
            task(move || {
                asker.ask(TTL, Patience::any());
            })
        };
        at_once(vec![
            leaves(asker.clone()),
            stays(asker.clone()),
            leaves(asker.clone()),
        ]);
        assert_eq!(service.most_at_once(), 1);
        asker.assert_nothing_is_under_way();
    });
}

#[test]
fn the_last_who_leaves_ends_it() {
    check(|| {
        let service = Service::new(Plan::Never);
        let asker = Asker::new(&service);
        let leaves =
            |asker: Asker| task(move || assert_eq!(asker.ask(TTL, Patience::Polls(0)), None));
        at_once((0..3).map(|_| leaves(asker.clone())).collect());
        assert_eq!(service.most_at_once(), 1);
        asker.assert_nothing_is_under_way();
    });
}

#[test]
fn what_began_before_an_invalidation_is_gone_after_it() {
    check(|| {
        let service = Service::new(Plan::Answer);
        let asker = Asker::new(&service);
        let what = service::any_invalidation();
        let asks = |asker: Asker| {
            task(move || {
                for _ in 0..2 {
                    asker.ask(TTL, Patience::Endless).unwrap().unwrap();
                    asker.peek();
                }
            })
        };
        let invalidator = asker.clone();
        at_once(vec![
            asks(asker.clone()),
            asks(asker.clone()),
            task(move || {
                invalidator.change_and_invalidate(what);
                invalidator.peek();
            }),
        ]);
        asker.assert_nothing_is_under_way();
    });
}

/// What lies below forgets first.
#[test]
fn no_layer_brings_back_what_was_invalidated() {
    check(|| {
        let service = Service::new(Plan::Answer);
        let below = askers::small_cache(service.clone()).build();
        let asker = Asker::of(askers::small_cache(Arc::new(below)).build(), &service);
        let what = service::any_invalidation();
        let asks = |asker: Asker| {
            task(move || {
                for _ in 0..2 {
                    asker.ask(TTL, Patience::Endless).unwrap().unwrap();
                }
            })
        };
        let invalidator = asker.clone();
        at_once(vec![
            asks(asker.clone()),
            task(move || invalidator.change_and_invalidate(what)),
        ]);
        asker.ask(TTL, Patience::Endless).unwrap().unwrap();
        asker.assert_nothing_is_under_way();
    });
}

/// The failure of a look-up carries what is kept, for which the same holds.
#[test]
fn no_failure_brings_back_what_was_invalidated() {
    check(|| {
        let service = Service::new(Plan::AnswerThenFail);
        let asker = Asker::new(&service);
        asker.ask(TTL, Patience::Endless).unwrap().unwrap();
        asker.let_time_pass(TTL);
        let what = service::any_invalidation();
        let asks = |asker: Asker| {
            task(move || {
                asker.ask(TTL, Patience::Endless).unwrap().unwrap_err();
            })
        };
        let invalidator = asker.clone();
        at_once(vec![
            asks(asker.clone()),
            task(move || invalidator.change_and_invalidate(what)),
            asks(asker.clone()),
        ]);
        asker.assert_nothing_is_under_way();
    });
}

#[test]
fn the_look_up_that_began_last_is_the_one_that_is_kept() {
    check(|| {
        let service = Service::new(Plan::Either);
        let asker = Asker::new(&service);
        let asks = |asker: Asker| {
            task(move || {
                let _ = asker.ask(askers::LIVE, Patience::any());
                asker.peek();
            })
        };
        let peeker = asker.clone();
        at_once(vec![
            asks(asker.clone()),
            asks(asker.clone()),
            asks(asker.clone()),
            task(move || {
                peeker.peek();
                peeker.peek();
            }),
        ]);
        assert_eq!(asker.peek(), service.last_answered());
        asker.assert_nothing_is_under_way();
    });
}

#[test]
fn what_is_looked_up_ahead_is_gone_after_an_invalidation_too() {
    check(|| {
        let service = Service::new(Plan::Answer);
        let asker = Asker::timed(&service);
        asker.ask(TTL, Patience::Endless).unwrap().unwrap();
        // Of an observation of any age, it is the last quarter of the life for somebody.
        asker.let_time_pass(TTL / 5 * 4);
        let what = service::any_invalidation();
        let (refresher, invalidator) = (asker.clone(), asker.clone());
        let asks = |asker: Asker| {
            task(move || {
                for _ in 0..2 {
                    asker.ask(TTL, Patience::any());
                    asker.peek();
                }
            })
        };
        at_once(vec![
            task(move || refresher.refresh()),
            asks(asker.clone()),
            asks(asker.clone()),
            task(move || {
                invalidator.change_and_invalidate(what);
                invalidator.peek();
            }),
        ]);
        let counters = asker.counters();
        assert!(counters.refreshed_ahead + counters.refresh_failures <= counters.look_ups);
        asker.assert_nothing_is_under_way();
    });
}

#[test]
fn a_device_that_has_left_does_not_come_back() {
    check(|| {
        let source = Arc::new(Leaving::default());
        let cache = askers::small_cache(source.clone()).build();
        let clock = ManualClock::new("2026-11-23T06:00:00Z".parse().unwrap());
        let asks = |max_age| {
            let (source, cache) = (source.clone(), cache.clone());
            let asked = Freshness {
                now: clock.now(),
                max_age,
            };
            task(move || {
                for _ in 0..2 {
                    let has_left = source.has_left.load(SeqCst);
                    let answer = block_on(cache.compliance(service::device(), asked)).unwrap();
                    let is_gone = answer.finding == Finding::NotFound;
                    // Of two live look-ups at once, each asker gets what its own has found.
                    assert!(is_gone || !has_left || max_age > askers::LIVE);
                    let is_known = source.is_known.load(SeqCst);
                    let peeked = cache.peek(service::device(), asked);
                    let is_gone = |finding| finding == Finding::NotFound;
                    assert!(peeked.is_none_or(|kept| !is_known || is_gone(kept.finding)));
                }
            })
        };
        let leaves = {
            let (source, cache) = (source.clone(), cache.clone());
            task(move || {
                source.has_left.store(true, SeqCst);
                cache.invalidate(service::any_invalidation());
                source.is_known.store(true, SeqCst);
            })
        };
        at_once(vec![asks(TTL), asks(askers::LIVE), asks(TTL), leaves]);
        let counters = cache.counters();
        assert!(counters.devices == 0 && counters.not_found <= 1);
    });
}

#[test]
fn everything_at_once() {
    check(|| {
        let service = Service::new(Plan::Anything);
        let asker = Asker::timed(&service);
        let task = |asker: Asker| {
            task(move || {
                for _ in 0..3 {
                    match thread_rng().gen_range(0..9) {
                        8 => asker.refresh(),
                        0 | 1 => asker.change_and_invalidate(service::any_invalidation()),
                        2 => drop(asker.peek()),
                        3 => asker.let_time_pass(TTL / 2),
                        4 => drop(asker.ask(askers::LIVE, Patience::any())),
                        _ => drop(asker.ask(TTL, Patience::any())),
                    }
                }
            })
        };
        at_once((0..4).map(|_| task(asker.clone())).collect());
        asker.assert_nothing_is_under_way();
    });
}
