//! What a file sink does with the file it finds.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{fs, path::PathBuf};

use chronicle::{
    Hash, JsonlSink, MAX_LINE_BYTES, OpenErrorKind, Receipt, Sequence, Sink, VerifyErrorKind,
    verify_file,
};
use support::door;
use tempfile::TempDir;

/// A file with `count` records, closed.
async fn written(directory: &TempDir, count: usize) -> PathBuf {
    let path = directory.path().join("audit.jsonl");
    let sink = JsonlSink::open(&path).unwrap();
    for number in 0..count {
        sink.append(door(number.to_string())).await.unwrap();
    }
    path
}

#[tokio::test]
async fn reopening_continues_the_chain() {
    let directory = TempDir::new().unwrap();
    let path = written(&directory, 3).await;
    let (sequence, hash) = verify_file(&path).unwrap().head.unwrap();
    let sink = JsonlSink::open(&path).unwrap();
    assert_eq!(sink.head(), Some(Receipt { sequence, hash }));
    assert!(sink.recovered().is_none());
    assert_eq!(
        sink.append(door("fourth")).await.unwrap().sequence,
        Sequence::new(4)
    );
    assert_eq!(verify_file(&path).unwrap().records, 4);
}

#[tokio::test]
async fn a_line_torn_anywhere_is_set_aside_and_nothing_else_is_lost() {
    let directory = TempDir::new().unwrap();
    let path = written(&directory, 3).await;
    let whole = fs::read(&path).unwrap();
    let start = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    for cut in start + 1..whole.len() - 1 {
        fs::write(&path, &whole[..cut]).unwrap();
        let sink = JsonlSink::open(&path).unwrap();
        let torn = sink.recovered().unwrap();
        assert_eq!(torn.sequence, Sequence::new(3));
        assert_eq!(torn.bytes, (cut - start) as u64);
        let aside = fs::read(&torn.path).unwrap();
        assert_eq!(aside, [&whole[start..cut], b"\n"].concat());
        fs::remove_file(&torn.path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), &whole[..start]);
        assert_eq!(
            sink.append(door("again")).await.unwrap().sequence,
            Sequence::new(3)
        );
        assert_eq!(verify_file(&path).unwrap().records, 3);
    }
}

#[tokio::test]
async fn a_file_torn_twice_at_one_place_keeps_both_pieces() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.jsonl");
    for torn in [r#"{"specv"#, r#"{"specversion":"1.0","id":"019"#] {
        fs::write(&path, torn).unwrap();
        let sink = JsonlSink::open(&path).unwrap();
        assert_eq!(sink.head(), None);
        assert_eq!(sink.recovered().unwrap().sequence, Sequence::FIRST);
    }
    let aside = directory
        .path()
        .join("audit.jsonl.torn-00000000000000000001");
    let pieces = "{\"specv\n{\"specversion\":\"1.0\",\"id\":\"019\n";
    assert_eq!(fs::read_to_string(aside).unwrap(), pieces);
}

#[tokio::test]
async fn a_second_writer_is_refused_until_the_first_is_gone() {
    let directory = TempDir::new().unwrap();
    let path = written(&directory, 1).await;
    let first = JsonlSink::open(&path).unwrap();
    let error = JsonlSink::open(&path).unwrap_err();
    assert_eq!(error.kind(), OpenErrorKind::Locked);
    assert!(error.to_string().contains(&format!("`{}`", path.display())));
    drop(first);
    JsonlSink::open(&path).unwrap();
}

