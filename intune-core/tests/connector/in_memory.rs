//! Ceremonies kept in memory: who may decide, for how long, how many.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use clock::{Clock as _, ManualClock};
use intune_core::{
    ApprovalRule, Approver, AsTokensSay, Ceremonies as _, CeremonyId, CeremonyRefusal,
    CeremonyRequest, DecideError, DeviceAction, InMemoryCeremonies, InvocationContext,
    OpenCeremony, Principal, Target, WipeOptions,
};

use crate::{
    people::{
        ISSUER, LAPTOP, ROLE, adele, approve, deny, device, full_scope, megan, pending, rule,
        seconds, start,
    },
    world::run,
};

fn ceremonies() -> (InMemoryCeremonies, ManualClock) {
    let clock = ManualClock::new(start());
    (
        InMemoryCeremonies::new(rule(), Arc::new(clock.clone())),
        clock,
    )
}

/// The wipe of one of many devices.
fn wipe(requester: Principal, number: u32) -> CeremonyRequest {
    let mut laptop = device(LAPTOP);
    laptop.id = format!("11111111-2222-4333-8444-{number:012x}")
        .parse()
        .unwrap();
    let context = InvocationContext::new(requester, full_scope());
    let action = DeviceAction::Wipe(WipeOptions::new());
    CeremonyRequest::new(&context, &action, &Target::of(&laptop), None)
}

fn open(ceremonies: &InMemoryCeremonies, request: &CeremonyRequest) -> OpenCeremony {
    run(ceremonies.open(request)).unwrap()
}

#[test]
fn the_requester_cannot_decide_under_any_name() {
    let object_id = "55555555-4444-4555-8666-777777777777".parse().unwrap();
    let requester = adele().with_object_id(object_id);
    let (ceremonies, _) = ceremonies();
    let id = open(&ceremonies, &wipe(requester, 1)).id;
    for (who, error) in [
        (Principal::new(ISSUER, "adele"), DecideError::Requester),
        (
            Principal::new(ISSUER, "adele-admin").with_object_id(object_id),
            DecideError::Requester,
        ),
        (
            Principal::new("https://idp.example", "a").with_object_id(object_id),
            DecideError::Requester,
        ),
        (adele(), DecideError::Delegate),
        (megan().with_delegate("agent-7"), DecideError::Delegate),
        (megan().with_delegate("agent-1"), DecideError::Delegate),
    ] {
        assert_eq!(approve(&ceremonies, id, &who), Err(error));
        assert_eq!(deny(&ceremonies, id, &who), Err(error));
    }
    let namesake = Principal::new("https://idp.example", "adele");
    assert_eq!(approve(&ceremonies, id, &namesake), Ok(()));
}

#[test]
fn a_sign_in_counts_for_as_long_as_the_rule_says_and_a_minute() {
    let request = wipe(adele(), 1);
    let rule = ApprovalRule::new(ISSUER, ROLE);
    let now = start().saturating_add(seconds(10_000));
    let decide = |signed_in| {
        let who = Approver::new(megan(), signed_in).role(ROLE);
        rule.admits(&who, &request, &AsTokensSay, now)
    };
    let instant = Duration::from_millis(1);
    let (oldest, newest) = (
        now.saturating_sub(seconds(960)),
        now.saturating_add(seconds(60)),
    );
    for fine in [oldest, now, newest] {
        assert_eq!(decide(fine), Ok(()));
    }
    for wrong in [
        oldest.saturating_sub(instant),
        newest.saturating_add(instant),
    ] {
        assert_eq!(decide(wrong), Err(DecideError::AuthenticationTooOld));
    }
}

#[test]
fn each_error_of_a_decision_has_a_name_of_its_own() {
    let errors = [
        (DecideError::NotFound, "ceremony_not_found"),
        (DecideError::Decided, "ceremony_decided"),
        (DecideError::Requester, "requester_cannot_decide"),
        (DecideError::Delegate, "delegate_cannot_decide"),
        (DecideError::Application, "application_cannot_decide"),
        (DecideError::NotApprover, "not_an_approver"),
        (DecideError::AuthenticationTooOld, "authentication_too_old"),
        (DecideError::Unavailable, "ceremonies_unavailable"),
    ];
    for (error, name) in errors {
        assert_eq!(error.as_str(), name);
    }
    let texts: BTreeSet<_> = errors.iter().map(|(error, _)| error.to_string()).collect();
    assert_eq!(texts.len(), errors.len());
}

