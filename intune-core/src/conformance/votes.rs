//! N of M people must say yes, and one no is enough.

use super::{
    CeremonyFixture,
    case::{Case, must, principal, wipe},
};
use crate::{CeremonyId, CeremonyRefusal, DecideError, PendingCeremony};

pub(super) async fn check(fixture: &dyn CeremonyFixture) {
    nobody_counts_twice(fixture).await;
    enough_is_enough(fixture).await;
    approving_again_changes_nothing(fixture).await;
    deny_wins_before(fixture).await;
    deny_wins_after(fixture).await;
    what_was_used_stays_so(fixture).await;
    nobody_decides_about_nothing(fixture).await;
}

fn voters(shown: &PendingCeremony) -> Vec<&str> {
    let votes = shown.votes.iter().map(|vote| vote.by.subject());
    votes.collect()
}

async fn nobody_counts_twice(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 2).await;
    let request = wipe();
    let id = case.open(&request).await.id;
    let pending = CeremonyRefusal::Pending;
    // Under another name, too, which only the host knows.
    for subject in ["megan", "megan", "megan-admin"] {
        let shown = case.approve(id, subject).await;
        assert_eq!(shown.needed.get(), 2, "two must approve");
        assert_eq!(voters(&shown), ["megan"], "nobody counts twice");
        let when = "while one of two has approved";
        case.assert_refused(id, &request, pending, when).await;
    }
    for shown in &case.pending().await {
        assert_eq!(voters(shown), ["megan"], "approvers see who has voted");
    }
    assert_eq!(case.pending().await.len(), 1, "one of two: it still waits");
    case.approve(id, "lynne").await;
    assert_eq!(case.pending().await, [], "two of two: nothing waits");
    let approval = must(
        case.kept.approval(id, &request).await,
        "two of two have approved",
    );
    let mut approvers = approval.approvers;
    approvers.sort_by(|one, other| one.subject().cmp(other.subject()));
    assert_eq!(
        approvers,
        [principal("lynne"), principal("megan")],
        "an approval names its approvers"
    );
    case.assert_used_once(id, &request).await;
}

async fn enough_is_enough(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let id = case.approved(&wipe()).await;
    let late = case.kept.approve(id, &case.person("lynne"), "").await;
    let decided = Err(DecideError::Decided);
    assert_eq!(late, decided, "`approve` by another when enough have");
    case.assert_used_once(id, &wipe()).await;
}

async fn approving_again_changes_nothing(fixture: &dyn CeremonyFixture) {
    for needed in [1, 2] {
        let case = Case::new(fixture, needed).await;
        let id = case.open(&wipe()).await.id;
        let first = case.approve(id, "megan").await;
        // The answer to the first was lost, say.
        let again = case.approve(id, "megan").await;
        assert_eq!(first, again, "approving again changes nothing");
    }
}

async fn deny_wins_before(fixture: &dyn CeremonyFixture) {
    for approvals in [0, 1] {
        let case = Case::new(fixture, 2).await;
        let id = case.open(&wipe()).await.id;
        if approvals == 1 {
            case.approve(id, "megan").await;
        }
        case.deny(id, "lynne").await;
        is_denied(&case, id, "one of two has denied").await;
    }
}

async fn deny_wins_after(fixture: &dyn CeremonyFixture) {
    for subject in ["megan", "lynne"] {
        let case = Case::new(fixture, 1).await;
        let id = case.approved(&wipe()).await;
        case.deny(id, subject).await;
        is_denied(&case, id, "it was denied after it was approved").await;
    }
}

async fn is_denied(case: &Case, id: CeremonyId, when: &str) {
    let denied = CeremonyRefusal::Denied;
    case.assert_refused(id, &wipe(), denied, when).await;
    case.assert_undecidable(id, DecideError::Decided, when)
        .await;
    case.assert_refused(id, &wipe(), denied, when).await;
    assert_eq!(case.pending().await, [], "what is denied doesn't wait");
}

async fn what_was_used_stays_so(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let id = case.approved(&wipe()).await;
    case.assert_used_once(id, &wipe()).await;
    let when = "once it was redeemed";
    case.assert_undecidable(id, DecideError::Decided, when)
        .await;
    let used = CeremonyRefusal::Consumed;
    case.assert_refused(id, &wipe(), used, "for good").await;
    assert_eq!(case.pending().await, [], "what was used doesn't wait");
}

async fn nobody_decides_about_nothing(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let when = "of an id that was never given";
    case.assert_undecidable(CeremonyId::generate(), DecideError::NotFound, when)
        .await;
    assert_eq!(case.pending().await, [], "nothing waits");
}
