//! What a policy file may say where a word, a number or a table is expected, and what it is told otherwise.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use compliance_gate::{Grace, OnOutage, Policies, Policy, PolicyFile};

fn global(line: &str) -> Policy {
    let file = PolicyFile::parse(&format!("[global]\n{line}")).unwrap();
    let policies = Policies::builder().file(file).build().unwrap();
    *policies.unlisted().policy()
}

fn error(line: &str) -> String {
    PolicyFile::parse(&format!("[global]\n{line}")).unwrap_err()
}

#[test]
fn each_word_of_a_setting_is_taken() {
    let grace = |word: &str| global(&format!("states.in_grace_period = \"{word}\""));
    assert_eq!(grace("deny").in_grace_period, Grace::Deny);
    assert_eq!(grace("until_expiry").in_grace_period, Grace::default());
    assert_eq!(global("on_outage = \"deny\"").on_outage, OnOutage::Deny);
    let unlimited = global("max_check_in_age_seconds = \"unlimited\"");
    assert_eq!(unlimited.max_check_in_age, None);
}

/// Who writes something else is told what may stand there.
#[test]
fn an_error_says_what_is_expected() {
    for (line, expected) in [
        ("max_age_seconds = true", "from 0 (always live) to 86400"),
        ("max_age_seconds = \"5m\"", "from 0 (always live) to 86400"),
        ("max_age_seconds = -1", "from 0 (always live) to 86400"),
        ("max_age_seconds = {}", "from 0 (always live) to 86400"),
        ("max_check_in_age_seconds = true", "or \"unlimited\""),
        ("on_outage = true", "`last_known_good_seconds`"),
        ("on_outage = 600", "`last_known_good_seconds`"),
        ("on_outage = {}", "`last_known_good_seconds`"),
        ("states.in_grace_period = 60", "`min_remaining_seconds`"),
        ("states.in_grace_period = \"never\"", "\"until_expiry\""),
        ("mode = true", "a word"),
        ("mode = { off = 1 }", "a word"),
        ("states = true", "a table of settings"),
    ] {
        let error = error(line);
        assert!(error.contains(expected), "{line}: {error}");
    }
    let accords = PolicyFile::parse("accords = 1").unwrap_err();
    assert!(accords.contains("a table of accord templates"), "{accords}");
}

/// The longest that can be written is a day for our copy, and a leap year for the rest.
#[test]
fn durations_end_where_the_errors_say() {
    for (key, table, longest) in [
        ("max_age_seconds", None, 86_400),
        ("max_check_in_age_seconds", None, 31_622_400),
        ("on_outage", Some("last_known_good_seconds"), 31_622_400),
        (
            "states.in_grace_period",
            Some("min_remaining_seconds"),
            31_622_400,
        ),
    ] {
        for (seconds, is_taken) in [(0, true), (longest, true), (longest + 1, false)] {
            let line = match table {
                Some(table) => format!("{key} = {{ {table} = {seconds} }}"),
                None => format!("{key} = {seconds}"),
            };
            let file = PolicyFile::parse(&format!("[global]\n{line}"));
            assert_eq!(file.is_ok(), is_taken, "{line}");
        }
    }
}
