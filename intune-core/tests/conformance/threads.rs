//! Ceremonies in memory, among threads.

use std::{
    sync::{Arc, Barrier},
    thread,
};

use clock::ManualClock;
use futures_util::FutureExt as _;
use intune_core::{
    ApprovalRule, Approvals as _, Approver, Ceremonies as _, CeremonyRefusal, CeremonyRequest,
    DelegationScope, DeviceAction, InMemoryCeremonies, InvocationContext, ManagedDevice, Principal,
    Target, WipeOptions,
};

const RACERS: usize = 8;

fn race<T: Send>(racer: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(RACERS);
    let race = |number| {
        barrier.wait();
        racer(number)
    };
    thread::scope(|scope| {
        let racers: Vec<_> = (0..RACERS)
            .map(|number| scope.spawn(move || race(number)))
            .collect();
        racers
            .into_iter()
            .map(|racer| racer.join().unwrap())
            .collect()
    })
}

const ISSUER: &str = "https://login.example/t1/v2.0";

fn shared() -> (
    InMemoryCeremonies,
    CeremonyRequest,
    impl Fn(&str) -> Approver,
) {
    let start = "2026-11-23T06:00:00Z".parse().unwrap();
    let rule = ApprovalRule::new(ISSUER, "approver");
    let ceremonies = InMemoryCeremonies::new(rule, Arc::new(ManualClock::new(start)));
    let device = ManagedDevice::new("11111111-2222-4333-8444-555555555555".parse().unwrap());
    let scope = DelegationScope::until(clock::Timestamp::MAX);
    let context = InvocationContext::new(Principal::new(ISSUER, "adele"), scope);
    let action = DeviceAction::Wipe(WipeOptions::new());
    let request = CeremonyRequest::new(&context, &action, &Target::of(&device), None);
    let person =
        move |subject: &str| Approver::new(Principal::new(ISSUER, subject), start).role("approver");
    (ceremonies, request, person)
}

#[test]
fn of_threads_that_redeem_at_once_one_succeeds() {
    for _ in 0..200 {
        let (ceremonies, request, person) = shared();
        let id = ceremonies
            .open(&request)
            .now_or_never()
            .unwrap()
            .unwrap()
            .id;
        let approved = ceremonies.approve(id, &person("megan"), "").now_or_never();
        approved.unwrap().unwrap();
        let answers = race(|_| ceremonies.redeem(id, &request).now_or_never().unwrap());
        let lost = answers
            .iter()
            .filter(|answer| **answer == Err(CeremonyRefusal::Consumed));
        assert_eq!(lost.count(), RACERS - 1);
    }
}

#[test]
fn threads_that_ask_for_the_same_get_the_same() {
    for _ in 0..200 {
        let (ceremonies, request, _) = shared();
        let mut opened = race(|_| {
            ceremonies
                .open(&request)
                .now_or_never()
                .unwrap()
                .unwrap()
                .id
        });
        opened.dedup();
        assert_eq!(opened.len(), 1);
    }
}

#[test]
fn a_denial_and_a_use_exclude_each_other_between_threads() {
    for _ in 0..200 {
        let (ceremonies, request, person) = shared();
        let id = ceremonies
            .open(&request)
            .now_or_never()
            .unwrap()
            .unwrap()
            .id;
        let approved = ceremonies.approve(id, &person("megan"), "").now_or_never();
        approved.unwrap().unwrap();
        let lynne = person("lynne");
        let done = race(|number| match number % 2 {
            0 => ceremonies
                .redeem(id, &request)
                .now_or_never()
                .unwrap()
                .is_ok(),
            _ => ceremonies
                .deny(id, &lynne, "")
                .now_or_never()
                .unwrap()
                .is_ok(),
        });
        assert_eq!(done.into_iter().filter(|&done| done).count(), 1);
    }
}
