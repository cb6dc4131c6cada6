//! Reason codes: they don't change, and operators are told what to do about each.

use compliance_gate::Reason;

/// What programs go by. A code may be added here, and none may change or go.
const CODES: [(Reason, &str, bool); 21] = [
    (Reason::NotEnabled, "not_enabled", false),
    (Reason::UnknownTemplate, "unknown_template", false),
    (Reason::NotRequired, "not_required", false),
    (
        Reason::InvalidDeviceIdentity,
        "invalid_device_identity",
        false,
    ),
    (Reason::NoDeviceIdentity, "no_device_identity", false),
    (Reason::SourceUnavailable, "source_unavailable", true),
    (Reason::DeviceNotFound, "device_not_found", false),
    (Reason::ConflictingRecords, "conflicting_records", false),
    (Reason::DeviceBeingRemoved, "device_being_removed", false),
    (Reason::SubjectMismatch, "subject_mismatch", false),
    (Reason::DeviceStale, "device_stale", false),
    (Reason::Compliant, "compliant", false),
    (Reason::InGracePeriod, "in_grace_period", false),
    (Reason::Noncompliant, "noncompliant", false),
    (Reason::Conflict, "conflict", false),
    (Reason::Error, "error", false),
    (Reason::Unknown, "unknown", false),
    (Reason::ConfigManager, "config_manager", false),
    (Reason::UnrecognizedState, "unrecognized_state", false),
    (Reason::AuditUnavailable, "audit_unavailable", true),
    (Reason::BreakGlass, "break_glass", false),
];

#[test]
fn codes_do_not_change() {
    assert_eq!(Reason::ALL.len(), CODES.len());
    for (reason, code, retryable) in CODES {
        assert_eq!(reason.as_str(), code);
        assert_eq!(reason.to_string(), code);
        assert_eq!(code.parse::<Reason>().unwrap(), reason);
        assert_eq!(reason.is_retryable(), retryable);
    }
    assert!("Compliant".parse::<Reason>().is_err());
}

#[test]
fn the_readme_says_what_to_do_about_each() {
    let readme = include_str!("../../README.md");
    for reason in Reason::ALL {
        let row = format!("| `{reason}` | ");
        assert_eq!(readme.matches(&row).count(), 1, "{reason}");
    }
}
