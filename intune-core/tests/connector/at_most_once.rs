//! Whatever the others do: sent at most once, never without an intent, and never unrecorded.

use intune_core::{
    Acceptance, ActionOutcome, CeremonyRefusal, Operation, SourceFailure, SourceFailureKind,
};
use proptest::{prelude::*, sample::select};

use crate::{
    people::{ACTIONS, LAPTOP, OTHER, act, approve, context, deny, device, megan, seconds},
    world::{Does, World, run},
};

/// What somebody may do: most often answer.
fn does<T: Clone + std::fmt::Debug + 'static>(answers: Vec<T>) -> impl Strategy<Value = Does<T>> {
    let answer = select(answers);
    prop_oneof![
        6 => answer.clone().prop_map(Does::Answers),
        1 => answer.prop_map(|answer| Does::Takes(seconds(9), answer)),
        1 => Just(Does::Hangs(seconds(31))),
        1 => Just(Does::Panics),
    ]
}

fn failure() -> SourceFailure {
    SourceFailure::new(SourceFailureKind::Unavailable)
}

/// Whether a sink that does this has stored the record.
fn takes(sink: &Does<bool>) -> bool {
    matches!(sink, Does::Answers(true) | Does::Takes(_, true))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn sent_at_most_once_and_only_after_its_intent(
        action in select(ACTIONS.to_vec()),
        decision in select(vec![None, Some(false), Some(true)]),
        is_lenient: bool,
        brings: bool,
        found in does(vec![Ok(Some(device(LAPTOP))), Ok(Some(device(LAPTOP))), Ok(Some(device(OTHER))), Ok(None), Err(failure())]),
        performed in does(vec![
            ActionOutcome::Accepted(Acceptance::default()),
            ActionOutcome::Rejected(failure()),
            ActionOutcome::Unknown(failure()),
        ]),
        ready in does(vec![Ok(()), Ok(()), Ok(()), Err(failure())]),
        intent in does(vec![true, true, false]),
        outcome in does(vec![true, false]),
        refused in does(vec![true, true, false]),
        open in does(vec![Ok(()), Err(CeremonyRefusal::Unavailable)]),
        approval in does(vec![Ok(()), Ok(()), Err(CeremonyRefusal::Unavailable)]),
        redeem in does(vec![Ok(()), Ok(()), Err(CeremonyRefusal::Unavailable)]),
        invalidate in select(vec![Does::Answers(()), Does::Panics]),
    ) {
        let world = World::new();
        let ceremony = brings.then(|| crate::ceremonies::opened(&world, &world.connector(), action));
        if let (Some(id), Some(is_yes)) = (ceremony, decision) {
            let decide = if is_yes { approve } else { deny };
            decide(&world.ceremonies, id, &megan()).unwrap();
        }
        let before = world.records().len();
        world.calls();
        world.device.set(found);
        world.perform.set(performed);
        world.ready.set(ready);
        world.intent.set(intent.clone());
        world.outcome.set(outcome.clone());
        world.refused.set(refused.clone());
        world.open.set(open);
        world.approval.set(approval);
        world.redeem.set(redeem);
        world.invalidate.set(invalidate);
        let connector = if is_lenient { world.lenient() } else { world.connector() };

        let answer = run(act(&connector, &context(), action, ceremony));

        let calls = world.calls();
        let first = |name: &str| calls.iter().position(|call| call == name);
        let count = |name: &str| calls.iter().filter(|call| *call == name).count();
        let records = world.records().split_off(before);
        let phases: Vec<_> = records.iter().map(|record| &*record.phase).collect();
        let sent = world.performed().len();
        for name in ["device", "open", "approval", "ready", "intent", "redeem", "perform", "outcome", "refused"] {
            prop_assert!(count(name) <= 1, "{name} in {calls:?}");
        }
        match &answer {
            Ok(invoked) => {
                prop_assert_eq!(sent, 1);
                prop_assert!(first("ready") < first("intent") && first("intent") < first("perform"));
                prop_assert_eq!(phases.first(), Some(&"intent"));
                prop_assert_eq!(invoked.is_outcome_recorded, phases == ["intent", "outcome"]);
                prop_assert_eq!(invoked.is_outcome_recorded, takes(&outcome));
                let forgot = calls.iter().any(|call| call.starts_with("ManagedDevice"));
                prop_assert_eq!(forgot, invoked.outcome.may_take_effect());
                let needs_one = !is_lenient && action != Operation::SyncDevice;
                prop_assert!(!needs_one || ceremony.is_some());
                if ceremony.is_some() {
                    prop_assert_eq!(decision, Some(true));
                    prop_assert!(first("intent") < first("redeem") && first("redeem") < first("perform"));
                }
            }
            Err(error) => {
                prop_assert_eq!((sent, count("perform")), (0, 0));
                prop_assert_eq!(phases.contains(&"refused"), takes(&refused));
                let reason = records.iter().find_map(|record| record.reason.as_deref());
                prop_assert_eq!(reason, takes(&refused).then_some(error.kind().as_str()));
                prop_assert!(!calls.iter().any(|call| call.starts_with("ManagedDevice")));
            }
        }
        prop_assert!(!records.is_empty() || !takes(&refused));
    }
}
