use clock::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::{Event, EventType, RecordId, Source, TraceParent, line::Envelope};

/// One event, ready to be appended to a sink: who says so, when, about what.
///
/// It has no sequence and no hash, because those belong to the store. It serialises as the
/// [CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md)
/// JSON object without them.
///
/// ```
/// use chronicle::{Event, EventType, Record, RecordId, Source};
/// use clock::Timestamp;
///
/// #[derive(serde::Serialize)]
/// struct DoorOpened {
///     door: &'static str,
/// }
///
/// impl Event for DoorOpened {
///     const TYPE: EventType = EventType::new("DOOR_OPENED");
/// }
///
/// let now: Timestamp = "2026-11-23T06:10:00.123Z".parse()?;
/// let source: Source = "urn:house:12".parse()?;
/// let record = Record::new(&DoorOpened { door: "cellar" }, &source, RecordId::generate(now), now)?
///     .subject("key-7");
/// assert_eq!(record.data().get(), r#"{"door":"cellar"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Record {
    id: RecordId,
    event_type: EventType,
    source: Source,
    subject: Option<String>,
    time: Timestamp,
    traceparent: Option<TraceParent>,
    data: Box<RawValue>,
}

impl Record {
    /// Makes a record of `event`, which is serialised here, once.
    ///
    /// # Errors
    ///
    /// The event's own `Serialize` failed, or it has a map whose keys aren't strings.
    pub fn new<E: Event>(
        event: &E,
        source: &Source,
        id: RecordId,
        time: Timestamp,
    ) -> Result<Self, RecordError> {
        const {
            assert!(
                E::TYPE.is_well_formed(),
                "an event's name is [A-Z][A-Z0-9_]*"
            )
        };
        let data = to_raw_value(event)
            .and_then(one_line)
            .map_err(RecordError)?;
        Ok(Self {
            id,
            event_type: E::TYPE,
            source: source.clone(),
            subject: None,
            time,
            traceparent: None,
            data,
        })
    }

    /// Says what the event is about, such as a device's id.
    ///
    /// An empty subject is none. Characters that CloudEvents forbids (control characters and
    /// noncharacters) become U+FFFD.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        let mut subject = subject.into();
        if subject.contains(is_forbidden) {
            subject = subject.replace(is_forbidden, "\u{fffd}");
        }
        self.subject = (!subject.is_empty()).then_some(subject);
        self
    }

    /// Ties the record to the distributed trace of the request that caused it.
    #[must_use]
    pub fn traceparent(mut self, traceparent: TraceParent) -> Self {
        self.traceparent = Some(traceparent);
        self
    }

    /// The record's own id.
    #[must_use]
    pub const fn id(&self) -> RecordId {
        self.id
    }

    /// The name and code of its event.
    #[must_use]
    pub const fn event_type(&self) -> EventType {
        self.event_type
    }

    /// Who made it.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// What it is about.
    #[must_use]
    pub fn subject_text(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// When the event happened.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    pub(crate) const fn trace(&self) -> Option<&TraceParent> {
        self.traceparent.as_ref()
    }

    /// The event as JSON, without line breaks.
    #[must_use]
    pub const fn data(&self) -> &RawValue {
        &self.data
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Envelope::new(self, None).serialize(serializer)
    }
}

/// An event that holds a `RawValue` can bring line breaks in; between tokens, a blank is as good.
fn one_line(data: Box<RawValue>) -> serde_json::Result<Box<RawValue>> {
    if data.get().contains(['\n', '\r']) {
        return RawValue::from_string(data.get().replace(['\n', '\r'], " "));
    }
    Ok(data)
}

fn is_forbidden(character: char) -> bool {
    let code = u32::from(character);
    character.is_control() || code & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&code)
}

/// An event that can't be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("the event can't be written as JSON")]
pub struct RecordError(#[source] serde_json::Error);
