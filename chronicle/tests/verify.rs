//! What verification finds, whatever was done to a store.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::LazyLock;

use chronicle::{MAX_LINE_BYTES, MemorySink, Sequence, Sink, VerifyErrorKind, verify, verify_file};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const COUNT: usize = 5;

static LINES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| lines(COUNT));

/// A whole store of `count` records, as lines with their newlines.
fn lines(count: usize) -> Vec<Vec<u8>> {
    let sink = MemorySink::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for number in 0..count {
        runtime
            .block_on(sink.append(support::door(format!("door {number}"))))
            .unwrap();
    }
    sink.records()
        .iter()
        .map(|stored| stored.line().to_vec())
        .collect()
}

/// The line's number, from 1, and what is wrong with it.
fn wrong(bytes: &[u8]) -> (u64, VerifyErrorKind) {
    let error = verify(bytes).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("line {}: ", error.line()))
    );
    (error.line(), error.kind())
}

fn number(index: usize) -> u64 {
    index as u64 + 1
}

/// The line as somebody would write it who changed `from` to `to` and then computed its hash anew.
fn forge(line: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = str::from_utf8(line).unwrap().replacen(from, to, 1);
    let (hashed, _) = text.rsplit_once(",\"hash\":\"").unwrap();
    seal(hashed.as_bytes())
}

fn seal(hashed: &[u8]) -> Vec<u8> {
    let hash: String = Sha256::digest(hashed)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    [hashed, format!(",\"hash\":\"{hash}\"}}\n").as_bytes()].concat()
}

#[test]
fn a_whole_store_is_accepted_and_an_empty_one() {
    let verified = verify(LINES.concat().as_slice()).unwrap();
    assert_eq!(verified.records, COUNT as u64);
    let (sequence, hash) = verified.head.unwrap();
    assert_eq!(sequence, Sequence::new(COUNT as u64));
    assert!(LINES[COUNT - 1].ends_with(format!("\"hash\":\"{hash}\"}}\n").as_bytes()));
    let verified = verify(&b""[..]).unwrap();
    assert_eq!((verified.records, verified.head), (0, None));
}

