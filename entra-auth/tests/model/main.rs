//! The client's cache under a scheduler that tries out who goes on when: shuttle, <https://docs.rs/shuttle>.
//!
//! ```sh
//! RUSTFLAGS='--cfg shuttle' cargo test -p entra-auth --test model --target-dir target/shuttle
//! ```
//!
//! `MODEL_SCHEDULES` sets how many schedules each test tries with each scheduler. A failure prints its schedule,
//! with which `shuttle::replay` repeats it. A wake-up that is lost shows as a deadlock. All but the network and the
//! clock is the client as it is.
#![cfg(shuttle)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod callers;
mod entra;

use std::time::Duration;

use entra_auth::TokenErrorKind::{InvalidScope, Unavailable};
use shuttle::{
    Config, Runner,
    rand::{Rng as _, thread_rng},
    scheduler::{PctScheduler, RandomScheduler},
    thread,
};

use callers::{Caller, Patience};
use entra::{DUE, Entra, LIFE, Plan, REFRESH, Signal, any, number};

const SCHEDULES: usize = 500;
/// How many preemptions PCT looks for in places of its choice.
const PREEMPTIONS: usize = 3;
/// So long a failure is for those who come later, too.
const SECOND: Duration = Duration::from_secs(1);
const CLAIMS: [&str; 2] = [
    r#"{"access_token":{"nbf":1}}"#,
    r#"{"access_token":{"nbf":2}}"#,
];

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

fn task(caller: &Caller, task: impl FnOnce(Caller) + Send + 'static) -> Task {
    let caller = caller.clone();
    Box::new(move || task(caller))
}

/// Runs them at the same time until all have ended.
fn at_once(tasks: impl IntoIterator<Item = Task>) {
    let tasks: Vec<_> = tasks.into_iter().map(thread::spawn).collect();
    for task in tasks {
        task.join().unwrap();
    }
}

#[test]
fn all_who_miss_at_once_share_one_request() {
    check(|| {
        let entra = Entra::new(Plan::Answer);
        let caller = Caller::new(&entra);
        let ask = || task(&caller, |caller| assert_eq!(number(&caller.get()), 0));
        at_once([ask(), ask(), ask()]);
        assert_eq!(entra.begun(), 1);
        caller.assert_nothing_is_under_way();
    });
}

#[test]
fn a_failure_is_for_all_who_waited_for_it() {
    check(|| {
        let entra = Entra::new(Plan::Fail);
        let caller = Caller::new(&entra);
        let ask = || {
            task(&caller, |caller| {
                let error = caller.ask(Patience::Endless).unwrap().unwrap_err();
                assert_eq!((error.kind(), error.trace_id()), (InvalidScope, Some("0")));
            })
        };
        at_once([ask(), ask(), ask()]);
        assert_eq!(entra.begun(), 1);
        caller.assert_nothing_is_under_way();
        // But not for ever.
        entra.switch_to(Plan::Answer);
        caller.let_time_pass(SECOND);
        caller.get();
    });
}

#[test]
fn a_panic_is_a_failure_for_all_who_waited_for_it() {
    check(|| {
        let entra = Entra::new(Plan::Panic);
        let caller = Caller::new(&entra);
        let ask = || {
            task(&caller, |caller| {
                let error = caller.ask(Patience::Endless).unwrap().unwrap_err();
                assert_eq!(error.kind(), Unavailable);
            })
        };
        at_once([ask(), ask(), ask()]);
        assert_eq!(entra.begun(), 1);
        caller.assert_nothing_is_under_way();
    });
}

#[test]
fn a_request_goes_on_as_long_as_anybody_waits() {
    check(|| {
        let entra = Entra::new(Plan::Answer);
        let caller = Caller::new(&entra);
        let leaves = || task(&caller, |caller| drop(caller.ask(Patience::any())));
        let stays = task(&caller, |caller| drop(caller.get()));
        at_once([leaves(), stays, leaves()]);
        assert_eq!(entra.most_at_once(), 1);
        caller.assert_nothing_is_under_way();
    });
}

#[test]
fn the_last_who_leaves_ends_it() {
    check(|| {
        let entra = Entra::new(Plan::Never);
        let caller = Caller::new(&entra);
        let leaves = || {
            task(&caller, |caller| {
                assert!(caller.ask(Patience::Polls(0)).is_none());
            })
        };
        at_once([leaves(), leaves(), leaves()]);
        assert_eq!(entra.most_at_once(), 1);
        caller.assert_nothing_is_under_way();
        entra.switch_to(Plan::Answer);
        caller.get();
    });
}

