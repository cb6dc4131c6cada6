//! A host's own event, and records of it.

use chronicle::{Event, EventType, Record, RecordId, Source};
use clock::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct DoorOpened {
    pub(crate) door: String,
}

impl Event for DoorOpened {
    const TYPE: EventType = EventType::new("DOOR_OPENED").with_code(0x2a0b);
}

pub(crate) fn now() -> Timestamp {
    "2026-11-23T06:10:00.123Z".parse().unwrap()
}

pub(crate) fn source() -> Source {
    "urn:house:12".parse().unwrap()
}

pub(crate) fn record(event: &impl Event) -> Record {
    Record::new(event, &source(), RecordId::generate(now()), now()).unwrap()
}

pub(crate) fn door(door: impl Into<String>) -> Record {
    record(&DoorOpened { door: door.into() })
}