#[test]
fn what_is_decided_stays_so() {
    let (ceremonies, _) = ceremonies();
    let request = wipe(adele(), 1);
    let id = open(&ceremonies, &request).id;
    approve(&ceremonies, id, &megan()).unwrap();
    let namesake = Principal::new("https://idp.example", "adele");
    assert_eq!(
        approve(&ceremonies, id, &namesake),
        Err(DecideError::Decided)
    );
    assert_eq!(
        run(ceremonies.approval(id, &request)).unwrap().approvers,
        [megan()]
    );
    let unknown = CeremonyId::generate();
    assert_eq!(
        approve(&ceremonies, unknown, &megan()),
        Err(DecideError::NotFound)
    );
}

#[test]
fn an_approval_can_be_taken_back_until_it_is_used() {
    let (ceremonies, _) = ceremonies();
    let request = wipe(adele(), 1);
    let id = open(&ceremonies, &request).id;
    approve(&ceremonies, id, &megan()).unwrap();
    deny(&ceremonies, id, &megan()).unwrap();
    assert_eq!(
        run(ceremonies.redeem(id, &request)),
        Err(CeremonyRefusal::Denied)
    );
    assert_eq!(
        approve(&ceremonies, id, &megan()),
        Err(DecideError::Decided)
    );
}

#[test]
fn a_ceremony_ends_with_its_requesters_scope() {
    let (ceremonies, _) = ceremonies();
    let mut request = wipe(adele(), 1);
    request.scope_expires_at = crate::people::start().saturating_add(seconds(7));
    assert_eq!(
        open(&ceremonies, &request).expires_at,
        request.scope_expires_at
    );
}

#[test]
fn what_has_ended_makes_room() {
    let (ceremonies, _) = ceremonies();
    for number in 0..1_000 {
        let somebody = Principal::new(ISSUER, format!("somebody-{number}"));
        let id = open(&ceremonies, &wipe(somebody, 1)).id;
        deny(&ceremonies, id, &megan()).unwrap();
    }
    open(&ceremonies, &wipe(adele(), 1));
}

#[test]
fn looking_consumes_nothing_and_redeeming_does() {
    let (ceremonies, _) = ceremonies();
    let request = wipe(adele(), 1);
    let id = open(&ceremonies, &request).id;
    assert_eq!(
        run(ceremonies.redeem(id, &request)),
        Err(CeremonyRefusal::Pending)
    );
    approve(&ceremonies, id, &megan()).unwrap();
    for _ in 0..3 {
        run(ceremonies.approval(id, &request)).unwrap();
        run(ceremonies.redeem(id, &wipe(adele(), 2))).unwrap_err();
    }
    assert_eq!(run(ceremonies.redeem(id, &request)).unwrap().id, id);
    assert_eq!(
        run(ceremonies.redeem(id, &request)),
        Err(CeremonyRefusal::Consumed)
    );
    assert_eq!(
        run(ceremonies.approval(id, &request)),
        Err(CeremonyRefusal::Consumed)
    );
    assert_eq!(
        approve(&ceremonies, id, &megan()),
        Err(DecideError::Decided)
    );
}

#[test]
fn an_equal_request_joins_until_it_is_denied_used_or_over() {
    let (ceremonies, clock) = ceremonies();
    let request = wipe(adele(), 1);
    let first = open(&ceremonies, &request);
    clock.advance(seconds(60));
    assert_eq!(open(&ceremonies, &request), first);
    approve(&ceremonies, first.id, &megan()).unwrap();
    assert_eq!(open(&ceremonies, &request), first);
    run(ceremonies.redeem(first.id, &request)).unwrap();

    let second = open(&ceremonies, &request);
    assert_ne!(second.id, first.id);
    deny(&ceremonies, second.id, &megan()).unwrap();
    let again = run(ceremonies.open(&request));
    assert_eq!(again, Err(CeremonyRefusal::Denied));
    clock.advance(seconds(3600));
    let third = open(&ceremonies, &request);
    assert_ne!(third.id, second.id);
    clock.advance(seconds(3600));
    assert_ne!(open(&ceremonies, &request).id, third.id);
}

