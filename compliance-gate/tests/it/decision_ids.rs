//! The ids of decisions: UUIDs of version 7, as RFC 9562, section 5.7, has them, and each its own.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::HashSet, sync::Arc, thread};

use crate::common::{Scripted, ask, clock, found, wall};
use clock::Timestamp;
use compliance_gate::{Decision, DeviceIdentity, Gate, Policies};
use futures_executor::block_on;
use intune_core::ComplianceState;

/// A gate that requires nothing, and whose clock stands still.
fn gate() -> Gate {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let policies = Policies::builder().build().unwrap();
    let gate = Gate::builder(policies, source, Arc::new(clock()));
    gate.unrecorded().build().unwrap()
}

fn decide(gate: &Gate) -> Decision {
    block_on(ask(gate, "read-only", DeviceIdentity::Absent))
}

fn bits(decision: &Decision) -> u128 {
    let digits = decision.id().to_string().replace('-', "");
    u128::from_str_radix(&digits, 16).unwrap()
}

/// How many of `all` have this bit set, in hundredths.
fn share(all: &[u128], bit: u32) -> usize {
    let set = all.iter().filter(|id| *id >> bit & 1 == 1);
    set.count() * 100 / all.len()
}

#[test]
fn an_id_begins_with_the_time_and_says_its_version_and_variant() {
    let gate = gate();
    for _ in 0..1000 {
        let id = bits(&decide(&gate));
        let millis = u64::try_from(id >> 80).unwrap();
        assert_eq!(Some(millis), u64::try_from(wall().unix_millis()).ok());
        assert_eq!(id >> 76 & 0xf, 7);
        assert_eq!(id >> 62 & 0b11, 0b10);
    }
}

/// Of a clock that is before 1970 there is no time to begin with, but decisions are made.
#[test]
fn a_time_that_an_id_cannot_hold_is_zero() {
    let clock = clock();
    clock.set_wall(Timestamp::from_unix_millis(-1));
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let policies = Policies::builder().build().unwrap();
    let gate = Gate::builder(policies, source, Arc::new(clock));
    let gate = gate.unrecorded().build().unwrap();
    assert_eq!(bits(&decide(&gate)) >> 80, 0);
}

#[test]
fn ids_of_one_time_differ_among_all_threads() {
    let gate = gate();
    let ids = thread::scope(|scope| {
        let each = || (0..500).map(|_| bits(&decide(&gate))).collect::<Vec<_>>();
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(each)).collect();
        let ids = threads.into_iter().map(|thread| thread.join().unwrap());
        ids.flatten().collect::<Vec<_>>()
    });
    assert_eq!(ids.len(), 10_000);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 10_000);
}

#[test]
fn ids_of_one_thread_differ_however_many() {
    const MANY: usize = 100_000;
    let gate = gate();
    let ids: HashSet<_> = (0..MANY).map(|_| decide(&gate).id()).collect();
    assert_eq!(ids.len(), MANY);
}

/// What isn't time, version or variant is random; a bit that weren't would be set in more or less than half of them.
#[test]
fn the_rest_of_an_id_is_random() {
    let gate = gate();
    let of_one_thread: Vec<_> = (0..4000).map(|_| bits(&decide(&gate))).collect();
    for bit in 0..62 {
        let share = share(&of_one_thread, bit);
        assert!((40..60).contains(&share), "bit {bit}: {share} %");
    }
    // These are the thread's.
    let threads = (0..1000).map(|_| thread::scope(|it| it.spawn(|| bits(&decide(&gate))).join()));
    let of_each: Vec<_> = threads.map(Result::unwrap).collect();
    for bit in (0..62).chain(64..76) {
        let share = share(&of_each, bit);
        assert!((40..60).contains(&share), "bit {bit}: {share} %");
    }
}

#[test]
fn an_id_reads_the_same_wherever_it_is_written() {
    let decision = decide(&gate());
    let id = decision.id().to_string();
    assert_eq!(
        format!("{:?}", decision.id()),
        format!("DecisionId({})", id)
    );
    assert_eq!(serde_json::to_value(decision.id()).unwrap(), *id);
    assert_eq!(serde_json::to_value(&decision).unwrap()["id"], *id);
}
