//! Each row of the decision table that a token can reach, over HTTP.

use std::{sync::Arc, time::Duration};

use clock::{Clock as _, ManualClock};
use compliance_gate::{Grace, Policies, PolicyLayer};
use serde_json::{Value, json};

use crate::{
    running::Running,
    tenant::{Answer, DEVICE, RECORD, Tenant, changed, device, now, page},
};

const LONG: Duration = Duration::from_secs(10);

async fn over_rows(rows: Vec<Value>) -> String {
    let tenant = Tenant::start().await;
    tenant.devices(move |_| page(&rows));
    let host = Running::over(&tenant).await;
    let token = tenant.token(json!({}));
    host.authorize(&token, "device-management").await.line()
}

async fn over_record(changes: Value) -> String {
    over_rows(vec![changed(device("compliant"), changes)]).await
}

#[tokio::test]
async fn row_1_a_gate_that_is_off_allows_and_leaves_no_record() {
    let tenant = Tenant::start().await;
    let issuers = [tenant.issuer()];
    let host = Running::with(&tenant, &[("INTUNE_ENABLED", "false")], &issuers).await;
    for device in [json!(DEVICE), json!("garbage"), Value::Null] {
        let token = tenant.token(json!({"deviceid": device}));
        let answer = host.authorize(&token, "device-management").await;
        assert_eq!(answer.line(), "200 not_enabled -");
        assert_eq!(answer.body["ac"]["device_compliance"], Value::Null);
    }
    assert_eq!(tenant.look_ups(), 0);
    assert!(host.records().is_empty());
}

#[tokio::test]
async fn row_2_where_nothing_is_required_nothing_is_looked_up() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    for device in [json!(DEVICE), json!("garbage"), Value::Null] {
        let token = tenant.token(json!({"deviceid": device}));
        let answer = host.authorize(&token, "read-only").await;
        assert_eq!(answer.line(), "200 not_required -");
        assert_eq!(answer.body["ac"].get("device_compliance"), None);
    }
    assert_eq!(tenant.look_ups(), 0);
    assert!(host.records().is_empty());
}

#[tokio::test]
async fn rows_4_and_5_a_token_without_a_device_is_a_matter_of_strictness() {
    let tenant = Tenant::start().await;
    let token = tenant.token(json!({"deviceid": null}));

    let permissive = Running::over(&tenant).await;
    let answer = permissive.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "200 no_device_identity -");
    assert_eq!(answer.body["ac"].get("device_compliance"), None);

    let strict = Running::with(&tenant, &[("INTUNE_COMPLIANCE_STRICT", "yes")], &[]).await;
    let answer = strict.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "403 no_device_identity -");
    assert_eq!(answer.body.get("ac"), None);
    // Strict has effect only where compliance is required.
    let answer = strict.authorize(&token, "read-only").await;
    assert_eq!(answer.line(), "200 not_required -");
    assert_eq!(tenant.look_ups(), 0);
}

#[tokio::test]
async fn row_7_a_device_without_a_record_is_denied() {
    assert_eq!(over_rows(vec![]).await, "403 device_not_found live");
}

#[tokio::test]
async fn row_8_recent_records_that_disagree_are_denied() {
    let other = json!({"id": "22222222-2222-4333-8444-555555555555"});
    let rows = vec![
        device("compliant"),
        changed(device("noncompliant"), other.clone()),
    ];
    assert_eq!(over_rows(rows).await, "403 conflicting_records live");
    let rows = vec![device("compliant"), changed(device("compliant"), other)];
    assert_eq!(over_rows(rows).await, "200 compliant live");
}

#[tokio::test]
async fn row_8_a_stale_record_has_no_say_and_a_future_check_in_never_wins() {
    let old = now().saturating_sub(Duration::from_secs(25 * 3600 + 3600));
    let id = "22222222-2222-4333-8444-555555555555";
    let stale = changed(
        device("noncompliant"),
        json!({"id": id, "lastSyncDateTime": old}),
    );
    assert_eq!(
        over_rows(vec![stale, device("compliant")]).await,
        "200 compliant live"
    );
    for never in [
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "2099-01-01T00:00:00Z",
    ] {
        let lying = changed(
            device("compliant"),
            json!({"id": id, "lastSyncDateTime": never}),
        );
        assert_eq!(
            over_rows(vec![lying, device("noncompliant")]).await,
            "403 noncompliant live",
            "{never}"
        );
    }
}

