//! The stored form of a record: written here, read strictly here.

use std::{borrow::Cow, error::Error};

use clock::Timestamp;
use serde::{Deserialize, Serialize, Serializer, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{
    AppendError, AppendErrorKind, Hash, Receipt, Record, RecordId, Sequence, Source, TraceParent,
    VerifyErrorKind,
};

/// The longest line that is written or read, its newline included: 1 MiB.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// A record as CloudEvents JSON, in the order in which its attributes are written.
#[derive(Serialize)]
pub(crate) struct Envelope<'a> {
    specversion: &'static str,
    id: RecordId,
    source: &'a Source,
    r#type: String,
    eventname: &'static str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "code")]
    eventcode: Option<u16>,
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<Sequence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a TraceParent>,
    datacontenttype: &'static str,
    data: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    prevhash: Option<Hash>,
}

impl<'a> Envelope<'a> {
    /// `place` is the record's sequence and the hash of the line before, if a store has given them.
    pub(crate) fn new(record: &'a Record, place: Option<(Sequence, Hash)>) -> Self {
        let event_type = record.event_type();
        Self {
            specversion: "1.0",
            id: record.id(),
            source: record.source(),
            r#type: format!("chronicle.{}", event_type.name().to_ascii_lowercase()),
            eventname: event_type.name(),
            eventcode: event_type.code(),
            time: record.time(),
            subject: record.subject_text(),
            sequence: place.map(|(sequence, _)| sequence),
            traceparent: record.trace(),
            datacontenttype: "application/json",
            data: record.data(),
            prevhash: place.map(|(_, before)| before),
        }
    }
}

fn code<S: Serializer>(code: &Option<u16>, serializer: S) -> Result<S::Ok, S::Error> {
    match code {
        Some(code) => serializer.collect_str(&format_args!("{code:#06x}")),
        None => serializer.serialize_none(),
    }
}

/// Writes the line that follows `head`, with its newline, and what its receipt will be.
pub(crate) fn write(
    record: &Record,
    head: Option<Receipt>,
) -> Result<(Receipt, Vec<u8>), AppendError> {
    let closed = AppendError::new(AppendErrorKind::Closed);
    let (sequence, before) = next(head).ok_or(closed)?;
    let mut line = serde_json::to_vec(&Envelope::new(record, Some((sequence, before))))
        .map_err(|error| AppendError::with_source(AppendErrorKind::Unavailable, error))?;
    line.pop(); // the closing brace, to add one more attribute
    let hash = Hash::of(&line);
    line.extend_from_slice(format!(",\"hash\":\"{hash}\"}}\n").as_bytes());
    if line.len() > MAX_LINE_BYTES {
        return Err(AppendError::new(AppendErrorKind::TooLong));
    }
    Ok((Receipt { sequence, hash }, line))
}

/// The sequence that follows `head`, and the hash that its line must name.
fn next(head: Option<Receipt>) -> Option<(Sequence, Hash)> {
    match head {
        Some(head) => Some((head.sequence.next()?, head.hash)),
        None => Some((Sequence::FIRST, Hash::ZERO)),
    }
}

/// What a line says of its place, once its hash was found to be that of its bytes.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    pub(crate) receipt: Receipt,
    before: Hash,
}

impl Link {
    /// Whether this line is the one after `head`.
    pub(crate) fn follow(self, head: Option<Receipt>) -> Result<Receipt, VerifyErrorKind> {
        let (expected, before) = next(head).ok_or(VerifyErrorKind::NotARecord)?;
        let found = self.receipt.sequence;
        if self.before != before {
            return Err(VerifyErrorKind::BrokenChain);
        }
        if found != expected {
            return Err(VerifyErrorKind::Gap { expected, found });
        }
        Ok(self.receipt)
    }
}

pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// Reads a line, given without its newline.
pub(crate) fn read(line: &[u8]) -> Result<Link, (VerifyErrorKind, Option<Cause>)> {
    let not_a_record = (VerifyErrorKind::NotARecord, None);
    let Some((hashed, hash)) = strip_hash(line, b"\"}", b",\"hash\":\"") else {
        return Err(not_a_record);
    };
    let Some((_, before)) = strip_hash(hashed, b"\"", b",\"prevhash\":\"") else {
        return Err(not_a_record);
    };
    if hash != Hash::of(hashed) {
        return Err((VerifyErrorKind::Edited, None));
    }
    let unreadable = |error: Cause| (VerifyErrorKind::NotARecord, Some(error));
    let text = str::from_utf8(line).map_err(|error| unreadable(error.into()))?;
    let attributes: Attributes<'_> =
        serde_json::from_str(text).map_err(|error| unreadable(error.into()))?;
    let sequence = attributes.sequence().ok_or(not_a_record)?;
    let receipt = Receipt { sequence, hash };
    Ok(Link { receipt, before })
}

/// Takes `start`, 64 digits and `end` off the end of `line`.
fn strip_hash<'a>(line: &'a [u8], end: &[u8], start: &[u8]) -> Option<(&'a [u8], Hash)> {
    let (rest, digits) = line.strip_suffix(end)?.split_last_chunk()?;
    Some((rest.strip_suffix(start)?, Hash::parse(digits)?))
}

/// What every stored record has. Naming an attribute here also refuses it if it is given twice.
#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(rename = "time")]
    _time: Timestamp,
    #[serde(borrow)]
    sequence: Cow<'a, str>,
    #[serde(rename = "data")]
    _data: IgnoredAny,
    #[serde(rename = "prevhash")]
    _prevhash: IgnoredAny,
    #[serde(rename = "hash")]
    _hash: IgnoredAny,
}

impl Attributes<'_> {
    fn sequence(&self) -> Option<Sequence> {
        let named = [&self.id, &self.source, &self.r#type];
        let complete = self.specversion == "1.0" && named.iter().all(|text| !text.is_empty());
        complete.then(|| Sequence::parse(&self.sequence)).flatten()
    }
}
