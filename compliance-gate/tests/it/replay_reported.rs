//! What only reports allows all the same: what a replay of it is asked for is what it would have done.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use chronicle::events::DeviceComplianceChecked;
use clock::Timestamp;
use compliance_gate::{Mode, Outcome, Policies, PolicyLayer, Replayed, replay};

const MADE_AT: Timestamp = Timestamp::from_unix_millis(1_795_500_000_000);

fn reported(strict: bool) -> Policies {
    let layer = PolicyLayer::new().required(true).strict(strict);
    let policies = Policies::builder().global(layer.mode(Mode::ReportOnly));
    policies.build().unwrap()
}

fn record(would: &str) -> DeviceComplianceChecked {
    let record = serde_json::json!({
        "decision_id": "019ab0d5-6c00-7000-8000-000000000000",
        "outcome": "allow", "enforced": false, "would": would,
        "reason": "no_device_identity", "retryable": false,
        "accord_template": "read-only", "identity": {"own": "absent"},
        "principal": {"issuer": "https://login.example/t1/v2.0", "subject": "adele"},
        "policy": {"digest": "…", "required": true, "strict": true, "mode": "report_only", "layers": {}, "loosened": false},
    });
    serde_json::from_value(record).unwrap()
}

#[test]
fn that_a_report_would_say_something_else_is_a_change() {
    let Replayed::Changed { before, after } = replay(&record("deny"), MADE_AT, &reported(false))
    else {
        panic!("nothing has changed");
    };
    assert_eq!(before.would, Some(Outcome::Deny));
    assert_eq!(after.would, Some(Outcome::Allow));
    assert_eq!(
        (before.outcome, after.outcome),
        (Outcome::Allow, Outcome::Allow)
    );
    let same = replay(&record("deny"), MADE_AT, &reported(true));
    assert!(matches!(same, Replayed::Same(_)), "{same:?}");
    let unread = replay(&record("maybe"), MADE_AT, &reported(true));
    assert!(matches!(unread, Replayed::CantTell(_)), "{unread:?}");
}
