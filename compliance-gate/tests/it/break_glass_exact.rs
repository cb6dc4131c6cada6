//! Whom an entry lets in, to the letter.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use clock::Timestamp;
use compliance_gate::BreakGlass;
use intune_core::{AccordTemplate, Principal};

const ISSUER: &str = "https://login.example/t1/v2.0";

fn start() -> Timestamp {
    "2026-11-23T06:00:00Z".parse().unwrap()
}

fn made(issuer: &str, subject: &str, reason: &str) -> Option<BreakGlass> {
    let end = start().saturating_add(Duration::from_secs(3600));
    BreakGlass::new(issuer, subject, start(), end, reason).ok()
}

fn template(name: &str) -> AccordTemplate {
    name.parse().unwrap()
}

#[test]
fn issuer_and_subject_are_compared_byte_by_byte() {
    let entry = made(ISSUER, "adele", "r").unwrap();
    let applies = |issuer: &str, subject: &str| {
        let principal = Principal::new(issuer, subject);
        entry.applies(&principal, &template("ops"), start())
    };
    assert!(applies(ISSUER, "adele"));
    for (issuer, subject) in [
        (ISSUER, "Adele"),
        (ISSUER, "adele2"),
        (ISSUER, "adel"),
        (ISSUER, " adele"),
        (ISSUER, ""),
        ("https://LOGIN.example/t1/v2.0", "adele"),
        ("https://login.example/t1/v2.0/", "adele"),
        ("https://login.example/t1", "adele"),
        ("", "adele"),
        ("adele", ISSUER),
    ] {
        assert!(!applies(issuer, subject), "{issuer} {subject}");
    }
}

#[test]
fn templates_are_added_and_none_is_not_all() {
    let entry = || made(ISSUER, "adele", "r").unwrap();
    let adele = Principal::new(ISSUER, "adele");
    let applies = |entry: &BreakGlass, name: &str| entry.applies(&adele, &template(name), start());
    let both = entry().templates([template("ops")]);
    let both = both.templates([template("read-only")]);
    assert!(applies(&both, "ops") && applies(&both, "read-only"));
    assert!(!applies(&both, "op"));
    assert!(!applies(&entry().templates([]), "ops"));
}

#[test]
fn texts_have_at_most_512_bytes() {
    let (longest, longer) = ("a".repeat(512), "a".repeat(513));
    assert!(made(&longest, &longest, &longest).is_some());
    assert!(made(&longer, "adele", "r").is_none());
    assert!(made(ISSUER, &longer, "r").is_none());
    assert!(made(ISSUER, "adele", &longer).is_none());
    // Bytes, not characters.
    assert!(made(ISSUER, "adele", &"ü".repeat(257)).is_none());
}
