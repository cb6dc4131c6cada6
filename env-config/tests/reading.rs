//! Every problem is named, and no value is repeated.

use env_config::{Environment, Reader};
use proptest::prelude::*;
use secrecy::ExposeSecret as _;

#[test]
fn booleans_are_read_in_any_case() {
    for (text, expected) in [
        ("TRUE", true),
        ("1", true),
        ("Yes", true),
        ("on", true),
        ("False", false),
        ("0", false),
        ("NO", false),
        ("oFF", false),
    ] {
        let environment = Environment::from_pairs([("FLAG", text)]);
        let mut reader = Reader::new(&environment);
        assert_eq!(reader.boolean("FLAG"), Some(expected), "{text}");
        reader.finish().unwrap();
    }
}

#[test]
fn a_secret_is_read_and_never_shown() {
    let environment = Environment::from_pairs([("SECRET", "canary-5d41")]);
    let mut reader = Reader::new(&environment);
    let secret = reader.required_secret("SECRET").unwrap();
    assert_eq!(secret.expose_secret(), "canary-5d41");
    assert!(!format!("{environment:?}{reader:?}{secret:?}").contains("canary"));
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_unicode_is_a_problem() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

    let environment = Environment::from_pairs([("NAME", OsString::from_vec(vec![0xff]))]);
    let mut reader = Reader::new(&environment);
    assert_eq!(
        reader.optional("NAME", |text| Ok::<_, String>(text.len())),
        None
    );
    assert_eq!(
        reader.finish().unwrap_err().to_string(),
        "NAME: is not Unicode text"
    );
}

#[test]
fn a_problem_that_two_crates_found_is_told_once() {
    let environment = Environment::from_pairs([("CLOUD", "nine")]);
    let read = || {
        let mut reader = Reader::new(&environment);
        reader.optional("CLOUD", |text| text.parse::<u8>());
        reader.finish().unwrap_err()
    };
    let union = env_config::ConfigError::union([read(), read()]).unwrap();
    assert_eq!(union.problems().len(), 1);
}

#[test]
fn a_misspelt_name_is_told_the_nearest_ones() {
    let environment = Environment::from_pairs([
        ("APP_STIRCT", "canary"),
        ("APP_STRICT", "true"),
        ("APP_TT", ""),
        ("APPLICATION", "canary"),
    ]);
    let mut reader = Reader::new(&environment);
    reader.refuse_unknown("APP_", &["APP_STRICT", "APP_TTL", "APP_TTS"]);
    assert_eq!(
        reader.finish().unwrap_err().to_string(),
        "APP_STIRCT: is not a known variable: did you mean `APP_STRICT`?\n\
         APP_TT: is not a known variable: did you mean `APP_TTL` or `APP_TTS`?"
    );
}

#[test]
fn the_process_lists_its_names() {
    let process = Environment::process();
    let names = process.names("PATH");
    assert!(names.contains("PATH") && names.iter().all(|name| name.starts_with("PATH")));
    assert!(process.names("env-config-no-such-prefix").is_empty());
}

proptest! {
    #[test]
    fn no_error_repeats_a_value(value in "canary[a-z0-9 ]{0,40}") {
        let environment = Environment::from_pairs([("FLAG", &value), ("NUMBER", &value)]);
        let mut reader = Reader::new(&environment);
        reader.boolean("FLAG");
        reader.required("NUMBER", |text| text.parse::<u64>());
        let error = reader.finish().unwrap_err();
        prop_assert_eq!(error.problems().len(), 2);
        let shown = format!("{error} {error:?}");
        prop_assert!(!shown.contains("canary"));
    }
}