#[tokio::test]
async fn row_9_a_device_on_its_way_out_is_denied() {
    for state in [
        "retirePending",
        "retireIssued",
        "wipePending",
        "wipeIssued",
        "deletePending",
    ] {
        assert_eq!(
            over_record(json!({"managementState": state})).await,
            "403 device_being_removed live",
            "{state}"
        );
    }
    for state in [
        "managed",
        "wipeCanceled",
        "retireCanceled",
        "retireFailed",
        "wipeFailed",
    ] {
        assert_eq!(
            over_record(json!({"managementState": state})).await,
            "200 compliant live",
            "{state}"
        );
    }
}

async fn under_layer(layer: PolicyLayer, record: Value, claims: Value) -> String {
    let tenant = Tenant::start().await;
    tenant.devices(move |_| page(&[changed(device("compliant"), record.clone())]));
    let policies = Policies::builder().global(layer.max_age(LONG));
    let host = Running::decided_by(&tenant, policies.build().unwrap(), LONG).await;
    let token = tenant.token(claims);
    host.authorize(&token, "device-management").await.line()
}

#[tokio::test]
async fn row_10_a_device_of_somebody_else_is_denied_where_the_policy_binds_the_subject() {
    let bound = PolicyLayer::new().bind_subject(true);
    let other = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    for (record, claims, expected) in [
        (json!({}), json!({}), "200 compliant live"),
        (
            json!({}),
            json!({"oid": other}),
            "403 subject_mismatch live",
        ),
        (json!({}), json!({"oid": null}), "403 subject_mismatch live"),
        (
            json!({"userId": ""}),
            json!({}),
            "403 subject_mismatch live",
        ),
        (
            json!({"userId": ""}),
            json!({"oid": ""}),
            "403 subject_mismatch live",
        ),
        (
            json!({"userId": null}),
            json!({"oid": null}),
            "403 subject_mismatch live",
        ),
        (
            json!({"userId": "00000000-0000-0000-0000-000000000000"}),
            json!({"oid": "00000000-0000-0000-0000-000000000000"}),
            "403 subject_mismatch live",
        ),
    ] {
        assert_eq!(under_layer(bound, record, claims).await, expected);
    }
}

#[tokio::test]
async fn row_11_a_device_that_has_long_been_silent_is_denied() {
    let month = PolicyLayer::new().max_check_in_age(Some(Duration::from_secs(30 * 24 * 3600)));
    let old = now().saturating_sub(Duration::from_secs(31 * 24 * 3600));
    for never in [
        json!(old),
        json!("0001-01-01T00:00:00Z"),
        json!("2099-01-01T00:00:00Z"),
        json!(7),
    ] {
        let record = json!({"lastSyncDateTime": never});
        let line = under_layer(month, record, json!({})).await;
        assert_eq!(line, "403 device_stale live", "{never}");
    }
    let line = under_layer(month, json!({}), json!({})).await;
    assert_eq!(line, "200 compliant live");
}

#[tokio::test]
async fn rows_12_and_13_grace_counts_until_it_expires() {
    let at = |seconds: i64| {
        let ahead = Duration::from_secs(seconds.unsigned_abs());
        json!(if seconds < 0 {
            now().saturating_sub(ahead)
        } else {
            now().saturating_add(ahead)
        })
    };
    let grace = |expiry| json!({"complianceState": "inGracePeriod", "complianceGracePeriodExpirationDateTime": expiry});
    assert_eq!(
        over_record(grace(at(600))).await,
        "200 in_grace_period live"
    );
    for over in [
        at(-1),
        json!("0001-01-01T00:00:00Z"),
        json!(null),
        json!("soon"),
    ] {
        assert_eq!(
            over_record(grace(over.clone())).await,
            "403 noncompliant live",
            "{over}"
        );
    }

    let min_remaining = Duration::from_secs(3600);
    let demanding = PolicyLayer::new().in_grace_period(Grace::UntilExpiry { min_remaining });
    let line = under_layer(demanding, grace(at(600)), json!({})).await;
    assert_eq!(line, "403 noncompliant live");
    let none = PolicyLayer::new().in_grace_period(Grace::Deny);
    let line = under_layer(none, grace(at(600)), json!({})).await;
    assert_eq!(line, "403 in_grace_period live");
}

