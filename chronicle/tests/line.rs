//! The stored form, against the CloudEvents specification and the crate's own contract.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;

use chronicle::{
    Event, EventType, Hash, MemorySink, Record, RecordId, Sequence, Sink, Source, TraceParent,
    events::{ConnectorInvoked, Principal},
};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use sha2::{Digest, Sha256};
use support::{door, now, record, source};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn store(record: Record) -> String {
    let sink = MemorySink::new();
    sink.append(record).await.unwrap();
    String::from_utf8(sink.to_jsonl()).unwrap()
}

#[tokio::test]
async fn a_line_is_the_documented_object_byte_for_byte() {
    let record = door("attic")
        .subject("key-7")
        .traceparent(TRACE.parse().unwrap());
    let id = record.id();
    let line = store(record).await;
    let zeros = "0".repeat(64);
    let hashed = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"urn:house:12","type":"chronicle.door_opened","eventname":"DOOR_OPENED","eventcode":"0x2a0b","time":"2026-11-23T06:10:00.123Z","subject":"key-7","sequence":"00000000000000000001","traceparent":"{TRACE}","datacontenttype":"application/json","data":{{"door":"attic"}},"prevhash":"{zeros}""#
    );
    let hash: String = Sha256::digest(&hashed)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(line, format!("{hashed},\"hash\":\"{hash}\"}}\n"));
}

#[tokio::test]
async fn what_there_is_none_of_is_absent() {
    let principal = Principal {
        issuer: "https://issuer.example".to_owned(),
        subject: "alice".to_owned(),
        delegate: None,
    };
    let event = ConnectorInvoked {
        invocation_id: "i-1".to_owned(),
        phase: "intent".into(),
        connector: "door".into(),
        operation: "open_door".into(),
        capability: "MUTATE".into(),
        principal,
        accord_template: None,
        authorization_context: None,
        target: None,
        parameters_digest: None,
        ceremony: None,
        result: None,
        reason: None,
        status: None,
        request_id: None,
        duration_ms: None,
        returned: None,
    };
    let line = store(record(&event).subject("")).await;
    for absent in ["eventcode", "subject", "traceparent"] {
        let object: BTreeMap<String, Value> = serde_json::from_str(&line).unwrap();
        assert!(!object.contains_key(absent), "{absent}");
    }
}

#[tokio::test]
async fn every_attribute_name_is_one_that_cloudevents_allows() {
    let record = door("attic")
        .subject("key-7")
        .traceparent(TRACE.parse().unwrap());
    let line = store(record).await;
    let object: BTreeMap<String, Value> = serde_json::from_str(&line).unwrap();
    assert_eq!(object.len(), 14);
    for (name, value) in &object {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(name.bytes().all(legal), "{name}");
        assert!(value.is_string() || name == "data", "{name}");
    }
}

#[test]
fn a_record_alone_is_a_cloud_event_without_the_stores_attributes() {
    let object = serde_json::to_value(door("attic").subject("key-7")).unwrap();
    assert_eq!(object["type"], "chronicle.door_opened");
    assert_eq!(object["data"]["door"], "attic");
    for stores in ["sequence", "prevhash", "hash"] {
        assert!(object.get(stores).is_none(), "{stores}");
    }
}

#[test]
fn an_id_is_a_version_7_uuid_of_its_time() {
    let ids = [RecordId::generate(now()), RecordId::generate(now())];
    assert_ne!(ids[0], ids[1]);
    for id in ids {
        let text = id.to_string();
        let digits: Vec<char> = text.chars().filter(|digit| *digit != '-').collect();
        assert_eq!(
            text.split('-').map(str::len).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        let millis = i64::from_str_radix(&digits[..12].iter().collect::<String>(), 16).unwrap();
        assert_eq!(millis, now().unix_millis());
        assert_eq!(digits[12], '7');
        assert!("89ab".contains(digits[16]));
    }
}

struct Foreign(Box<RawValue>);

impl Serialize for Foreign {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Event for Foreign {
    const TYPE: EventType = EventType::new("A");
}

#[tokio::test]
async fn line_breaks_between_foreign_tokens_do_not_break_the_line() {
    let foreign = RawValue::from_string("{\r\n\"a\": \"b\\nc\"\n}".to_owned()).unwrap();
    let line = store(record(&Foreign(foreign))).await;
    assert_eq!(line.matches('\n').count(), 1);
    assert_eq!(chronicle::verify(line.as_bytes()).unwrap().records, 1);
    let object: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(object["data"]["a"], "b\nc");
}

#[derive(Serialize)]
struct Unwritable(BTreeMap<(u8, u8), u8>);

impl Event for Unwritable {
    const TYPE: EventType = EventType::new("UNWRITABLE");
}

#[test]
fn an_event_that_is_not_json_is_an_error() {
    let event = Unwritable(BTreeMap::from([((1, 2), 3)]));
    let error = Record::new(&event, &source(), RecordId::generate(now()), now()).unwrap_err();
    assert_eq!(error.to_string(), "the event can't be written as JSON");
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn a_subject_may_be_any_text() {
    let line = store(door("attic").subject("a\n\"b\"\u{0}\u{ffff},\"hash\":\"")).await;
    let object: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        object["subject"],
        "a\u{fffd}\"b\"\u{fffd}\u{fffd},\"hash\":\""
    );
    assert_eq!(chronicle::verify(line.as_bytes()).unwrap().records, 1);
}

#[test]
fn a_source_is_a_uri_reference() {
    for text in [
        "urn:broker:eu-1",
        "https://a.example/x?y=1#z",
        "/relative",
        "a%20b",
    ] {
        assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
    }
    for text in ["", " ", "a b", "a\nb", "%2", "%zz", "ü", "a\"b", "<a>"] {
        assert!(text.parse::<Source>().is_err(), "{text:?}");
    }
}

#[test]
fn a_traceparent_has_the_w3c_form() {
    assert_eq!(TRACE.parse::<TraceParent>().unwrap().to_string(), TRACE);
    let zero_trace = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
    let zero_parent = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", "0".repeat(16));
    let bad = [
        "",
        TRACE.strip_suffix('1').unwrap(),
        &TRACE.to_uppercase(),
        &TRACE.replacen("00", "ff", 1),
        &format!("{TRACE}-00"),
        &zero_trace,
        &zero_parent,
    ];
    for text in bad {
        assert!(text.parse::<TraceParent>().is_err(), "{text:?}");
    }
}

#[test]
fn sequences_sort_as_text_and_hashes_are_lower_hex() {
    assert_eq!(Sequence::FIRST.to_string(), "00000000000000000001");
    assert_eq!(Sequence::new(u64::MAX).to_string(), "18446744073709551615");
    assert_eq!(Hash::from_bytes([0xab; 32]).to_string(), "ab".repeat(32));
}
