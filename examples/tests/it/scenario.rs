//! The program without arguments: its whole story, as printed.

use tempfile::TempDir;

use crate::binary::command;

#[tokio::test]
async fn the_scenario_ends_well_and_shows_decisions_and_operations() {
    let files = TempDir::new().unwrap();
    let chronicle = files.path().join("chronicle.jsonl");
    let mut command = command(&[], &["--chronicle", chronicle.to_str().unwrap()]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{printed}{errors}");
    assert_eq!(errors, "");
    assert!(!printed.contains("NOT"), "{printed}");
    assert!(printed.contains("chain verified"), "{printed}");
    for reason in [
        "not_required",
        "invalid_device_identity",
        "no_device_identity",
        "source_unavailable",
        "device_not_found",
        "conflicting_records",
        "device_being_removed",
        "subject_mismatch",
        "device_stale",
        "noncompliant",
        "compliant",
        "in_grace_period",
        "audit_unavailable",
    ] {
        let is_shown = printed.contains(&format!(" {reason} "));
        // A Chronicle that refuses records can't be shown and verified at once.
        assert!(
            is_shown || reason == "audit_unavailable",
            "{reason}:\n{printed}"
        );
    }
    for operation in [
        "list_devices",
        "get_device",
        "get_compliance",
        "sync_device",
        "remote_lock",
        "retire_device",
        "wipe_device",
    ] {
        assert!(printed.contains(operation), "{operation}:\n{printed}");
    }
    for result in [
        "succeeded",
        "accepted",
        "unknown",
        "scope_expired",
        "capability_missing",
        "ceremony_required",
        "ceremony_pending",
        "ceremony_consumed",
        "ceremony_denied",
        "ceremony_for_other_parameters",
    ] {
        assert!(printed.contains(result), "{result}:\n{printed}");
    }
    // As many records as it says, and none of them tells a secret.
    let text = std::fs::read_to_string(&chronicle).unwrap();
    let verified = chronicle::verify_file(&chronicle).unwrap();
    assert!(printed.contains(&format!("{} records", verified.records)));
    assert!(text.contains("CONNECTOR_INVOKED") && text.contains("DEVICE_COMPLIANCE_CHECKED"));
    assert!(!text.contains("eyJ") && !printed.contains("eyJ"));
}
