//! Scopes and rules as data, digests of parameters, and what failures say.

use std::collections::BTreeSet;

use clock::Timestamp;
use intune_core::{
    Capability, CeremonyId, CeremonyRefusal, CeremonyRule, DelegationScope, DeviceAction,
    MacOsUnlockCode, Mismatch, Operation, OperationErrorKind, SourceFailure, SourceFailureKind,
    WipeOptions,
};
use proptest::{prelude::*, sample::select};
use sha2::{Digest as _, Sha256};

fn scope(json: &str) -> serde_json::Result<DelegationScope> {
    serde_json::from_str(json)
}

#[test]
fn a_scope_that_is_not_understood_is_an_error() {
    let until = r#""expires_at":"2026-11-23T07:00:00Z""#;
    scope(&format!(r#"{{"capabilities":["READ"],{until}}}"#)).unwrap();
    for wrong in [
        r#"{"capabilities":["READ"]}"#.to_owned(),
        format!("{{{until}}}"),
        format!(r#"{{"capabilities":["READ"],"ceremonies":[],{until}}}"#),
        format!(r#"{{"capabilities":["ADMIN"],{until}}}"#),
        format!(r#"{{"capabilities":["read"],{until}}}"#),
        format!(r#"{{"capabilities":null,{until}}}"#),
        format!(r#"{{"capabilities":["READ"],"capabilities":["MUTATE"],{until}}}"#),
        format!(r#"{{"capabilities":["READ"],"ceremony_required_for":["reboot"],{until}}}"#),
        format!(r#"{{"capabilities":["READ"],"ceremony_required_for":["Wipe_Device"],{until}}}"#),
        format!(r#"{{"capabilities":["READ"],"ceremony_required_for":["*"],{until}}}"#),
        format!(r#"{{"capabilities":["READ"],"ceremony_required_for":null,{until}}}"#),
        r#"{"capabilities":["READ"],"expires_at":null}"#.to_owned(),
        r#"{"capabilities":["READ"],"expires_at":"tomorrow"}"#.to_owned(),
        r#"{"capabilities":["READ"],"expires_at":1795417200}"#.to_owned(),
    ] {
        assert!(scope(&wrong).is_err(), "{wrong}");
    }
    let error = "reboot".parse::<CeremonyRule>().unwrap_err().to_string();
    assert!(
        error.contains("remote_lock") && error.contains("PROPOSE"),
        "{error}"
    );
    for operation in Operation::ALL {
        assert!(error.contains(operation.as_str()));
    }
}

#[test]
fn an_empty_scope_allows_nothing() {
    let empty = DelegationScope::until(Timestamp::MAX);
    for operation in Operation::ALL {
        assert!(!empty.allows(operation) && !empty.requires_ceremony(operation));
    }
}

fn rule() -> impl Strategy<Value = CeremonyRule> {
    let operations = Operation::ALL.map(CeremonyRule::Operation);
    let capabilities = Capability::ALL.map(CeremonyRule::Capability);
    select([&operations[..], &capabilities[..]].concat())
}

proptest! {
    #[test]
    fn a_scope_is_the_same_after_a_round_trip(
        capabilities in proptest::collection::vec(select(Capability::ALL.to_vec()), 0..4),
        rules in proptest::collection::vec(rule(), 0..5),
        end in 0..4_000_000_000_000_i64,
    ) {
        let until = DelegationScope::until(Timestamp::from_unix_millis(end));
        let given = capabilities.iter().fold(until, |scope, &capability| scope.capability(capability));
        let given = rules.iter().fold(given, |scope, &rule| scope.ceremony_required_for(rule));
        let json = serde_json::to_string(&given).unwrap();
        prop_assert_eq!(&scope(&json).unwrap(), &given);
        for operation in Operation::ALL {
            prop_assert_eq!(given.allows(operation), capabilities.contains(&operation.capability()));
            let asked = rules.iter().any(|rule| match rule {
                CeremonyRule::Operation(named) => *named == operation,
                CeremonyRule::Capability(named) => *named == operation.capability(),
            });
            prop_assert_eq!(given.requires_ceremony(operation), asked);
        }
    }

    #[test]
    fn a_rule_is_its_name(rule in rule()) {
        prop_assert_eq!(rule.to_string().parse::<CeremonyRule>().unwrap(), rule);
        let json = serde_json::to_string(&rule).unwrap();
        prop_assert_eq!(&json, &format!("\"{rule}\""));
        prop_assert_eq!(serde_json::from_str::<CeremonyRule>(&json).unwrap(), rule);
    }

    #[test]
    fn an_unlock_code_is_six_digits(text in "\\PC{0,8}|[0-9]{5,7}|[0-9٠-٩]{6}") {
        let is_code = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        prop_assert_eq!(text.parse::<MacOsUnlockCode>().is_ok(), is_code);
    }
}

fn wipe(bits: u8, code: &str) -> DeviceAction {
    let options = WipeOptions::new()
        .keep_enrollment_data(bits & 1 != 0)
        .keep_user_data(bits & 2 != 0)
        .persist_esim_data_plan(bits & 8 != 0);
    DeviceAction::Wipe(if bits & 4 == 0 {
        options
    } else {
        options.mac_os_unlock_code(code.parse().unwrap())
    })
}

#[test]
fn the_digest_of_a_wipe_is_of_its_canonical_json() {
    let mut seen = BTreeSet::new();
    for bits in 0..16 {
        // A map of serde_json's is sorted, as RFC 8785 sorts ASCII names.
        let canonical = serde_json::json!({
            "persistEsimDataPlan": bits & 8 != 0,
            "macOsUnlockCode": bits & 4 != 0,
            "keepUserData": bits & 2 != 0,
            "keepEnrollmentData": bits & 1 != 0,
        });
        let hash = Sha256::digest(canonical.to_string());
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let digest = wipe(bits, "482913").parameters_digest().unwrap();
        assert_eq!(digest.to_string(), format!("sha256:{hex}"));
        assert_eq!(
            Some(digest),
            wipe(bits, "000000").parameters_digest(),
            "whatever the code"
        );
        assert!(seen.insert(hex));
    }
}

#[test]
fn an_action_without_parameters_has_no_digest() {
    for action in [
        DeviceAction::Sync,
        DeviceAction::RemoteLock,
        DeviceAction::Retire,
    ] {
        assert_eq!(action.parameters_digest(), None);
    }
}

#[test]
fn the_id_of_a_ceremony_is_a_uuid_in_the_usual_form() {
    let id = CeremonyId::generate();
    assert_eq!(id.to_string().parse::<CeremonyId>(), Ok(id));
    let json = serde_json::to_string(&id).unwrap();
    assert_eq!(serde_json::from_str::<CeremonyId>(&json).unwrap(), id);
    let bare = id.to_string().replace('-', "");
    for wrong in ["", "1", &bare, &format!("{{{id}}}"), &format!("{id} ")] {
        assert!(wrong.parse::<CeremonyId>().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_failure_says_which_permission_to_grant() {
    let permission = "DeviceManagementManagedDevices.PrivilegedOperations.All";
    let failure = SourceFailure::new(SourceFailureKind::PermissionMissing);
    assert_eq!(failure.permission(), None);
    let failure = failure.with_permission(permission).with_status(403);
    assert_eq!(failure.permission(), Some(permission));
    let text = OperationErrorKind::SourceFailed(failure).to_string();
    assert!(
        text.contains(&format!("`{permission}`")) && text.contains("403"),
        "{text}"
    );
    let forged = SourceFailure::new(SourceFailureKind::PermissionMissing).with_permission("a\nb");
    assert_eq!(forged.permission(), Some("a?b"));
}

#[test]
fn waiting_for_a_second_administrator_is_no_outage() {
    use SourceFailureKind as Kind;
    for (kind, name, is_outage) in [
        (Kind::CredentialRejected, "credential_rejected", false),
        (Kind::PermissionMissing, "permission_missing", false),
        (Kind::ApprovalRequired, "approval_required", false),
        (Kind::LicenceMissing, "licence_missing", false),
        (Kind::Throttled, "throttled", true),
        (Kind::Unavailable, "unavailable", true),
        (Kind::TimedOut, "timed_out", true),
        (Kind::MalformedAnswer, "malformed_answer", false),
        (Kind::Refused, "refused", false),
        (Kind::Interrupted, "interrupted", false),
    ] {
        assert_eq!((kind.as_str(), kind.is_outage()), (name, is_outage));
    }
}

#[test]
fn each_refusal_has_a_name_of_its_own() {
    use CeremonyRefusal as Refusal;
    let refusals = [
        (Refusal::NotFound, "ceremony_not_found", false),
        (Refusal::Pending, "ceremony_pending", true),
        (Refusal::Denied, "ceremony_denied", false),
        (Refusal::Expired, "ceremony_expired", false),
        (Refusal::Consumed, "ceremony_consumed", false),
        (
            Refusal::Mismatch(Mismatch::Requester),
            "ceremony_for_another_requester",
            false,
        ),
        (
            Refusal::Mismatch(Mismatch::Operation),
            "ceremony_for_another_operation",
            false,
        ),
        (
            Refusal::Mismatch(Mismatch::Device),
            "ceremony_for_another_device",
            false,
        ),
        (
            Refusal::Mismatch(Mismatch::Parameters),
            "ceremony_for_other_parameters",
            false,
        ),
        (
            Refusal::Mismatch(Mismatch::AuthorizationContext),
            "ceremony_for_another_authorization_context",
            false,
        ),
        (
            Refusal::Mismatch(Mismatch::DeviceChanged),
            "device_changed_since_ceremony",
            false,
        ),
        (Refusal::Invalid, "ceremony_invalid", false),
        (Refusal::ReadOnly, "ceremony_not_for_reads", false),
        (Refusal::TooMany, "too_many_ceremonies", true),
        (Refusal::Unavailable, "ceremonies_unavailable", true),
    ];
    let texts: BTreeSet<_> = refusals
        .iter()
        .map(|(refusal, ..)| refusal.to_string())
        .collect();
    assert_eq!(texts.len(), refusals.len());
    for (refusal, name, is_retryable) in refusals {
        assert_eq!(
            (refusal.as_str(), refusal.is_retryable()),
            (name, is_retryable)
        );
    }
}