/// One waits, the others have the old one; and when nobody waits any more, the next one does.
#[test]
fn a_token_that_is_due_is_held_while_somebody_replaces_it() {
    check(|| {
        let entra = Entra::new(Plan::Answer);
        let caller = Caller::new(&entra);
        caller.get();
        caller.let_time_pass(DUE);
        entra.switch_to(Plan::Never);
        let leaves = || task(&caller, |caller| drop(caller.ask(Patience::Polls(0))));
        at_once([leaves(), leaves(), leaves()]);
        caller.assert_nothing_is_under_way();
        assert!(caller.peek().is_none(), "nobody is at it");
        assert_eq!(entra.most_at_once(), 1);
        entra.switch_to(Plan::Answer);
        assert!(number(&caller.get()) > 0);
    });
}

#[test]
fn a_rejected_token_is_never_served_again() {
    check(|| {
        let entra = Entra::new(Plan::Answer);
        let caller = Caller::new(&entra);
        let asks = || {
            task(&caller, |caller| {
                for _ in 0..2 {
                    caller.reject(&caller.get());
                    caller.peek();
                }
            })
        };
        let peeks = task(&caller, |caller| {
            if let Some(token) = caller.peek() {
                caller.reject(&token);
                caller.get();
            }
        });
        at_once([asks(), asks(), peeks]);
        assert_eq!(entra.most_at_once(), 1);
        caller.assert_nothing_is_under_way();
    });
}

/// Whoever just missed one request's token begins the next, which finds it; and then somebody rejects it.
#[test]
fn a_second_look_brings_back_nothing_that_was_rejected() {
    check(|| {
        let entra = Entra::new(Plan::Answer);
        let caller = Caller::new(&entra);
        let asks = || task(&caller, |caller| drop(caller.get()));
        let rejects = task(&caller, |caller| {
            caller.reject(&caller.get());
            caller.get();
        });
        at_once([asks(), rejects]);
        assert_eq!(entra.most_at_once(), 1);
        caller.assert_nothing_is_under_way();
    });
}

#[test]
fn the_newest_token_is_kept() {
    check(|| {
        let entra = Entra::new(Plan::Answer);
        let caller = Caller::new(&entra);
        let token = caller.get();
        entra.switch_to(Plan::Either);
        let challenges = |which: usize| {
            let token = token.clone();
            task(&caller, move |caller| {
                caller.challenge(&token, CLAIMS[which], Patience::any());
                caller.peek();
            })
        };
        let asks = task(&caller, |caller| {
            caller.ask(Patience::any());
            caller.peek();
        });
        let peeks = task(&caller, |caller| {
            caller.peek();
            caller.peek();
        });
        at_once([challenges(0), challenges(1), asks, peeks]);
        caller.assert_nothing_is_under_way();
    });
}

#[test]
fn no_request_that_is_under_way_swallows_a_challenge() {
    check(|| {
        let entra = Entra::new(Plan::Answer);
        let caller = Caller::new(&entra);
        let token = caller.get();
        caller.let_time_pass(DUE);
        entra.switch_to(Plan::AnswerChallenges);
        let challenged = task(&caller, {
            let entra = entra.clone();
            move |caller| {
                let answer = caller.challenge(&token, CLAIMS[0], Patience::Endless);
                let form = entra.form(number(&answer.unwrap().unwrap()));
                assert_eq!(form.claims.as_deref(), Some(CLAIMS[0]));
            }
        });
        let leaves = || task(&caller, |caller| drop(caller.ask(Patience::Polls(0))));
        at_once([leaves(), challenged, leaves()]);
        caller.assert_nothing_is_under_way();
    });
}

#[test]
fn the_same_challenge_is_answered_once_and_each_other_for_itself() {
    check(|| {
        let entra = Entra::new(Plan::Answer);
        let caller = Caller::new(&entra);
        let token = caller.get();
        let challenged = |which: usize| {
            let token = token.clone();
            task(&caller, move |caller| {
                let answer = caller.challenge(&token, CLAIMS[which], Patience::Endless);
                answer.unwrap().unwrap();
            })
        };
        at_once([challenged(0), challenged(0), challenged(0)]);
        assert_eq!(entra.begun(), 2);
        let token = caller.get();
        let challenged = |which: usize| {
            let token = token.clone();
            task(&caller, move |caller| {
                let answer = caller.challenge(&token, CLAIMS[which], Patience::Endless);
                answer.unwrap().unwrap();
            })
        };
        at_once([challenged(0), challenged(1)]);
        caller.assert_nothing_is_under_way();
    });
}