#[tokio::test]
async fn row_12_grace_that_ends_while_it_is_cached_is_over() {
    let tenant = Tenant::start().await;
    let clock = ManualClock::new(now());
    let host = Running::timed_by(&tenant, Arc::new(clock.clone())).await;
    let token = tenant.token(json!({}));
    let expiry = clock.now().wall.saturating_add(Duration::from_secs(60));
    tenant.devices(move |_| {
        let expiry = json!({"complianceGracePeriodExpirationDateTime": expiry});
        page(&[changed(device("inGracePeriod"), expiry)])
    });
    let first = host.authorize(&token, "device-management").await;
    assert_eq!(first.line(), "200 in_grace_period live");
    let until = &first.body["ac"]["expires_at"];
    assert_eq!(
        until,
        &first.body["ac"]["device_compliance"]["grace_expires_at"]
    );
    clock.advance(Duration::from_millis(59_999));
    let again = host.authorize(&token, "device-management").await;
    assert_eq!(again.line(), "200 in_grace_period cache");
    clock.advance(Duration::from_millis(1));
    let last = host.authorize(&token, "device-management").await;
    assert_eq!(last.line(), "403 noncompliant cache");
    assert_eq!(tenant.look_ups(), 1);
}

#[tokio::test]
async fn row_14_every_other_state_is_denied_by_its_name() {
    for (state, reason) in [
        ("noncompliant", "noncompliant"),
        ("conflict", "conflict"),
        ("error", "error"),
        ("unknown", "unknown"),
        ("configManager", "config_manager"),
        ("Compliant", "unrecognized_state"),
        ("compliant ", "unrecognized_state"),
        ("unknownFutureValue", "unrecognized_state"),
        ("", "unrecognized_state"),
    ] {
        assert_eq!(
            over_record(json!({"complianceState": state})).await,
            format!("403 {reason} live"),
            "{state}"
        );
    }
    for odd in [
        json!(1),
        json!(null),
        json!(["compliant"]),
        json!({"compliant": true}),
    ] {
        let line = over_record(json!({"complianceState": odd})).await;
        assert_eq!(line, "403 unrecognized_state live", "{odd}");
    }
}

#[tokio::test]
async fn a_long_undeclared_state_that_begins_like_another_is_not_that_one() {
    let state = "compliant".to_owned() + &"\u{0}".repeat(20);
    let line = over_record(json!({"complianceState": state})).await;
    assert_eq!(line, "403 unrecognized_state live");
}

#[tokio::test]
async fn row_6_and_a_failing_record_say_retry() {
    let tenant = Tenant::start().await;
    tenant.devices(|_| Answer::text(503, "<html>no</html>"));
    let host = Running::over(&tenant).await;
    let answer = host
        .authorize(&tenant.token(json!({})), "device-management")
        .await;
    assert_eq!(answer.line(), "503 source_unavailable -");
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(answer.body["decision"]["outcome"], "deny");
    assert_eq!(answer.body.get("ac"), None);
    let records = host.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["data"]["source_error"]["status"], 503);
    assert_eq!(records[0]["data"]["retryable"], true);
}

#[tokio::test]
async fn what_a_device_is_called_goes_onto_the_ac_by_both_ids() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let answer = host
        .authorize(&tenant.token(json!({})), "device-management")
        .await;
    let compliance = &answer.body["ac"]["device_compliance"];
    assert_eq!(compliance["entra_device_id"], DEVICE);
    assert_eq!(compliance["managed_device_id"], RECORD);
    assert_eq!(compliance["state"], "compliant");
    assert_eq!(compliance["served"], "live");
    for name in ["digest", "layers", "loosened"] {
        assert!(compliance["policy"].get(name).is_some(), "{name}");
    }
    assert_eq!(compliance["decision_id"], answer.body["decision"]["id"]);
    for name in ["observed_at", "age_ms", "last_check_in"] {
        assert!(compliance.get(name).is_some(), "{name}");
    }
}
