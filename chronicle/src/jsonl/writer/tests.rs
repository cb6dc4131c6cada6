use std::{collections::VecDeque, error::Error as _, io};

use clock::Timestamp;

use super::{Store, Writer};
use crate::{
    AppendErrorKind, Durability, Event, EventType, Record, RecordId, Sequence, jsonl::tail::Tail,
    verify,
};

/// A file in memory on which chosen steps fail.
#[derive(Debug, Default)]
struct Faulty {
    bytes: Vec<u8>,
    /// How many bytes each of the next writes takes before the disk is full.
    room: VecDeque<usize>,
    cuts_fail: bool,
    failing_syncs: usize,
}

impl Store for Faulty {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(room) = self.room.pop_front() else {
            self.bytes.extend(bytes);
            return Ok(());
        };
        self.bytes.extend(bytes.iter().take(room));
        Err(io::ErrorKind::StorageFull.into())
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        if self.cuts_fail {
            return Err(io::ErrorKind::Other.into());
        }
        self.bytes.truncate(usize::try_from(length).unwrap());
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.failing_syncs == 0 {
            return Ok(());
        }
        self.failing_syncs -= 1;
        Err(io::ErrorKind::Other.into())
    }
}

#[derive(serde::Serialize)]
struct Tick;

impl Event for Tick {
    const TYPE: EventType = EventType::new("TICK");
}

fn tick() -> Record {
    let now = Timestamp::from_unix_millis(0);
    let source = "urn:clock".parse().unwrap();
    Record::new(&Tick, &source, RecordId::generate(now), now).unwrap()
}

fn writer(store: Faulty, durability: Durability) -> Writer<Faulty> {
    let empty = Tail {
        head: None,
        length: 0,
    };
    Writer::new(store, empty, durability)
}

#[test]
fn a_write_that_fails_midway_is_taken_back() {
    for room in [0, 1, 100] {
        let mut writer = writer(Faulty::default(), Durability::PageCache);
        writer.append(&tick()).unwrap();
        let before = writer.store.bytes.clone();
        writer.store.room.push_back(room);
        let error = writer.append(&tick()).unwrap_err();
        assert_eq!(error.kind(), AppendErrorKind::Unavailable);
        let cause: &io::Error = error.source().unwrap().downcast_ref().unwrap();
        assert_eq!(cause.kind(), io::ErrorKind::StorageFull);
        assert_eq!(writer.store.bytes, before);
        assert_eq!(writer.append(&tick()).unwrap().sequence, Sequence::new(2));
        assert_eq!(verify(writer.store.bytes.as_slice()).unwrap().records, 2);
    }
}

#[test]
fn a_half_line_that_stays_closes_the_sink() {
    let store = Faulty {
        room: [10].into(),
        cuts_fail: true,
        ..Faulty::default()
    };
    let mut writer = writer(store, Durability::PageCache);
    for _ in 0..2 {
        let error = writer.append(&tick()).unwrap_err();
        assert_eq!(error.kind(), AppendErrorKind::Closed);
    }
    assert_eq!(writer.store.bytes.len(), 10);
}

#[test]
fn a_line_that_does_not_reach_the_disk_is_taken_back() {
    let store = Faulty {
        failing_syncs: 1,
        ..Faulty::default()
    };
    let mut writer = writer(store, Durability::Disk);
    let error = writer.append(&tick()).unwrap_err();
    assert_eq!(error.kind(), AppendErrorKind::Unavailable);
    assert!(writer.store.bytes.is_empty());
    assert_eq!(writer.append(&tick()).unwrap().sequence, Sequence::FIRST);
}

#[test]
fn a_disk_that_takes_nothing_closes_the_sink() {
    let store = Faulty {
        failing_syncs: 2,
        ..Faulty::default()
    };
    let mut writer = writer(store, Durability::Disk);
    for _ in 0..2 {
        let error = writer.append(&tick()).unwrap_err();
        assert_eq!(error.kind(), AppendErrorKind::Closed);
    }
}