#[test]
fn every_single_bit_counts() {
    let store = LINES[..2].concat();
    for at in 0..store.len() {
        for bit in 0..8 {
            let mut edited = store.clone();
            edited[at] ^= 1 << bit;
            let line = if at < LINES[0].len() { 1 } else { 2 };
            assert_eq!(wrong(&edited).0, line, "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn lines_cut_off_the_end_are_not_found_as_documented() {
    for kept in 0..COUNT {
        let verified = verify(LINES[..kept].concat().as_slice()).unwrap();
        assert_eq!(verified.records, kept as u64);
    }
}

#[test]
fn a_forged_line_breaks_the_chain_at_the_next() {
    let mut lines = LINES.clone();
    lines[2] = forge(&lines[2], "door 2", "door 9");
    assert_eq!(wrong(&lines.concat()), (4, VerifyErrorKind::BrokenChain));
}

#[test]
fn a_gap_in_the_sequence_is_found_though_the_chain_holds() {
    let mut lines = LINES[..3].to_vec();
    lines[2] = forge(&lines[2], "00000000000000000003", "00000000000000000007");
    let kind = VerifyErrorKind::Gap {
        expected: Sequence::new(3),
        found: Sequence::new(7),
    };
    assert_eq!(wrong(&lines.concat()), (3, kind));
}

#[test]
fn a_line_with_a_right_hash_must_still_be_a_record() {
    let sequence = "\"sequence\":\"00000000000000000003\"";
    let forgeries = [
        ("{\"specversion\"", "\"specversion\""),
        ("\"specversion\":\"1.0\"", "\"specversion\":\"0.3\""),
        ("\"specversion\":\"1.0\",", ""),
        ("\"source\":\"urn:house:12\"", "\"source\":\"\""),
        ("2026-11-23T06:10:00.123Z", "yesterday"),
        ("\"data\":{\"door\":\"door 2\"},", ""),
        (
            "\"data\":{\"door\":\"door 2\"}",
            "\"data\":{\"door\":door 2}",
        ),
        (sequence, "\"sequence\":\"3\""),
        (sequence, "\"sequence\":\"+0000000000000000003\""),
        (sequence, "\"sequence\":3"),
        (sequence, "\"sequence\":\"99999999999999999999\""),
        (sequence, &format!("{sequence},{sequence}")),
        (
            sequence,
            &format!("{sequence},\"\\u0073equence\":\"00000000000000000003\""),
        ),
        (sequence, &format!("{sequence},\"hash\":\"\"")),
    ];
    for (from, to) in forgeries {
        let mut lines = LINES.clone();
        lines[2] = forge(&lines[2], from, to);
        assert_ne!(lines[2], LINES[2], "{from}");
        assert_eq!(
            wrong(&lines.concat()),
            (3, VerifyErrorKind::NotARecord),
            "{to}"
        );
    }
}

#[test]
fn a_line_with_a_right_hash_must_still_be_utf_8() {
    let line = forge(&LINES[0], "\"data\"", "\"other\":\"?\",\"data\"");
    let end = line.len() - ",\"hash\":\"\"}\n".len() - 64;
    let mut hashed = line[..end].to_vec();
    assert_eq!(verify(seal(&hashed).as_slice()).unwrap().records, 1);
    let at = hashed.iter().position(|byte| *byte == b'?').unwrap();
    hashed[at] = 0xff;
    assert_eq!(wrong(&seal(&hashed)), (1, VerifyErrorKind::NotARecord));
}

#[test]
fn deeply_nested_data_does_not_exhaust_the_stack() {
    let deep = ["[".repeat(500_000), "]".repeat(500_000)].concat();
    let line = forge(&LINES[0], "{\"door\":\"door 0\"}", &deep);
    assert_eq!(verify(line.as_slice()).unwrap().records, 1);
}

#[test]
fn an_endless_line_is_refused_without_reading_it() {
    let endless = std::io::BufReader::new(std::io::repeat(b'x'));
    let error = verify(endless).unwrap_err();
    assert_eq!((error.line(), error.kind()), (1, VerifyErrorKind::TooLong));
    let mut long = LINES[0].clone();
    long.extend(vec![b' '; MAX_LINE_BYTES]);
    long.push(b'\n');
    assert_eq!(wrong(&long), (2, VerifyErrorKind::TooLong));
}

#[test]
fn a_file_that_is_not_there_is_an_io_error() {
    let directory = tempfile::tempdir().unwrap();
    let error = verify_file(directory.path().join("none")).unwrap_err();
    assert_eq!((error.line(), error.kind()), (1, VerifyErrorKind::Io));
    assert!(std::error::Error::source(&error).is_some());
}

proptest! {
    #[test]
    fn any_edited_byte_names_its_line(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let store = LINES.concat();
        let at = at.index(store.len());
        prop_assume!(store[at] != byte);
        let mut edited = store.clone();
        edited[at] = byte;
        let before = store[..at].iter().filter(|byte| **byte == b'\n').count();
        prop_assert_eq!(wrong(&edited).0, number(before));
    }

    #[test]
    fn a_removed_inner_line_names_the_one_in_its_place(at in 0..COUNT - 1) {
        let mut lines = LINES.clone();
        lines.remove(at);
        prop_assert_eq!(wrong(&lines.concat()), (number(at), VerifyErrorKind::BrokenChain));
    }

    #[test]
    fn swapped_lines_name_the_first(a in 0..COUNT, b in 0..COUNT) {
        prop_assume!(a != b);
        let mut lines = LINES.clone();
        lines.swap(a, b);
        prop_assert_eq!(wrong(&lines.concat()), (number(a.min(b)), VerifyErrorKind::BrokenChain));
    }

    #[test]
    fn a_doubled_line_names_the_copy(from in 0..COUNT, to in 0..=COUNT) {
        let mut lines = LINES.clone();
        lines.insert(to, LINES[from].clone());
        // A copy right before its original can't be told from one right after it.
        let at = if to == from { to + 1 } else { to };
        prop_assert_eq!(wrong(&lines.concat()), (number(at), VerifyErrorKind::BrokenChain));
    }

    #[test]
    fn an_inserted_foreign_line_is_named(at in 0..=COUNT, text in "[^\n]{0,80}") {
        let mut lines = LINES.clone();
        lines.insert(at, format!("{text}\n").into_bytes());
        prop_assert_eq!(wrong(&lines.concat()), (number(at), VerifyErrorKind::NotARecord));
    }

    #[test]
    fn a_cut_within_a_line_is_torn_there(cut in any::<prop::sample::Index>()) {
        let store = LINES.concat();
        let cut = cut.index(store.len());
        let kept = store[..cut].iter().filter(|byte| **byte == b'\n').count();
        if cut == 0 || store[cut - 1] == b'\n' {
            prop_assert_eq!(verify(&store[..cut]).unwrap().records, kept as u64);
        } else {
            prop_assert_eq!(wrong(&store[..cut]), (number(kept), VerifyErrorKind::TornLine));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        prop_assert_eq!(verify(bytes.as_slice()).is_ok(), bytes.is_empty());
    }

    #[test]
    fn arbitrary_bytes_within_a_well_hashed_line_never_panic(inner in any::<Vec<u8>>()) {
        let mut line = inner;
        line.retain(|byte| *byte != b'\n');
        line.extend(format!(",\"prevhash\":\"{}\"", "0".repeat(64)).bytes());
        prop_assert_eq!(wrong(&seal(&line)), (1, VerifyErrorKind::NotARecord));
    }
}