#[test]
fn no_scope_is_lost_when_several_come_at_once() {
    check(|| {
        let entra = Entra::new(Plan::Answer);
        let caller = Caller::new(&entra);
        let scopes = ["a/.default", "b/.default", "c/.default"];
        let asks = |caller: Caller| task(&caller, |caller| drop(caller.get()));
        at_once(scopes.map(|scope| asks(caller.of(scope))));
        for scope in scopes {
            assert!(caller.of(scope).peek().is_some());
        }
        assert_eq!(entra.begun(), scopes.len());
        caller.assert_nothing_is_under_way();
    });
}

#[test]
fn the_background_replaces_a_token_in_time_and_ends_when_told() {
    check(|| {
        let entra = Entra::new(Plan::Answer);
        let caller = Caller::new(&entra);
        caller.get();
        let stop = Signal::default();
        let keeps = task(&caller, {
            let stop = stop.clone();
            |caller| caller.keep_fresh(stop)
        });
        let asks = task(&caller, move |caller| {
            caller.until_kept();
            caller.let_time_pass(REFRESH);
            caller.until_served(1);
            stop.give();
        });
        at_once([keeps, asks]);
        assert_eq!(entra.begun(), 2);
        caller.assert_nothing_is_under_way();
        caller.let_time_pass(DUE);
        assert!(caller.peek().is_none(), "nobody is at it");
    });
}

/// No time passes in which it could look again.
#[test]
fn the_background_replaces_what_was_rejected() {
    check(|| {
        let entra = Entra::new(Plan::Answer);
        let caller = Caller::new(&entra);
        let token = caller.get();
        let stop = Signal::default();
        let keeps = task(&caller, {
            let stop = stop.clone();
            |caller| caller.keep_fresh(stop)
        });
        let rejects = task(&caller, move |caller| {
            caller.reject(&token);
            caller.until_served(1);
            stop.give();
        });
        at_once([keeps, rejects]);
        assert_eq!(entra.begun(), 2);
        caller.assert_nothing_is_under_way();
    });
}

#[test]
fn a_background_that_ends_hands_over() {
    check(|| {
        let entra = Entra::new(Plan::Answer);
        let caller = Caller::new(&entra);
        caller.get();
        caller.let_time_pass(LIFE);
        let stop = Signal::default();
        let keeps = task(&caller, {
            let stop = stop.clone();
            |caller| caller.keep_fresh(stop)
        });
        let leaves = task(&caller, |caller| {
            caller.keep_fresh_and_leave(thread_rng().gen_range(0..3));
        });
        let stops = task(&caller, move |_| stop.give());
        let stays = task(&caller, |caller| drop(caller.get()));
        at_once([keeps, leaves, stops, stays]);
        assert_eq!(entra.most_at_once(), 1);
        caller.assert_nothing_is_under_way();
    });
}

#[test]
fn everything_at_once() {
    check(|| {
        let entra = Entra::new(Plan::Anything);
        let caller = Caller::new(&entra);
        let stop = Signal::default();
        let keeps = task(&caller, {
            let stop = stop.clone();
            |caller| caller.keep_fresh(stop)
        });
        let anything = || {
            task(&caller, |caller| {
                let mut last = None;
                for _ in 0..3 {
                    match (thread_rng().gen_range(0..8), last.take()) {
                        (0, Some(token)) => caller.reject(&token),
                        (1 | 2, Some(token)) => {
                            let answer = caller.challenge(&token, any(&CLAIMS), Patience::any());
                            last = answer.and_then(Result::ok);
                        }
                        (3, _) => caller.let_time_pass(any(&[SECOND, REFRESH, DUE, LIFE])),
                        (4, _) => last = caller.peek(),
                        _ => last = caller.ask(Patience::any()).and_then(Result::ok),
                    }
                }
            })
        };
        let stops = task(&caller, move |_| stop.give());
        at_once([keeps, anything(), anything(), anything(), stops]);
        caller.assert_nothing_is_under_way();
        entra.switch_to(Plan::Answer);
        caller.let_time_pass(LIFE);
        caller.get();
    });
}
