//! Asking twice opens one ceremony, and asking without end none.

use std::time::Duration;

use super::{
    CeremonyFixture,
    case::{Case, LIFETIME, principal, request, wipe},
};
use crate::{CeremonyId, CeremonyRefusal, CeremonyRequest, DeviceAction, Principal};

/// More than anybody needs at a time.
const MANY: u32 = 1_000;

pub(super) async fn check(fixture: &dyn CeremonyFixture) {
    an_equal_request_joins(fixture).await;
    what_has_ended_is_not_joined(fixture).await;
    others_are_not_joined(fixture).await;
    nobody_opens_without_end(fixture).await;
}

async fn an_equal_request_joins(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let first = case.open(&wipe()).await;
    case.clock.advance(Duration::from_secs(60));
    let mut renamed = wipe();
    renamed.target.device_name = Some("renamed".to_owned());
    for again in [&wipe(), &renamed] {
        let joined = case.open(again).await;
        assert_eq!(
            joined, first,
            "an equal request joins, and prolongs nothing"
        );
    }
    assert_eq!(case.pending().await.len(), 1, "one is to be decided");
    case.approve(first.id, "megan").await;
    let joined = case.open(&wipe()).await;
    assert_eq!(joined, first, "an approved one that is unused is joined");
}

async fn what_has_ended_is_not_joined(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let used = case.approved(&wipe()).await;
    case.assert_used_once(used, &wipe()).await;
    let denied = case.open(&wipe()).await.id;
    assert_ne!(denied, used, "what was used is not joined");
    case.deny(denied, "megan").await;
    assert_eq!(
        case.kept.open(&wipe()).await,
        Err(CeremonyRefusal::Denied),
        "what was denied stays so, however often it is asked for"
    );
    case.clock.advance(LIFETIME);
    let expired = case.open(&wipe()).await.id;
    let earlier = [used, denied];
    assert!(!earlier.contains(&expired), "what was denied is not joined");
    case.clock.advance(LIFETIME);
    let fresh = case.open(&wipe()).await.id;
    let earlier = [used, denied, expired];
    assert!(!earlier.contains(&fresh), "what is over is not joined");
    for (id, refusal, how) in [
        (
            used,
            CeremonyRefusal::Consumed,
            "used, then asked for again",
        ),
        (
            denied,
            CeremonyRefusal::Denied,
            "denied, then asked for again",
        ),
    ] {
        case.assert_refused(id, &wipe(), refusal, how).await;
    }
}

async fn others_are_not_joined(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let mut ids = vec![case.open(&wipe()).await.id];
    let with = |change: fn(&mut CeremonyRequest)| {
        let mut other = wipe();
        change(&mut other);
        other
    };
    for other in [
        with(|other| other.requester = principal("adele").with_delegate("agent-8")),
        with(|other| other.tenant = Some("t2".to_owned())),
        with(|other| other.target.user_id = None),
        with(|other| other.authorization_context = None),
        request(wipe().requester, &DeviceAction::Retire, 1),
        request(wipe().requester, &DeviceAction::Retire, 2),
    ] {
        let id: CeremonyId = case.open(&other).await.id;
        assert!(!ids.contains(&id), "a request that differs is not joined");
        ids.push(id);
    }
}

async fn nobody_opens_without_end(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let lock = |requester: Principal, device| {
        let action = DeviceAction::RemoteLock;
        request(requester, &action, device)
    };
    let adele = || wipe().requester;
    let first = case.open(&lock(adele(), 0)).await.id;
    let mut refused = None;
    for device in 1..MANY {
        if let Err(refusal) = case.kept.open(&lock(adele(), device)).await {
            refused = Some((refusal, device));
            break;
        }
    }
    let too_many = CeremonyRefusal::TooMany;
    let found = refused.map(|(refusal, _)| refusal);
    assert_eq!(found, Some(too_many), "a requester has so many at a time");
    let joined = case.open(&lock(adele(), 0)).await.id;
    assert_eq!(joined, first, "an equal one is joined all the same");
    let by_another_agent = lock(adele().with_delegate("agent-8"), 1);
    let answer = case.kept.open(&by_another_agent).await;
    assert_eq!(answer, Err(too_many), "another agent gives no more");
    case.open(&lock(principal("somebody"), 1)).await;

    let next = refused.map(|(_, device)| device).unwrap_or_default();
    case.deny(first, "megan").await;
    case.open(&lock(adele(), next)).await;
    case.clock.advance(LIFETIME);
    case.open(&lock(adele(), next + 1)).await;
}
