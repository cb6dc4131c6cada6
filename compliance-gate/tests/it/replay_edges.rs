//! Records at the edge of what another policy takes, and of what they say.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use chronicle::events::DeviceComplianceChecked;
use clock::Timestamp;
use compliance_gate::{
    Missing, OnOutage, Outcome, Policies, PolicyLayer, Reason, Replayed, replay,
};
use serde_json::{Value, json};

const MADE_AT: Timestamp = Timestamp::from_unix_millis(1_795_500_000_000);
const ID: &str = "33333333-4444-4555-8666-000000000001";

fn required() -> PolicyLayer {
    PolicyLayer::new().required(true)
}

/// A record of a deny for this reason, with what it has besides.
fn denied(reason: &str, more: &Value) -> DeviceComplianceChecked {
    let mut record = json!({
        "decision_id": "019ab0d5-6c00-7000-8000-000000000000",
        "outcome": "deny", "enforced": true, "reason": reason, "retryable": false,
        "accord_template": "read-only", "identity": {"own": "present"},
        "principal": {"issuer": "https://login.example/t1/v2.0", "subject": "adele"},
        "device": {"entra_device_id": ID, "managed_device_id": ID, "records": 1},
        "policy": {"digest": "…", "required": true, "strict": false, "mode": "enforce", "layers": {}, "loosened": false},
    });
    let (record_fields, more) = (record.as_object_mut().unwrap(), more.as_object().unwrap());
    record_fields.extend(more.clone());
    serde_json::from_value(record).unwrap()
}

/// What was known of a compliant device, so many seconds ago.
fn compliant(age: u64, being_removed: bool) -> Value {
    json!({
        "state": "compliant", "observed_at": MADE_AT.saturating_sub(Duration::from_secs(age)),
        "age_ms": age * 1000, "served": "last_known_good", "user_matches": true, "being_removed": being_removed,
    })
}

fn in_an_outage(last_known: &Value) -> DeviceComplianceChecked {
    let failure = json!({"source_error": {"kind": "unavailable", "last_known": last_known}});
    denied("source_unavailable", &failure)
}

fn under(
    event: &DeviceComplianceChecked,
    layer: PolicyLayer,
) -> Result<(Outcome, Reason), Missing> {
    let policies = Policies::builder().global(layer).build().unwrap();
    match replay(event, MADE_AT, &policies) {
        Replayed::Same(ruling) | Replayed::Changed { after: ruling, .. } => {
            Ok((ruling.outcome, ruling.reason))
        }
        Replayed::CantTell(missing) => Err(missing),
    }
}

/// Whether a cache would have had the device when the source failed depends on how old a copy the other policy takes.
#[test]
fn a_copy_that_the_other_policy_would_have_taken_may_have_been_at_hand() {
    let event = in_an_outage(&compliant(400, false));
    let taking = |seconds| under(&event, required().max_age(Duration::from_secs(seconds)));
    let unavailable = Ok((Outcome::Deny, Reason::SourceUnavailable));
    assert_eq!(taking(60), unavailable);
    assert_eq!(taking(399), unavailable);
    // As old as that, it is too old.
    assert_eq!(taking(400), unavailable);
    assert_eq!(taking(401), Err(Missing::LastKnown));
    assert_eq!(taking(3600), Err(Missing::LastKnown));
}

#[test]
fn what_was_being_removed_is_not_let_in_because_the_source_is_down() {
    let lenient = OnOutage::LastKnownGood {
        max_age: Duration::from_secs(3600),
    };
    let lenient = required().on_outage(lenient);
    let removed = in_an_outage(&compliant(400, true));
    assert_eq!(
        under(&removed, lenient),
        Ok((Outcome::Deny, Reason::DeviceBeingRemoved))
    );
    let not_removed = in_an_outage(&compliant(400, false));
    assert_eq!(
        under(&not_removed, lenient),
        Ok((Outcome::Allow, Reason::Compliant))
    );
}

/// Records of before `being_removed` was kept say so by their reason.
#[test]
fn an_old_record_says_by_its_reason_that_a_device_was_being_removed() {
    let event = denied(
        "device_being_removed",
        &json!({"compliance": compliant(10, false)}),
    );
    let removed = Ok((Outcome::Deny, Reason::DeviceBeingRemoved));
    assert_eq!(under(&event, required()), removed);
}

#[test]
fn what_was_not_found_or_conflicted_is_so_under_any_policy_that_asks() {
    for (reason, records) in [("device_not_found", 0), ("conflicting_records", 2)] {
        let device = |served: &str, age: u64| {
            let device =
                json!({"entra_device_id": ID, "records": records, "served": served, "age_ms": age});
            denied(reason, &json!({"device": device}))
        };
        let expected = Ok((Outcome::Deny, reason.parse().unwrap()));
        let strict = required().strict(true);
        assert_eq!(under(&device("live", 0), strict), expected);
        assert_eq!(under(&device("cache", 9_999), strict), expected);
        let seconds = |n| required().max_age(Duration::from_secs(n));
        assert_eq!(under(&device("cache", 10_000), seconds(11)), expected);
        // A live answer was as fresh as can be; a copy as old as the limit is too old.
        assert_eq!(under(&device("live", 10_000), seconds(10)), expected);
        assert_eq!(
            under(&device("cache", 10_000), seconds(10)),
            Err(Missing::Fresher)
        );
        let open = PolicyLayer::new().required(false);
        let not_required = Ok((Outcome::Allow, Reason::NotRequired));
        assert_eq!(under(&device("live", 0), open), not_required);
    }
}

/// What was known before a failure decides only in an outage, and only where the policy lets it.
#[test]
fn what_was_known_before_a_failure_matters_only_where_it_may_serve() {
    let failed = |kind: &str| {
        let failure = json!({"source_error": {"kind": kind}});
        denied("source_unavailable", &failure)
    };
    let lenient = required().on_outage(OnOutage::LastKnownGood {
        max_age: Duration::from_secs(3600),
    });
    let unavailable = Ok((Outcome::Deny, Reason::SourceUnavailable));
    for kind in ["unavailable", "timed_out", "throttled"] {
        assert_eq!(under(&failed(kind), required()), unavailable, "{kind}");
        let told = under(&failed(kind), lenient);
        assert_eq!(told, Err(Missing::LastKnown), "{kind}");
    }
    for kind in ["refused", "credential_rejected", "malformed_answer"] {
        assert_eq!(under(&failed(kind), required()), unavailable, "{kind}");
        assert_eq!(under(&failed(kind), lenient), unavailable, "{kind}");
    }
}

#[test]
fn what_a_token_named_is_read_back() {
    let of = |word: &str| {
        let event = json!({"identity": {"own": word}, "device": null});
        let event = denied("invalid_device_identity", &event);
        under(&event, required().strict(true))
    };
    let denied = |reason| Ok((Outcome::Deny, reason));
    assert_eq!(of("invalid"), denied(Reason::InvalidDeviceIdentity));
    assert_eq!(of("absent"), denied(Reason::NoDeviceIdentity));
    assert_eq!(of("present"), Err(Missing::Device));
    assert_eq!(of("whatever"), Err(Missing::Readable));
}
