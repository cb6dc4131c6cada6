//! What must not be in a record, an error or a `Debug` is fed into every path and looked for.

use std::{fmt::Debug, sync::Arc};

use clock::{Clock as _, ManualClock};
use intune_core::{
    ActionOutcome, Approvals as _, CeremonyRefusal, ComplianceState, DeviceAction,
    DeviceCompliance, Finding, InMemoryCeremonies, IntuneConnector, ManagedDevice,
    MockComplianceSource, MockDeviceActions, MockDeviceDirectory, Observation, OperationError,
    SourceFailure, SourceFailureKind, WipeOptions,
};

use crate::{
    people::{
        LAPTOP, approver, context, device, entra_id, laptop_id, megan, pending, rule, seconds,
        start,
    },
    world::{Does, World, run},
};

const CODE: &str = "739264";
const NAME: &str = "canary-name";
const SERIAL: &str = "CANARY-SERIAL";
const MAIL: &str = "canary@mail.example";
const PHONE: &str = "+15550199";
const REASON: &str = "CANARY-REASON";
const CANARIES: [&str; 7] = [CODE, NAME, SERIAL, MAIL, PHONE, REASON, "CANARY-MODEL"];

fn assert_clean(text: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
}

fn assert_says_nothing(error: &OperationError) {
    assert_clean(&format!("{error} {error:?}"));
}

fn assert_shows_nothing(value: impl Debug) {
    assert_clean(&format!("{value:?} {value:#?}"));
}

fn singing() -> ManagedDevice {
    let mut laptop = device(LAPTOP);
    laptop.device_name = Some(format!("{NAME} {PHONE}"));
    laptop.serial_number = Some(SERIAL.into());
    laptop.user_principal_name = Some(MAIL.into());
    laptop.model = Some("CANARY-MODEL".into());
    laptop
}

fn options() -> WipeOptions {
    WipeOptions::new().mac_os_unlock_code(CODE.parse().unwrap())
}

#[test]
fn an_unlock_code_is_not_shown() {
    assert_shows_nothing(options());
    assert_shows_nothing(DeviceAction::Wipe(options()));
    assert_shows_nothing(options().unlock_code());
    let action = DeviceAction::Wipe(options());
    assert_clean(&action.parameters_digest().unwrap().to_string());
    let wrong = format!("{CODE}9")
        .parse::<intune_core::MacOsUnlockCode>()
        .unwrap_err();
    assert_clean(&format!("{wrong} {wrong:?}"));
}

#[test]
fn a_connector_shows_nothing_of_what_waits_for_approval() {
    let clock = Arc::new(ManualClock::new(start()));
    let ceremonies = InMemoryCeremonies::new(rule(), clock.clone());
    let mut directory = MockDeviceDirectory::new();
    directory.expect_device().returning(|_| Ok(Some(singing())));
    let builder = IntuneConnector::builder(
        Arc::new(directory),
        Arc::new(MockComplianceSource::new()),
        clock,
    )
    .chronicle(World::new(), "urn:test".parse().unwrap())
    .actions(Arc::new(MockDeviceActions::new()))
    .ceremonies(Arc::new(ceremonies.clone()));
    let connector = builder.build().unwrap();
    let error = run(connector.wipe_device(&context(), laptop_id(), options(), None)).unwrap_err();
    assert_eq!(pending(&ceremonies).len(), 1);
    assert_says_nothing(&error);
    assert_shows_nothing(&connector);
    assert_shows_nothing(&ceremonies);
}

#[test]
fn an_approver_sees_the_device_and_not_the_code() {
    let world = World::new();
    world.device.answer(Ok(Some(singing())));
    run(world
        .connector()
        .wipe_device(&context(), laptop_id(), options(), None))
    .unwrap_err();
    let waiting = pending(&world.ceremonies);
    assert_eq!(
        waiting[0].request.target.serial_number.as_deref(),
        Some(SERIAL)
    );
    assert!(!format!("{waiting:?}").contains(CODE));
}

#[test]
fn no_record_and_no_error_has_any_of_it_on_any_path() {
    let failure = SourceFailure::new(SourceFailureKind::Unavailable);
    let outcomes = [
        Does::Answers(ActionOutcome::Accepted(intune_core::Acceptance::default())),
        Does::Answers(ActionOutcome::Rejected(failure.clone())),
        Does::Answers(ActionOutcome::Unknown(failure.clone())),
        Does::Hangs(seconds(30)),
        Does::Panics,
    ];
    let redeems = [
        Does::Answers(Ok(())),
        Does::Answers(Err(CeremonyRefusal::Unavailable)),
        Does::Panics,
    ];
    for outcome in &outcomes {
        for redeem in &redeems {
            let world = World::new();
            let connector = world.connector();
            world.device.answer(Ok(Some(singing())));
            world.page.answer(Ok(intune_core::Page {
                items: vec![singing()],
                next: Some(intune_core::Cursor::new(MAIL.into())),
            }));
            world.compliance.answer(Ok(compliance(&world)));
            world.perform.set(outcome.clone());
            world.redeem.set(redeem.clone());
            let caller = context();
            let query = intune_core::DeviceQuery::new().operating_system(NAME);
            run(connector.list_devices(&caller, &query, None)).unwrap();
            run(connector.get_device(&caller, laptop_id())).unwrap();
            run(connector.get_compliance(&caller, entra_id())).unwrap();
            let id = laptop_id();
            run(connector.sync_device(&caller, id, None)).unwrap();
            let dry = DeviceAction::Wipe(options());
            run(connector.dry_run(&caller, id, &dry)).unwrap();
            let wipe = |ceremony| run(connector.wipe_device(&caller, id, options(), ceremony));
            assert_says_nothing(&wipe(None).unwrap_err());
            let ceremony = pending(&world.ceremonies)[0].ceremony.id;
            assert_says_nothing(&wipe(Some(ceremony)).unwrap_err());
            let megan = approver(megan());
            run(world.ceremonies.approve(ceremony, &megan, REASON)).unwrap();
            assert_shows_nothing(&world.ceremonies);
            let answers = [wipe(Some(ceremony)), wipe(Some(ceremony))];
            answers
                .iter()
                .filter_map(|answer| answer.as_ref().err())
                .for_each(assert_says_nothing);
            world.intent.answer(false);
            assert_says_nothing(&run(connector.sync_device(&caller, id, None)).unwrap_err());

            assert!(world.records().len() >= 9);
            assert_clean(&String::from_utf8(world.memory.to_jsonl()).unwrap());
            assert_shows_nothing(&connector);
        }
    }
}

fn compliance(world: &World) -> Observation {
    let finding = Finding::Device(DeviceCompliance {
        managed_device_id: laptop_id(),
        user_id: None,
        state: ComplianceState::Unrecognized(match ComplianceState::from_wire(NAME) {
            ComplianceState::Unrecognized(state) => state,
            known => panic!("{known} is known"),
        }),
        grace_expires_at: None,
        last_check_in: None,
        being_removed: false,
        records: 1,
    });
    Observation::live(world.clock.now(), finding)
}
