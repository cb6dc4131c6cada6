//! What every sink promises, and what the memory sink adds.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{fs, sync::Arc};

use chronicle::{
    AppendErrorKind, Durability, JsonlSink, MAX_LINE_BYTES, MemorySink, Sequence, Sink,
    VerifyErrorKind, verify,
};
use support::door;
use tempfile::TempDir;

/// Appends to an empty sink as many callers do at once, and then a record that is too long.
async fn conforms(sink: Arc<dyn Sink>, written: impl FnOnce() -> Vec<u8>) {
    let callers = (0..8).map(|caller| {
        let sink = Arc::clone(&sink);
        tokio::spawn(async move {
            let mut receipts = Vec::new();
            for number in 0..16 {
                receipts.push(
                    sink.append(door(format!("{caller}/{number}")))
                        .await
                        .unwrap(),
                );
            }
            receipts
        })
    });
    let mut receipts = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        let own = caller.await.unwrap();
        assert!(own.is_sorted_by_key(|receipt| receipt.sequence));
        receipts.extend(own);
    }
    receipts.sort_by_key(|receipt| receipt.sequence);
    let sequences = receipts.iter().map(|receipt| receipt.sequence.get());
    assert!(sequences.eq(1..=128));

    let long = sink
        .append(door("x".repeat(MAX_LINE_BYTES)))
        .await
        .unwrap_err();
    assert_eq!(long.kind(), AppendErrorKind::TooLong);
    let last = sink.append(door("last")).await.unwrap();
    assert_eq!(last.sequence, Sequence::new(129));

    let bytes = written();
    let verified = verify(bytes.as_slice()).unwrap();
    assert_eq!(verified.records, 129);
    assert_eq!(verified.head, Some((last.sequence, last.hash)));
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    for (line, receipt) in lines.zip(receipts) {
        assert!(line.ends_with(format!("\"hash\":\"{}\"}}\n", receipt.hash).as_bytes()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_conforms() {
    let sink = MemorySink::new();
    conforms(Arc::new(sink.clone()), move || sink.to_jsonl()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jsonl_conforms() {
    for durability in [Durability::PageCache, Durability::Disk] {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("audit.jsonl");
        let sink = JsonlSink::builder(&path)
            .durability(durability)
            .open()
            .unwrap();
        conforms(Arc::new(sink), || fs::read(&path).unwrap()).await;
    }
}

#[tokio::test]
async fn both_sinks_write_the_same_bytes() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.jsonl");
    let (memory, file) = (MemorySink::new(), JsonlSink::open(&path).unwrap());
    for name in ["cellar", "attic"] {
        let record = door(name).subject("key-7");
        let receipts = (
            memory.append(record.clone()).await,
            file.append(record).await,
        );
        assert_eq!(receipts.0.unwrap(), receipts.1.unwrap());
    }
    assert_eq!(fs::read(&path).unwrap(), memory.to_jsonl());
}

#[tokio::test]
async fn a_bounded_memory_sink_forgets_but_counts_on() {
    let sink = MemorySink::keep_last(2);
    for number in 0..5 {
        sink.append(door(number.to_string())).await.unwrap();
    }
    let sequences: Vec<_> = sink
        .records()
        .iter()
        .map(|stored| stored.receipt().sequence.get())
        .collect();
    assert_eq!(sequences, [4, 5]);
    assert_eq!(sink.records()[1].record().data().get(), r#"{"door":"4"}"#);
    let error = verify(sink.to_jsonl().as_slice()).unwrap_err();
    assert_eq!(
        (error.line(), error.kind()),
        (1, VerifyErrorKind::BrokenChain)
    );
}

#[tokio::test]
async fn a_refusal_leaves_no_gap() {
    let sink = MemorySink::new();
    sink.append(door("first")).await.unwrap();
    sink.refuse_appends(true);
    let error = sink.append(door("refused")).await.unwrap_err();
    assert_eq!(error.kind(), AppendErrorKind::Unavailable);
    sink.refuse_appends(false);
    assert_eq!(
        sink.append(door("second")).await.unwrap().sequence,
        Sequence::new(2)
    );
    assert_eq!(verify(sink.to_jsonl().as_slice()).unwrap().records, 2);
}
