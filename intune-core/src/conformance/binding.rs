//! An approval is of one exact thing, and good for it once.

use super::{
    CeremonyFixture,
    case::{Case, parsed, request, wipe},
};
use crate::{
    CeremonyId, CeremonyRefusal, CeremonyRequest, DeviceAction, ManagementState, Mismatch,
    Principal, WipeOptions,
};

const ANOTHER_GUID: &str = "33333333-4444-4555-8666-888888888888";

pub(super) async fn check(fixture: &dyn CeremonyFixture) {
    for (other, what, mismatch) in others() {
        is_not_for(fixture, &other, what, CeremonyRefusal::Mismatch(mismatch)).await;
    }
    for (other, what) in strangers() {
        is_not_for(fixture, &other, what, CeremonyRefusal::NotFound).await;
    }
    strangers_learn_nothing(fixture).await;
    the_name_is_for_the_eyes(fixture).await;
    an_approver_sees_the_request(fixture).await;
    looking_grants_nothing(fixture).await;
}

/// Ceremonies in one place don't count in another: each is tried before and after it is approved.
async fn is_not_for(
    fixture: &dyn CeremonyFixture,
    other: &CeremonyRequest,
    what: &str,
    refusal: CeremonyRefusal,
) {
    let case = Case::new(fixture, 1).await;
    let request = wipe();
    let id = case.open(&request).await.id;
    let when = format!("asked for {what} while nobody has approved");
    case.assert_refused(id, other, refusal, &when).await;
    case.approve(id, "megan").await;
    let when = format!("asked for {what}");
    case.assert_refused(id, other, refusal, &when).await;
    // What was refused has consumed nothing.
    case.assert_used_once(id, &request).await;
    let when = format!("asked for {what} once it was redeemed");
    case.assert_refused(id, other, refusal, &when).await;
}

/// Requests of the same requester for something else.
fn others() -> Vec<(CeremonyRequest, &'static str, Mismatch)> {
    let wipe_with = |options| {
        let action = DeviceAction::Wipe(options);
        request(wipe().requester, &action, 1)
    };
    let lock = request(wipe().requester, &DeviceAction::RemoteLock, 1);
    let retire = request(wipe().requester, &DeviceAction::Retire, 1);
    let another = request(wipe().requester, &DeviceAction::Wipe(WipeOptions::new()), 2);
    let with = |change: fn(&mut CeremonyRequest)| {
        let mut other = wipe();
        change(&mut other);
        other
    };
    let entra = with(|other| other.target.entra_device_id = Some(parsed(ANOTHER_GUID)));
    let code = WipeOptions::new().mac_os_unlock_code(parsed("482913"));
    vec![
        (lock, "another operation", Mismatch::Operation),
        (retire, "a third operation", Mismatch::Operation),
        (another, "another device", Mismatch::Device),
        (entra, "another registration in Entra", Mismatch::Device),
        (
            with(|other| other.target.entra_device_id = None),
            "no registration in Entra",
            Mismatch::Device,
        ),
        (
            with(|other| other.tenant = Some("t2".to_owned())),
            "another tenant",
            Mismatch::Device,
        ),
        (
            with(|other| other.tenant = None),
            "no tenant",
            Mismatch::Device,
        ),
        (
            with(|other| other.target.user_id = Some(parsed(ANOTHER_GUID))),
            "a device with another user",
            Mismatch::DeviceChanged,
        ),
        (
            with(|other| other.target.user_id = None),
            "a device without its user",
            Mismatch::DeviceChanged,
        ),
        (
            with(|other| other.target.management_state = ManagementState::RetirePending),
            "a device in another management state",
            Mismatch::DeviceChanged,
        ),
        (
            wipe_with(WipeOptions::new().keep_user_data(true)),
            "other parameters",
            Mismatch::Parameters,
        ),
        (
            wipe_with(WipeOptions::new().keep_enrollment_data(true)),
            "other parameters",
            Mismatch::Parameters,
        ),
        (
            wipe_with(WipeOptions::new().persist_esim_data_plan(true)),
            "other parameters",
            Mismatch::Parameters,
        ),
        (wipe_with(code), "an unlock code", Mismatch::Parameters),
        (
            with(|other| other.accord_template = Some(parsed("device-management"))),
            "another accord",
            Mismatch::AuthorizationContext,
        ),
        (
            with(|other| other.authorization_context = Some(parsed("another"))),
            "another Authorization Context",
            Mismatch::AuthorizationContext,
        ),
        (
            with(|other| other.authorization_context = None),
            "no Authorization Context",
            Mismatch::AuthorizationContext,
        ),
    ]
}