#[test]
fn a_ceremony_ends_at_its_instant_and_is_remembered_for_a_while() {
    let (ceremonies, clock) = ceremonies();
    let ceremonies = ceremonies.lifetime(seconds(10));
    let request = wipe(adele(), 1);
    let ceremony = open(&ceremonies, &request);
    assert_eq!(
        ceremony.expires_at,
        clock.now().wall.saturating_add(seconds(10))
    );
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(pending(&ceremonies).len(), 1);
    approve(&ceremonies, ceremony.id, &megan()).unwrap();
    run(ceremonies.approval(ceremony.id, &request)).unwrap();
    clock.advance(Duration::from_millis(1));
    assert_eq!(
        run(ceremonies.redeem(ceremony.id, &request)),
        Err(CeremonyRefusal::Expired)
    );

    let late = open(&ceremonies, &request);
    clock.advance(seconds(10));
    assert!(pending(&ceremonies).is_empty());
    assert_eq!(
        approve(&ceremonies, late.id, &megan()),
        Err(DecideError::NotFound)
    );
    assert_eq!(
        run(ceremonies.approval(late.id, &request)),
        Err(CeremonyRefusal::Expired)
    );
}

#[test]
fn an_approver_sees_what_waits_the_soonest_to_end_in_front() {
    let (ceremonies, clock) = ceremonies();
    let ceremonies = ceremonies.lifetime(seconds(600));
    let mut opened = vec![];
    for number in 1..=12 {
        opened.push(open(&ceremonies, &wipe(adele(), number)));
        clock.advance(seconds(1));
    }
    deny(&ceremonies, opened[1].id, &megan()).unwrap();
    let waiting = pending(&ceremonies.clone());
    let shown: Vec<_> = waiting.iter().map(|waiting| waiting.ceremony).collect();
    opened.remove(1);
    assert_eq!(shown, opened);
    assert_eq!(waiting[0].request, wipe(adele(), 1));
}

#[test]
fn a_requester_has_twenty_at_a_time() {
    let (ceremonies, clock) = ceremonies();
    let ids: Vec<_> = (1..=20)
        .map(|number| open(&ceremonies, &wipe(adele(), number)).id)
        .collect();
    let one_more = wipe(adele(), 21);
    assert_eq!(
        run(ceremonies.open(&one_more)),
        Err(CeremonyRefusal::TooMany)
    );
    assert_eq!(
        open(&ceremonies, &wipe(adele(), 7)).id,
        ids[6],
        "an equal one is joined"
    );
    open(&ceremonies, &wipe(megan(), 21));

    approve(&ceremonies, ids[0], &megan()).unwrap();
    assert_eq!(
        run(ceremonies.open(&one_more)),
        Err(CeremonyRefusal::TooMany),
        "still usable"
    );
    run(ceremonies.redeem(ids[0], &wipe(adele(), 1))).unwrap();
    open(&ceremonies, &one_more);
    deny(&ceremonies, ids[1], &megan()).unwrap();
    open(&ceremonies, &wipe(adele(), 22));
    assert_eq!(
        run(ceremonies.open(&wipe(adele(), 23))),
        Err(CeremonyRefusal::TooMany)
    );
    clock.advance(seconds(3600));
    open(&ceremonies, &wipe(adele(), 23));
}

#[test]
fn there_are_a_thousand_in_all() {
    let (ceremonies, clock) = ceremonies();
    let requester = |number: u32| Principal::new(ISSUER, format!("person-{}", number / 20));
    let ids: BTreeSet<_> = (0..1_000)
        .map(|number| open(&ceremonies, &wipe(requester(number), number + 1)).id)
        .collect();
    assert_eq!(ids.len(), 1_000);
    assert_eq!(
        run(ceremonies.open(&wipe(megan(), 1))),
        Err(CeremonyRefusal::TooMany)
    );
    assert_eq!(CeremonyRefusal::TooMany.as_str(), "too_many_ceremonies");
    clock.advance(seconds(2 * 3600));
    open(&ceremonies, &wipe(megan(), 1));
}

#[test]
fn a_clock_that_is_set_back_brings_no_approval_back() {
    let (ceremonies, clock) = ceremonies();
    let ceremonies = ceremonies.lifetime(seconds(600));
    let request = wipe(adele(), 1);
    let id = open(&ceremonies, &request).id;
    approve(&ceremonies, id, &megan()).unwrap();
    clock.advance(seconds(600));
    clock.set_wall(start());
    let refused = Err(CeremonyRefusal::Expired);
    assert_eq!(run(ceremonies.approval(id, &request)), refused);
    assert_eq!(run(ceremonies.redeem(id, &request)), refused);
}
