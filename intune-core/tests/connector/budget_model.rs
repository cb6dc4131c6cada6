//! The budget keeps to a naive model of itself, whatever becomes of what it lets through.

use futures_util::FutureExt as _;
use intune_core::{
    Acceptance, ActionOutcome, OperationErrorKind, SourceFailure, SourceFailureKind,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    budget::{LOCK, caller, connector},
    people::{act, seconds},
    world::{Does, World},
};

/// What becomes of an invocation, if it is let through.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Accepted,
    Rejected,
    Unknown,
    Unanswered,
    Panics,
    NoIntent,
    CancelledBefore,
    CancelledDuring,
}

impl Fate {
    const ALL: [Self; 8] = [
        Self::Accepted,
        Self::Rejected,
        Self::Unknown,
        Self::Unanswered,
        Self::Panics,
        Self::NoIntent,
        Self::CancelledBefore,
        Self::CancelledDuring,
    ];

    /// Whether the device may have been changed.
    fn counts(self) -> bool {
        !matches!(
            self,
            Self::Rejected | Self::NoIntent | Self::CancelledBefore
        )
    }

    fn script(self, world: &World, preparing: u64) {
        let failure = SourceFailure::new(SourceFailureKind::Unavailable);
        world.intent.set(match self {
            Self::NoIntent => Does::Answers(false),
            Self::CancelledBefore => Does::Hangs(seconds(0)),
            _ => Does::Takes(seconds(preparing), true),
        });
        world.perform.set(match self {
            Self::Rejected => Does::Takes(seconds(1), ActionOutcome::Rejected(failure)),
            Self::Unknown => Does::Takes(seconds(1), ActionOutcome::Unknown(failure)),
            Self::Unanswered => Does::Hangs(seconds(30)),
            Self::Panics => Does::Panics,
            Self::CancelledDuring => Does::Hangs(seconds(0)),
            _ => Does::Answers(ActionOutcome::Accepted(Acceptance::default())),
        });
    }
}

/// When devices may have been changed, in seconds, and by whom.
type Sent = Vec<(u64, usize)>;

/// Whether one more at this time would be one too many.
fn is_too_many(sent: &Sent, person: usize, now: u64, (each, all, window): (u16, u16, u64)) -> bool {
    let recent = sent.iter().filter(|(at, _)| now < at + window);
    let own = recent.clone().filter(|(_, who)| *who == person);
    own.count() >= each.into() || recent.count() >= all.into()
}

proptest! {
    #[test]
    fn it_keeps_to_the_model(
        each in 1..4_u16,
        all in 1..6_u16,
        window in 1..60_u64,
        steps in vec((0..3_usize, proptest::option::of(0..2_usize), select(Fate::ALL.to_vec()), 0..25_u64, 0..20_u64), 1..40),
    ) {
        let budget = (each, all, window);
        let world = World::new();
        let connector = connector(&world, budget);
        let mut sent = Sent::new();
        let now = |world: &World| {
            let now = clock::Clock::now(&world.clock).wall;
            now.since(crate::people::start()).as_secs()
        };
        for (person, agent, fate, preparing, pause) in steps {
            let asked_at = now(&world);
            let wait = (0..=window).find(|wait| !is_too_many(&sent, person, asked_at + wait, budget));
            fate.script(&world, preparing);
            let before = world.performed().len();
            let caller = caller(person, agent);
            let answer = act(&connector, &caller, LOCK, None).now_or_never();
            if wait != Some(0) {
                let expected = OperationErrorKind::BudgetExhausted(seconds(wait.unwrap()));
                let error = answer.unwrap().unwrap_err();
                prop_assert_eq!(error.kind(), &expected);
                prop_assert_eq!(world.performed().len(), before);
            } else {
                match fate {
                    Fate::NoIntent => {
                        let error = answer.unwrap().unwrap_err();
                        prop_assert_eq!(error.kind(), &OperationErrorKind::AuditUnavailable);
                    }
                    Fate::CancelledBefore | Fate::CancelledDuring => prop_assert!(answer.is_none()),
                    _ => prop_assert!(answer.unwrap().is_ok()),
                }
                if fate.counts() {
                    sent.push((asked_at + preparing, person));
                }
            }
            world.clock.advance(seconds(pause));
        }
        for (start, _) in &sent {
            let within = sent.iter().filter(|(at, _)| (*start..start + window).contains(at));
            prop_assert!(within.clone().count() <= all.into());
            for person in 0..3 {
                let own = within.clone().filter(|(_, who)| *who == person);
                prop_assert!(own.count() <= each.into());
            }
        }
    }
}
