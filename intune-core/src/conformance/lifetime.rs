//! A ceremony ends at its instant, approved or not.

use std::time::Duration;

use super::{
    CeremonyFixture,
    case::{Case, LIFETIME, request, start, wipe},
};
use crate::{CeremonyRefusal, DecideError, DeviceAction};

const INSTANT: Duration = Duration::from_millis(1);

pub(super) async fn check(fixture: &dyn CeremonyFixture) {
    it_works_until_its_end(fixture).await;
    it_ends_at_its_instant(fixture).await;
    it_ends_with_the_scope(fixture).await;
    the_soonest_to_end_is_in_front(fixture).await;
}

async fn it_works_until_its_end(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let open = case.open(&wipe()).await;
    let end = start().saturating_add(LIFETIME);
    assert_eq!(open.expires_at, end, "a ceremony lasts its lifetime");
    case.clock.advance(LIFETIME.saturating_sub(INSTANT));
    assert_eq!(case.pending().await.len(), 1, "it waits until its end");
    let shown = case.approve(open.id, "megan").await;
    assert_eq!(shown.ceremony, open, "a decision doesn't prolong it");
    case.assert_used_once(open.id, &wipe()).await;
}

async fn it_ends_at_its_instant(fixture: &dyn CeremonyFixture) {
    for is_approved in [true, false] {
        let case = Case::new(fixture, 1).await;
        let id = case.open(&wipe()).await.id;
        if is_approved {
            case.approve(id, "megan").await;
        }
        case.clock.advance(LIFETIME);
        for when in ["at the instant it ends", "a while after its end"] {
            let expired = CeremonyRefusal::Expired;
            case.assert_refused(id, &wipe(), expired, when).await;
            assert_eq!(case.pending().await, [], "what has ended doesn't wait");
            case.assert_undecidable(id, DecideError::NotFound, when)
                .await;
            case.clock.advance(INSTANT);
        }
    }
}

async fn it_ends_with_the_scope(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let mut brief = wipe();
    brief.scope_expires_at = start().saturating_add(LIFETIME / 2);
    let open = case.open(&brief).await;
    assert_eq!(
        open.expires_at, brief.scope_expires_at,
        "a ceremony ends no later than its requester's scope"
    );
    case.approve(open.id, "megan").await;
    case.clock.advance(LIFETIME / 2);
    let when = "when the requester's scope has ended";
    case.assert_refused(open.id, &brief, CeremonyRefusal::Expired, when)
        .await;
}

async fn the_soonest_to_end_is_in_front(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let mut opened = Vec::new();
    for device in 1..=6 {
        let mut lock = request(wipe().requester, &DeviceAction::RemoteLock, device);
        // Neither in the order of opening nor in its reverse.
        let seconds = [0, 30, 10, 60, 20, 50, 40];
        let index = usize::try_from(device).unwrap_or_default();
        let seconds = seconds.get(index).copied().unwrap_or_default();
        lock.scope_expires_at = start().saturating_add(Duration::from_secs(seconds));
        opened.push(case.open(&lock).await);
    }
    opened.sort_by_key(|open| open.expires_at);
    let pending = case.pending().await;
    let shown: Vec<_> = pending.iter().map(|shown| shown.ceremony).collect();
    assert_eq!(shown, opened, "the one that ends first is in front");
}
