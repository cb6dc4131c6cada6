//! Of all who try at once, one succeeds.

use futures_util::future::{join, join_all};

use super::{
    CeremonyFixture,
    case::{Case, must, wipe},
};
use crate::{CeremonyRefusal, DecideError};

const RACERS: usize = 16;
const ROUNDS: usize = 8;

pub(super) async fn check(fixture: &dyn CeremonyFixture) {
    for _ in 0..ROUNDS {
        one_redeems(fixture).await;
        denying_and_redeeming_exclude_each_other(fixture).await;
        a_denial_survives_an_approval(fixture).await;
        one_person_is_one(fixture).await;
        one_is_opened(fixture).await;
    }
}

async fn one_redeems(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let request = wipe();
    let id = case.approved(&request).await;
    let racers = (0..RACERS).map(|_| case.kept.redeem(id, &request));
    let answers = join_all(racers).await;
    let won = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(won, 1, "of all who redeem at once, one succeeds");
    for refusal in answers.into_iter().filter_map(Result::err) {
        let used = CeremonyRefusal::Consumed;
        assert_eq!(refusal, used, "who loses the race is told why");
    }
}

async fn denying_and_redeeming_exclude_each_other(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let request = wipe();
    let id = case.approved(&request).await;
    let lynne = case.person("lynne");
    let (redeemed, denied) = join(
        case.kept.redeem(id, &request),
        case.kept.deny(id, &lynne, ""),
    )
    .await;
    match (redeemed, denied) {
        (Ok(_), Err(error)) => assert_eq!(error, DecideError::Decided, "denied too late"),
        (Err(refusal), Ok(_)) => {
            assert_eq!(refusal, CeremonyRefusal::Denied, "redeemed too late");
        }
        both => assert!(
            both.0.is_ok() != both.1.is_ok(),
            "either, not both: {both:?}"
        ),
    }
}

async fn a_denial_survives_an_approval(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let request = wipe();
    let id = case.open(&request).await.id;
    let (megan, lynne) = (case.person("megan"), case.person("lynne"));
    let (_, denied) = join(
        case.kept.approve(id, &megan, ""),
        case.kept.deny(id, &lynne, ""),
    )
    .await;
    must(
        denied,
        "a denial counts whether an approval came first or not",
    );
    let refusal = CeremonyRefusal::Denied;
    let when = "approved and denied at once";
    case.assert_refused(id, &request, refusal, when).await;
}

async fn one_person_is_one(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 2).await;
    let request = wipe();
    let id = case.open(&request).await.id;
    let (megan, admin) = (case.person("megan"), case.person("megan-admin"));
    let clicks = [&megan, &admin, &megan, &admin].map(|who| case.kept.approve(id, who, ""));
    for answer in join_all(clicks).await {
        must(answer, "approving again is no error");
    }
    let pending = CeremonyRefusal::Pending;
    let when = "approved by one person several times at once";
    case.assert_refused(id, &request, pending, when).await;
}

async fn one_is_opened(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let request = wipe();
    // One that is used is no obstacle.
    let first = case.approved(&request).await;
    case.assert_used_once(first, &request).await;
    let racers = (0..RACERS).map(|_| case.kept.open(&request));
    for answer in join_all(racers).await {
        must(answer, "an equal request joins");
    }
    let waiting = case.pending().await.len();
    assert_eq!(waiting, 1, "equal requests at once open one ceremony");
}
