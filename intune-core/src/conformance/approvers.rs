//! Who may decide, and who may not.

use std::time::Duration;

use clock::Clock as _;

use super::{
    CeremonyFixture,
    case::{Case, ROLE, principal, wipe},
};
use crate::{Approver, CeremonyRefusal, DecideError, Principal};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) async fn check(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let request = wipe();
    let id = case.open(&request).await.id;
    for (who, what, error) in inadmissible(&case) {
        let approved = case.kept.approve(id, &who, "").await;
        assert_eq!(approved, Err(error), "`approve` by {what}");
        let denied = case.kept.deny(id, &who, "").await;
        assert_eq!(denied, Err(error), "`deny` by {what}");
        let pending = CeremonyRefusal::Pending;
        let when = format!("after a refused decision by {what}");
        case.assert_refused(id, &request, pending, &when).await;
    }
    for shown in case.pending().await {
        assert!(shown.votes.is_empty(), "a refused decision is no vote");
    }
    case.approve(id, "megan").await;
    for (who, what, error) in inadmissible(&case) {
        let denied = case.kept.deny(id, &who, "").await;
        assert_eq!(denied, Err(error), "`deny` by {what}, once approved");
    }
    case.assert_used_once(id, &request).await;
}

fn inadmissible(case: &Case) -> Vec<(Approver, &'static str, DecideError)> {
    let now = case.clock.now().wall;
    let with_role = |who: Principal| Approver::new(who, now).role(ROLE);
    let requester = wipe().requester;
    let mut aliases = vec![
        (with_role(principal("adele")), "the human behind the agent"),
        (
            with_role(principal("adele-admin")),
            "the requester's other account, as the host knows",
        ),
    ];
    if let Some(id) = requester.object_id() {
        let elsewhere = Principal::new("https://idp.example", "a").with_object_id(id);
        aliases.push((
            with_role(elsewhere),
            "the requester's directory object, of another issuer",
        ));
    }
    let aliases = aliases
        .into_iter()
        .map(|(who, what)| (who, what, DecideError::Requester));
    let others = [
        (
            with_role(requester),
            "the requester's agent",
            DecideError::Delegate,
        ),
        (
            with_role(principal("megan").with_delegate("agent-1")),
            "an agent on an approver's behalf",
            DecideError::Delegate,
        ),
        (
            with_role(principal("megan")).application(),
            "an application",
            DecideError::Application,
        ),
        (
            Approver::new(principal("megan"), now),
            "somebody without the role",
            DecideError::NotApprover,
        ),
        (
            Approver::new(principal("megan"), now).role("another-role"),
            "somebody with another role",
            DecideError::NotApprover,
        ),
        (
            with_role(Principal::new("https://idp.example", "megan")),
            "somebody of another issuer",
            DecideError::NotApprover,
        ),
        (
            Approver::new(principal("megan"), now.saturating_sub(DAY)).role(ROLE),
            "somebody who signed in a day ago",
            DecideError::AuthenticationTooOld,
        ),
        (
            Approver::new(principal("megan"), now.saturating_add(DAY)).role(ROLE),
            "somebody who signs in tomorrow",
            DecideError::AuthenticationTooOld,
        ),
    ];
    aliases.chain(others).collect()
}
