//! Nobody wipes the device in their own hands, unless the host allows it.

use intune_core::{InvocationContext, ManagedDevice, Operation, OperationErrorKind, Principal};

use crate::{
    people::{ACTIONS, ENTRA, LAPTOP, act, adele, device, entra_id, full_scope, megan},
    world::{World, run},
};

const ADELE: &str = "66666666-4444-4555-8666-777777777777";
const MEGAN: &str = "66666666-4444-4555-8666-888888888888";

fn laptop_of(user: Option<&str>, entra: Option<&str>) -> ManagedDevice {
    let mut laptop = device(LAPTOP);
    laptop.user_id = user.map(|id| id.parse().unwrap());
    laptop.azure_ad_device_id = entra.map(|id| id.parse().unwrap());
    laptop
}

fn adele_of(object_id: Option<&str>) -> Principal {
    match object_id {
        Some(id) => adele().with_object_id(id.parse().unwrap()),
        None => adele(),
    }
}

#[test]
fn a_device_is_ones_own_by_its_user_or_by_the_grant() {
    let another = ENTRA.replace('7', "8");
    for (oid, user, grant, entra, is_own) in [
        (Some(ADELE), Some(ADELE), None, Some(ENTRA), true),
        (Some(ADELE), Some(ADELE), None, None, true),
        (Some(ADELE), Some(MEGAN), Some(ENTRA), Some(ENTRA), true),
        (None, None, Some(ENTRA), Some(ENTRA), true),
        (Some(ADELE), Some(ADELE), Some(&*another), Some(ENTRA), true),
        (
            Some(ADELE),
            Some(MEGAN),
            Some(&*another),
            Some(ENTRA),
            false,
        ),
        (Some(ADELE), None, None, Some(ENTRA), false),
        (None, Some(ADELE), None, Some(ENTRA), false),
        // That nothing is known of either makes them no pair.
        (None, None, None, None, false),
        (None, None, Some(ENTRA), None, false),
    ] {
        for action in ACTIONS {
            for is_allowed in [false, true] {
                let world = World::new();
                world.device.answer(Ok(Some(laptop_of(user, entra))));
                let builder = world.without_floor();
                let connector = match is_allowed {
                    true => builder.allow_wipe_of_own_device(),
                    false => builder,
                };
                let caller = InvocationContext::new(adele_of(oid), full_scope())
                    .from_device(grant.map(|id| id.parse().unwrap()));
                let answer = run(act(&connector.build().unwrap(), &caller, action, None));
                if !is_own || is_allowed || action != Operation::WipeDevice {
                    answer.unwrap();
                    continue;
                }
                let error = answer.unwrap_err();
                assert_eq!(error.kind(), &OperationErrorKind::OwnDevice);
                assert!(!error.kind().is_retryable());
                assert_eq!(world.calls(), ["device", "refused"]);
                let record = world.only_record();
                assert_eq!(record.reason.as_deref(), Some("own_device"));
                let target = record.target.unwrap();
                assert_eq!(target.entra_device_id.as_deref(), entra);
            }
        }
    }
}

#[test]
fn no_ceremony_is_opened_for_it() {
    let world = World::new();
    world.device.answer(Ok(Some(laptop_of(Some(ADELE), None))));
    let caller = InvocationContext::new(adele_of(Some(ADELE)), full_scope());
    let wipe = Operation::WipeDevice;
    let error = run(act(&world.connector(), &caller, wipe, None)).unwrap_err();
    assert_eq!(error.kind(), &OperationErrorKind::OwnDevice);
    assert!(crate::people::pending(&world.ceremonies).is_empty());
}

#[test]
fn somebody_else_wipes_it_after_a_ceremony() {
    let world = World::new();
    world.device.answer(Ok(Some(laptop_of(Some(ADELE), None))));
    let somebody = megan().with_object_id(MEGAN.parse().unwrap());
    let caller = InvocationContext::new(somebody, full_scope()).from_device(Some(entra_id()));
    let wipe = Operation::WipeDevice;
    let error = run(act(&world.connector(), &caller, wipe, None)).unwrap_err();
    assert_eq!(error.kind().as_str(), "ceremony_required");
}
