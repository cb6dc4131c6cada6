//! What people say is kept for people, within bounds.

use super::{
    CeremonyFixture,
    case::{Case, must, wipe},
};
use crate::PendingCeremony;

const REASON: &str = "she called: \"lost\", <b>stolen</b>?\n\u{1f4bb} 'DROP TABLE --";

pub(super) async fn check(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 2).await;
    let id = case.open(&wipe()).await.id;
    let approved = case.kept.approve(id, &case.person("megan"), REASON).await;
    let shown = must(approved, "a reason may have any characters");
    assert_eq!(said(&shown), [(true, REASON)], "a reason is kept as given");
    for shown in &case.pending().await {
        assert_eq!(said(shown), [(true, REASON)], "approvers see the reasons");
    }
    let again = case.kept.approve(id, &case.person("megan"), "hm").await;
    let shown = must(again, "approving again is no error");
    assert_eq!(said(&shown), [(true, REASON)], "a reason given stays");
    let denied = case.kept.deny(id, &case.person("lynne"), REASON).await;
    let shown = must(denied, "a reason may have any characters");
    let both = [(true, REASON), (false, REASON)];
    assert_eq!(said(&shown), both, "a denial says why");

    let case = Case::new(fixture, 2).await;
    let id = case.open(&wipe()).await.id;
    let long = "\u{e4}\u{1f4bb}".repeat(100_000);
    let approved = case.kept.approve(id, &case.person("megan"), &long).await;
    let shown = must(approved, "a long reason is cut, not refused");
    for (_, reason) in said(&shown) {
        let is_cut = reason.len() < long.len() && !reason.is_empty();
        assert!(is_cut && long.starts_with(reason), "a long reason is cut");
    }
}

fn said(shown: &PendingCeremony) -> Vec<(bool, &str)> {
    let votes = shown.votes.iter();
    votes.map(|vote| (vote.approves, &*vote.reason)).collect()
}
