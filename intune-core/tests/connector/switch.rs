//! An operator stops all actions, wherever they are by then.

use intune_core::{OperationErrorKind, OperationsSwitch};

use crate::{
    ceremonies::approved,
    people::{ACTIONS, READS, act, context, invoke},
    world::{World, run},
};

#[test]
fn actions_stop_where_they_are_and_an_unused_approval_stays() {
    for action in ACTIONS {
        for (stops_at, calls) in [
            ("", &[][..]),
            ("device", &["device"]),
            // Whether the service is ready may be asked before: that has no effect.
            ("approval", &["device", "approval", "ready"]),
            ("ready", &["device", "approval", "ready"]),
            ("intent", &["device", "approval", "ready", "intent"]),
        ] {
            let world = World::new();
            let connector = world.connector();
            let id = approved(&world, &connector, action);
            let before = world.records().len();
            match stops_at {
                "" => world.switch.stop(),
                _ => *world.stops_at.lock().unwrap() = stops_at,
            }
            let error = run(act(&connector, &context(), action, Some(id))).unwrap_err();
            assert_eq!(error.kind(), &OperationErrorKind::OperationsStopped);
            assert!(error.kind().is_retryable());
            let expected = [calls, &["refused"]].concat();
            assert_eq!(world.calls(), expected, "{action}");
            let records = world.records().split_off(before);
            let last = records.last().unwrap();
            assert_eq!(last.reason.as_deref(), Some("operations_stopped"));
            assert_eq!(records.len(), if stops_at == "intent" { 2 } else { 1 });
            let invocation = error.invocation().to_string();
            assert!(
                records
                    .iter()
                    .all(|record| record.invocation_id == invocation)
            );

            *world.stops_at.lock().unwrap() = "";
            world.switch.resume();
            run(act(&connector, &context(), action, Some(id))).unwrap();
            assert_eq!(world.performed().len(), 1);
        }
    }
}

#[test]
fn an_action_that_is_still_being_prepared_is_not_sent() {
    for action in ACTIONS {
        let world = World::new();
        let connector = world.connector();
        let id = approved(&world, &connector, action);
        *world.stops_at.lock().unwrap() = "redeem";
        let error = run(act(&connector, &context(), action, Some(id))).unwrap_err();
        assert_eq!(error.kind(), &OperationErrorKind::OperationsStopped);
        let calls = ["device", "approval", "ready", "intent", "redeem", "refused"];
        assert_eq!(world.calls(), calls);
        assert_eq!(world.performed().len(), 0);
    }
}

#[test]
fn a_request_that_is_under_way_goes_on() {
    for action in ACTIONS {
        let world = World::new();
        *world.stops_at.lock().unwrap() = "perform";
        let invoked = run(act(&world.lenient(), &context(), action, None)).unwrap();
        assert!(invoked.is_outcome_recorded);
    }
}

#[test]
fn reads_go_on() {
    let world = World::new();
    world.switch.stop();
    for read in READS {
        run(invoke(&world.connector(), &context(), read)).unwrap();
    }
}

#[test]
fn a_stopped_operation_opens_no_ceremony() {
    let world = World::new();
    world.switch.stop();
    for action in ACTIONS {
        run(act(&world.connector(), &context(), action, None)).unwrap_err();
        assert_eq!(world.calls(), ["refused"]);
    }
    assert!(crate::people::pending(&world.ceremonies).is_empty());
}

#[test]
fn clones_are_one_switch() {
    let switch = OperationsSwitch::new();
    let clone = switch.clone();
    assert!(!clone.is_stopped());
    switch.stop();
    switch.stop();
    assert!(clone.is_stopped());
    clone.resume();
    assert!(!switch.is_stopped());
}
