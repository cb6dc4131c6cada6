//! Reads: one record each, and nothing is handed out without it.

use std::{sync::Arc, time::Duration};

use clock::Clock as _;
use intune_core::{
    ComplianceState, Cursor, DeviceCompliance, DeviceQuery, Finding, Freshness, IntuneConnector,
    MockComplianceSource, MockDeviceDirectory, Observation, OperationErrorKind, Page,
    SourceFailure, SourceFailureKind,
};

use crate::{
    people::{ENTRA, LAPTOP, OTHER, READS, context, device, entra_id, invoke, laptop_id, seconds},
    world::{Does, World, run},
};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_listing_leaves_a_record_for_each_page() {
    let world = World::new();
    let connector = world.connector();
    let caller = context().with_traceparent(Some(TRACE.parse().unwrap()));
    let second = Some(Cursor::new("second".into()));
    world.page.answer(Ok(Page {
        items: vec![device(LAPTOP), device(OTHER)],
        next: second.clone(),
    }));
    let query = DeviceQuery::new();
    let page = run(connector.list_devices(&caller, &query, None)).unwrap();
    assert_eq!((page.items.len(), &page.next), (2, &second));
    let empty = Page {
        items: vec![],
        next: None,
    };
    world
        .page
        .set(Does::Takes(Duration::from_millis(1234), Ok(empty)));
    run(connector.list_devices(&caller, &query, page.next)).unwrap();

    assert_eq!(world.calls(), ["page", "outcome", "page", "outcome"]);
    let records = world.records();
    let said: Vec<_> = records
        .iter()
        .map(|r| (&*r.phase, r.result.as_deref(), r.returned))
        .collect();
    assert_eq!(
        said,
        [
            ("outcome", Some("succeeded"), Some(2)),
            ("outcome", Some("succeeded"), Some(0))
        ]
    );
    assert_ne!(records[0].invocation_id, records[1].invocation_id);
    assert_eq!(records[1].duration_ms, Some(1234));
    assert_eq!(
        records[0].accord_template.as_deref(),
        Some("infrastructure-operations")
    );
    let line = String::from_utf8(world.memory.records()[0].line().to_vec()).unwrap();
    assert!(line.contains(&format!(r#""traceparent":"{TRACE}""#)));
}

#[test]
fn the_directory_is_asked_for_just_what_the_caller_asked_for() {
    let world = World::new();
    let query = DeviceQuery::new().compliance_state(ComplianceState::Noncompliant);
    let cursor = Cursor::new("opaque".into());
    let mut directory = MockDeviceDirectory::new();
    let (wanted, from) = (query.clone(), cursor.clone());
    directory
        .expect_page()
        .withf(move |query, cursor| *query == wanted && cursor.as_ref() == Some(&from))
        .once()
        .returning(|_, _| Err(SourceFailure::new(SourceFailureKind::Unavailable)));
    let connector = IntuneConnector::builder(
        Arc::new(directory),
        world.clone(),
        Arc::new(world.clock.clone()),
    )
    .chronicle(world.clone(), "urn:test".parse().unwrap());
    let connector = connector.build().unwrap();
    run(connector.list_devices(&context(), &query, Some(cursor))).unwrap_err();
}

#[test]
fn a_device_is_on_record_with_both_ids_and_none_with_the_one_asked_for() {
    let world = World::new();
    let connector = world.connector();
    let found = run(connector.get_device(&context(), laptop_id())).unwrap();
    assert_eq!(found, Some(device(LAPTOP)));
    world.device.answer(Ok(None));
    assert_eq!(
        run(connector.get_device(&context(), laptop_id())).unwrap(),
        None
    );

    let [found, none] = <[_; 2]>::try_from(world.records()).unwrap();
    assert_eq!((found.returned, none.returned), (Some(1), Some(0)));
    assert_eq!(none.result.as_deref(), Some("succeeded"));
    let (found, none) = (found.target.unwrap(), none.target.unwrap());
    assert_eq!(
        (&*found.managed_device_id, found.entra_device_id.as_deref()),
        (LAPTOP, Some(ENTRA))
    );
    assert_eq!(
        (&*none.managed_device_id, none.entra_device_id),
        (LAPTOP, None)
    );
}

#[test]
fn a_device_that_was_not_asked_for_is_not_handed_out() {
    let world = World::new();
    world.device.answer(Ok(Some(device(OTHER))));
    let error = run(world.connector().get_device(&context(), laptop_id())).unwrap_err();
    assert_eq!(error.kind().as_str(), "malformed_answer");
    let record = world.only_record();
    assert_eq!(
        (record.result.as_deref(), record.returned),
        (Some("rejected"), None)
    );
    assert_eq!(record.target.unwrap().entra_device_id, None);
}

#[test]
fn compliance_comes_from_the_given_source_as_fresh_as_configured() {
    for max_age in [None, Some(seconds(0)), Some(seconds(7))] {
        let world = World::new();
        world.clock.advance(seconds(11));
        let wanted = Freshness {
            now: world.clock.now(),
            max_age: max_age.unwrap_or(seconds(300)),
        };
        let answer = Observation::live(wanted.now, Finding::Conflicting { records: 3 });
        let mut source = MockComplianceSource::new();
        source
            .expect_compliance()
            .withf(move |id, freshness| *id == entra_id() && *freshness == wanted)
            .once()
            .returning(move |_, _| Ok(answer));
        let clock = Arc::new(world.clock.clone());
        let mut builder = IntuneConnector::builder(world.clone(), Arc::new(source), clock)
            .chronicle(world.clone(), "urn:test".parse().unwrap());
        if let Some(max_age) = max_age {
            builder = builder.max_age(max_age);
        }
        let connector = builder.build().unwrap();
        let got = run(connector.get_compliance(&context(), entra_id())).unwrap();
        assert_eq!(got, answer);
    }
}

#[test]
fn a_compliance_record_names_the_device_by_both_ids_if_one_record_decides() {
    let world = World::new();
    let connector = world.connector();
    let decides = Finding::Device(DeviceCompliance {
        managed_device_id: laptop_id(),
        user_id: None,
        state: ComplianceState::Compliant,
        grace_expires_at: None,
        last_check_in: None,
        being_removed: false,
        records: 1,
    });
    for (finding, target) in [(decides, Some(LAPTOP)), (Finding::NotFound, None)] {
        world
            .compliance
            .answer(Ok(Observation::live(world.clock.now(), finding)));
        run(connector.get_compliance(&context(), entra_id())).unwrap();
        let stored = world.memory.records().pop().unwrap();
        assert_eq!(stored.record().subject_text(), Some(ENTRA));
        let record = world.records().pop().unwrap();
        assert_eq!(record.result.as_deref(), Some("succeeded"));
        let named = record
            .target
            .as_ref()
            .map(|target| &*target.managed_device_id);
        assert_eq!(named, target);
        let entra_id = record
            .target
            .as_ref()
            .and_then(|target| target.entra_device_id.as_deref());
        assert_eq!(entra_id, target.map(|_| ENTRA));
        assert_eq!(record.returned, Some(u64::from(target.is_some())));
    }
}

#[test]
fn a_failure_is_passed_on_and_on_record() {
    let failure = SourceFailure::new(SourceFailureKind::Throttled)
        .with_status(429)
        .with_request_id("request-9")
        .with_retry_after(seconds(30));
    for operation in READS {
        let world = World::new();
        world.page.answer(Err(failure.clone()));
        world.device.answer(Err(failure.clone()));
        world.compliance.answer(Err(failure.clone()));
        let error = run(invoke(&world.connector(), &context(), operation)).unwrap_err();
        assert_eq!(
            error.kind(),
            &OperationErrorKind::SourceFailed(failure.clone())
        );
        assert!(error.kind().is_retryable());
        let record = world.only_record();
        assert_eq!(
            (&*record.phase, record.result.as_deref()),
            ("outcome", Some("rejected"))
        );
        assert_eq!(record.reason.as_deref(), Some("throttled"));
        assert_eq!(
            (record.status, record.request_id.as_deref()),
            (Some(429), Some("request-9"))
        );
        assert_eq!((record.returned, record.duration_ms), (None, Some(0)));
        assert_eq!(record.invocation_id, error.invocation().to_string());
    }
}

#[test]
fn a_source_that_hangs_or_panics_is_a_failure() {
    for operation in READS {
        for (hangs, reason) in [(true, "timed_out"), (false, "interrupted")] {
            let world = World::new();
            if hangs {
                world.page.set(Does::Hangs(seconds(10)));
                world.device.set(Does::Hangs(seconds(10)));
                world.compliance.set(Does::Hangs(seconds(10)));
            } else {
                world.page.set(Does::Panics);
                world.device.set(Does::Panics);
                world.compliance.set(Does::Panics);
            }
            let error = run(invoke(&world.connector(), &context(), operation)).unwrap_err();
            assert_eq!(error.kind().as_str(), reason);
            let record = world.only_record();
            assert_eq!(record.reason.as_deref(), Some(reason));
            let waited = if hangs { 10_000 } else { 0 };
            assert_eq!(record.duration_ms, Some(waited));
        }
    }
}

#[test]
fn nothing_is_handed_out_that_is_not_on_record() {
    for operation in READS {
        for sink in [Does::Answers(false), Does::Hangs(seconds(10)), Does::Panics] {
            let world = World::new();
            world.outcome.set(sink);
            let error = run(invoke(&world.connector(), &context(), operation)).unwrap_err();
            assert_eq!(error.kind(), &OperationErrorKind::AuditUnavailable);
            assert_eq!(error.kind().as_str(), "audit_unavailable");
            assert!(error.kind().is_retryable());
            assert_eq!(world.records(), []);
        }
    }
}

#[test]
fn nor_is_the_last_known_observation_that_a_failure_carries() {
    let world = World::new();
    let known = Observation::live(world.clock.now(), Finding::Conflicting { records: 2 });
    let failure = SourceFailure::new(SourceFailureKind::Unavailable).with_last_known(Some(known));
    world.compliance.answer(Err(failure));
    world.outcome.answer(false);
    let error = run(world.connector().get_compliance(&context(), entra_id())).unwrap_err();
    assert_eq!(error.kind(), &OperationErrorKind::AuditUnavailable);
}
