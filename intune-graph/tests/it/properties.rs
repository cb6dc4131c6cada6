//! For any text and any body.

use std::sync::{Arc, Mutex, PoisonError};

use intune_core::{DeviceDirectory as _, DeviceQuery};
use intune_graph::string_literal;
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use serde_json::{Map, Value, json};

use crate::support::*;

/// Reads a string literal at the start of an OData expression, by the ABNF of OData 4.01:
/// `string = SQUOTE *( SQUOTE-in-string / pchar-no-SQUOTE ) SQUOTE`. Returns what it says, and what follows it.
fn read_literal(expression: &str) -> Option<(String, &str)> {
    let mut rest = expression.strip_prefix('\'')?;
    let mut text = String::new();
    loop {
        let (before, after) = rest.split_once('\'')?;
        text.push_str(before);
        match after.strip_prefix('\'') {
            Some(after) => {
                text.push('\'');
                rest = after;
            }
            None => return Some((text, after)),
        }
    }
}

fn quotes() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "['a ()%+&#]{0,12}",
        "(' or 1 eq 1 or ')+'*"
    ]
}

proptest! {
    #[test]
    fn a_literal_says_its_text_and_ends_where_it_ends(text in quotes(), after in "( and x eq 1)?") {
        let expression = string_literal(&text) + &after;
        prop_assert_eq!(read_literal(&expression), Some((text, after.as_str())));
    }
}

#[test]
fn the_reader_of_literals_is_one() {
    assert_eq!(read_literal("'a''b' and"), Some(("a'b".to_owned(), " and")));
    assert_eq!(read_literal("''"), Some((String::new(), "")));
    for not_one in ["", "a", "'a", "'a''", "'''"] {
        assert_eq!(read_literal(not_one), None, "{not_one}");
    }
}

/// A Graph whose one answer is replaced from case to case.
struct Changing {
    runtime: tokio::runtime::Runtime,
    body: Arc<Mutex<Vec<u8>>>,
    graph: Graph,
}

impl Changing {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let body = Arc::new(Mutex::new(Vec::new()));
        let current = Arc::clone(&body);
        let graph = runtime.block_on(Graph::start(move |_, _| {
            let body = current
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            response(200, &[], body.into())
        }));
        Self {
            runtime,
            body,
            graph,
        }
    }

    fn set(&self, body: impl Into<Vec<u8>>) {
        *self.body.lock().unwrap() = body.into();
    }
}

fn check<S: Strategy>(
    cases: u32,
    strategy: S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config).run(&strategy, test).unwrap();
}

#[test]
fn the_filter_arrives_as_it_was_written() {
    let tenant = Changing::start();
    tenant.set(r#"{"value":[]}"#);
    let client = tenant.graph.client();
    check(200, quotes(), |system| {
        let query = DeviceQuery::new().operating_system(system.clone());
        tenant.runtime.block_on(client.page(&query, None)).unwrap();
        let request = tenant.graph.received().pop().unwrap();
        prop_assert!(!request.target.contains('+'), "{}", request.target);
        let filter = request.option("$filter").unwrap();
        let literal = filter.strip_prefix("operatingSystem eq ").unwrap();
        prop_assert_eq!(read_literal(literal), Some((system, "")));
        Ok(())
    });
}

/// Values as a page may hold them, with a leaning towards what matters.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
        prop::sample::select(vec![
            DEVICE,
            OTHER,
            RECORD,
            SECOND_RECORD,
            "",
            "compliant",
            "0001-01-01T00:00:00Z",
            "33333333-4444-4555-8666-7777777777AB",
            "http://127.0.0.1:1/x",
            "https://graph.example/",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((name(), inner), 0..8)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "value",
        "@odata.nextLink",
        "id",
        "azureADDeviceId",
        "complianceState",
        "lastSyncDateTime",
        "isEncrypted",
        "deviceName",
        "managementState",
        "error",
    ]);
    prop_oneof![4 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    vec((name(), value()), 0..10).prop_map(|members| members.into_iter().collect())
}

/// A row that often has proper ids, and often those of the device.
fn any_row() -> impl Strategy<Value = Value> {
    let own = prop::sample::select(vec![
        DEVICE,
        "33333333-4444-4555-8666-7777777777AB",
        OTHER,
        "",
    ]);
    let id = prop::sample::select(vec![RECORD, SECOND_RECORD]);
    let ids = (prop::option::of(own), prop::option::weighted(0.9, id));
    (object(), ids).prop_map(|(mut row, (entra_id, id))| {
        row.extend(entra_id.map(|entra_id| ("azureADDeviceId".to_owned(), entra_id.into())));
        row.extend(id.map(|id| ("id".to_owned(), id.into())));
        Value::Object(row)
    })
}

#[test]
fn any_page_yields_rows_of_the_device_or_an_error() {
    let tenant = Changing::start();
    let client = tenant.graph.client();
    let pages = prop_oneof![
        1 => value(),
        1 => any_row(),
        4 => vec(any_row(), 0..5).prop_map(|rows| json!({"value": rows})),
    ];
    check(300, pages, |page| {
        tenant.set(page.to_string());
        let rows = page["value"].as_array();
        if let Ok(records) = tenant.runtime.block_on(client.records(device_id())) {
            prop_assert!(page.is_object() && rows.is_some());
            for record in &records {
                prop_assert_eq!(record.azure_ad_device_id, Some(device_id()));
            }
            let own = |row: &&Value| {
                let id = row["azureADDeviceId"].as_str().unwrap_or_default();
                row.is_object() && id.eq_ignore_ascii_case(DEVICE)
            };
            prop_assert_eq!(records.len(), rows.unwrap().iter().filter(own).count());
        }
        if let Ok(Some(device)) = tenant.runtime.block_on(client.device(record_id())) {
            prop_assert_eq!(device.id, record_id());
        }
        if let Ok(page) = tenant
            .runtime
            .block_on(client.page(&DeviceQuery::new(), None))
        {
            prop_assert_eq!(page.items.len(), rows.unwrap().len());
        }
        Ok(())
    });
}

#[test]
fn any_bytes_are_an_answer_or_an_error() {
    let tenant = Changing::start();
    let client = tenant.graph.client();
    let whole = page(&[row(RECORD)], None).into_bytes();
    let damaged = (0..whole.len(), any::<u8>()).prop_map(move |(place, byte)| {
        let mut body = whole.clone();
        body[place] = byte;
        body
    });
    check(400, prop_oneof![damaged, vec(any::<u8>(), 0..64)], |body| {
        tenant.set(body);
        if let Ok(records) = tenant.runtime.block_on(client.records(device_id())) {
            prop_assert!(
                records
                    .iter()
                    .all(|record| record.azure_ad_device_id == Some(device_id()))
            );
        }
        Ok(())
    });
}