/// The same request by others.
fn strangers() -> Vec<(CeremonyRequest, &'static str)> {
    let by = |requester: Principal| CeremonyRequest {
        requester,
        ..wipe()
    };
    let adele = wipe().requester;
    let object_id = adele.object_id();
    let named = |issuer: &str, subject: &str, agent: Option<&str>| {
        let mut named = Principal::new(issuer, subject);
        if let Some(agent) = agent {
            named = named.with_delegate(agent);
        }
        match object_id {
            Some(id) => named.with_object_id(id),
            None => named,
        }
    };
    let (issuer, agent) = (adele.issuer(), Some("agent-7"));
    vec![
        (by(named(issuer, "somebody", agent)), "somebody else"),
        (by(named(issuer, "adele", Some("agent-8"))), "another agent"),
        (by(named(issuer, "adele", None)), "the requester themselves"),
        (
            by(named("https://idp.example", "adele", agent)),
            "a namesake",
        ),
        (
            by(adele.clone().with_object_id(parsed(ANOTHER_GUID))),
            "another directory object",
        ),
    ]
}

/// Not even that there is a ceremony, or how it ended.
async fn strangers_learn_nothing(fixture: &dyn CeremonyFixture) {
    let not_found = CeremonyRefusal::NotFound;
    for (stranger, who) in strangers() {
        let case = Case::new(fixture, 1).await;
        let id = case.open(&wipe()).await.id;
        case.deny(id, "megan").await;
        let when = format!("asked by {who} when it was denied");
        case.assert_refused(id, &stranger, not_found, &when).await;
        let case = Case::new(fixture, 1).await;
        let id = case.open(&wipe()).await.id;
        case.clock.advance(super::case::LIFETIME);
        let when = format!("asked by {who} when it has expired");
        case.assert_refused(id, &stranger, not_found, &when).await;
    }
    let case = Case::new(fixture, 1).await;
    let when = "of an id that was never given";
    case.assert_refused(CeremonyId::generate(), &wipe(), not_found, when)
        .await;
}

async fn the_name_is_for_the_eyes(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let id = case.approved(&wipe()).await;
    let mut renamed = wipe();
    renamed.target.device_name = Some("renamed".to_owned());
    renamed.target.serial_number = None;
    case.assert_used_once(id, &renamed).await;
}

async fn an_approver_sees_the_request(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let request = wipe();
    let open = case.open(&request).await;
    for shown in case.pending().await {
        assert_eq!(shown.ceremony, open, "an approver sees id and expiry");
        assert_eq!(
            shown.request, request,
            "an approver sees all of the request"
        );
        assert!(shown.votes.is_empty(), "nobody has voted");
        assert_eq!(
            shown.needed.get(),
            1,
            "an approver sees how many are needed"
        );
    }
    assert_eq!(case.pending().await.len(), 1, "what was opened waits");
}

async fn looking_grants_nothing(fixture: &dyn CeremonyFixture) {
    let case = Case::new(fixture, 1).await;
    let id = case.open(&wipe()).await.id;
    let pending = CeremonyRefusal::Pending;
    case.assert_refused(id, &wipe(), pending, "while nobody has approved")
        .await;
    case.approve(id, "megan").await;
    case.assert_used_once(id, &wipe()).await;
}