#[tokio::test]
async fn an_edited_last_line_is_not_continued() {
    let directory = TempDir::new().unwrap();
    let path = written(&directory, 2).await;
    let whole = fs::read(&path).unwrap();
    let offset = whole.iter().position(|byte| *byte == b'\n').unwrap() as u64 + 1;
    let edited = String::from_utf8(whole)
        .unwrap()
        .replace(r#""door":"1""#, r#""door":"9""#);
    fs::write(&path, &edited).unwrap();
    let error = JsonlSink::open(&path).unwrap_err();
    let flaw = VerifyErrorKind::Edited;
    assert_eq!(error.kind(), OpenErrorKind::Damaged { offset, flaw });
    assert!(error.to_string().contains(&format!("byte {offset}")));
    assert_eq!(fs::read_to_string(&path).unwrap(), edited);
}

#[test]
fn a_file_that_is_something_else_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("notes");
    let long = |lines: usize| "x".repeat(lines * MAX_LINE_BYTES);
    let others = [
        ("no newline".to_owned(), VerifyErrorKind::NotARecord),
        ("a line\n".to_owned(), VerifyErrorKind::NotARecord),
        ("\n".to_owned(), VerifyErrorKind::NotARecord),
        ("{}\n".to_owned(), VerifyErrorKind::NotARecord),
        (long(3), VerifyErrorKind::TooLong),
        (format!("{}\n", long(1)), VerifyErrorKind::TooLong),
        (
            format!("{}\n{}", long(3), long(2)),
            VerifyErrorKind::TooLong,
        ),
    ];
    for (other, expected) in others {
        fs::write(&path, &other).unwrap();
        let kind = JsonlSink::open(&path).unwrap_err().kind();
        assert!(
            matches!(kind, OpenErrorKind::Damaged { flaw, .. } if flaw == expected),
            "{kind:?}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), other);
    }
    let nowhere = JsonlSink::open(directory.path().join("no/such/audit.jsonl")).unwrap_err();
    assert_eq!(nowhere.kind(), OpenErrorKind::Io);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn the_longest_line_is_written_verified_and_continued() {
    let directory = TempDir::new().unwrap();
    let path = written(&directory, 1).await;
    let overhead = fs::read(&path).unwrap().len() - 1;
    for (length, fits) in [
        (MAX_LINE_BYTES - overhead, true),
        (MAX_LINE_BYTES - overhead + 1, false),
    ] {
        let sink = JsonlSink::open(&path).unwrap();
        assert_eq!(sink.append(door("x".repeat(length))).await.is_ok(), fits);
    }
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes[overhead + 1..].to_vec();
    assert_eq!(last.len(), MAX_LINE_BYTES);
    bytes.extend(&last[..last.len() - 2]);
    fs::write(&path, bytes).unwrap();
    let sink = JsonlSink::open(&path).unwrap();
    assert_eq!(sink.recovered().unwrap().bytes, MAX_LINE_BYTES as u64 - 2);
    assert_eq!(verify_file(&path).unwrap().records, 2);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = TempDir::new().unwrap();
    let path = written(&directory, 0).await;
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    fs::write(&path, "{").unwrap();
    let sink = JsonlSink::open(&path).unwrap();
    let aside = &sink.recovered().unwrap().path;
    assert_eq!(
        fs::metadata(aside).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[tokio::test]
async fn one_poll_does_all_the_work() {
    use std::task::{Context, Poll, Waker};

    let directory = TempDir::new().unwrap();
    let sink = JsonlSink::open(directory.path().join("audit.jsonl")).unwrap();
    let mut append = sink.append(door("attic"));
    let poll = append
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(poll, Poll::Ready(Ok(_))));
    drop(sink.append(door("never polled")));
    assert_eq!(sink.head().unwrap().sequence, Sequence::FIRST);
    assert_ne!(sink.head().unwrap().hash, Hash::ZERO);
}

#[tokio::test]
async fn a_line_that_lacks_only_its_newline_was_acknowledged_and_stays() {
    let directory = TempDir::new().unwrap();
    let path = written(&directory, 2).await;
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let sink = JsonlSink::open(&path).unwrap();
    assert!(sink.recovered().is_none());
    assert_eq!(fs::read(&path).unwrap(), whole);
    let receipt = sink.append(door("next")).await.unwrap();
    assert_eq!(receipt.sequence, Sequence::new(3));
    assert_eq!(verify_file(&path).unwrap().records, 3);
}

#[tokio::test]
async fn an_edited_last_line_is_not_taken_for_a_torn_one() {
    let directory = TempDir::new().unwrap();
    let path = written(&directory, 2).await;
    let mut edited = fs::read(&path).unwrap();
    edited.pop();
    let place = edited.len() - 200;
    edited[place] ^= 1;
    fs::write(&path, &edited).unwrap();
    let error = JsonlSink::open(&path).unwrap_err();
    assert!(
        matches!(error.kind(), chronicle::OpenErrorKind::Damaged { .. }),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), edited);
}

#[cfg(unix)]
#[test]
fn what_keeps_nothing_is_no_chronicle() {
    assert!(JsonlSink::open("/dev/null").is_err());
}
