//! What needs a ceremony, and what is refused for want of one.

use std::sync::Arc;

use async_trait::async_trait;
use intune_core::{
    Approval, Capability, Ceremonies, CeremonyId, CeremonyRefusal, CeremonyRequest, CeremonyRule,
    DelegationScope, IntuneConnector, OpenCeremony, Operation, OperationErrorKind, ScopeTemplate,
};

use crate::{
    ceremonies::{approved, opened},
    people::{ACTIONS, act, context, full_scope, invoke, megan, within},
    world::{Does, World, run},
};

/// Whether the first try of this action, within this scope, asks for a ceremony.
fn asks(connector: &IntuneConnector, scope: &DelegationScope, action: Operation) -> bool {
    match run(act(connector, &within(scope.clone()), action, None)) {
        Ok(_) => false,
        Err(error) => {
            assert!(
                matches!(error.kind(), OperationErrorKind::CeremonyRequired(_)),
                "{error}"
            );
            true
        }
    }
}

#[test]
fn by_default_all_that_takes_mutate_needs_one() {
    let connector = World::new().connector();
    let asked = ACTIONS.map(|action| asks(&connector, &full_scope(), action));
    assert_eq!(asked, [false, true, true, true]);
}

#[test]
fn the_host_opts_out_by_name_and_the_scope_can_ask_all_the_same() {
    for action in ACTIONS {
        let lenient = World::new()
            .builder()
            .without_ceremony_for(action)
            .build()
            .unwrap();
        for other in ACTIONS {
            let expected = other != action && other != Operation::SyncDevice;
            assert_eq!(asks(&lenient, &full_scope(), other), expected);
        }
        for rule in [CeremonyRule::from(action), action.capability().into()] {
            let strict = full_scope().ceremony_required_for(rule);
            assert!(asks(&lenient, &strict, action));
        }
    }
}

#[test]
fn a_rule_of_the_scope_covers_what_it_names_and_no_more() {
    let lenient = World::new().lenient();
    let asked = |rule: CeremonyRule| {
        let scope = full_scope().ceremony_required_for(rule);
        ACTIONS.map(|action| asks(&lenient, &scope, action))
    };
    assert_eq!(
        asked(Operation::SyncDevice.into()),
        [true, false, false, false]
    );
    assert_eq!(
        asked(Operation::RetireDevice.into()),
        [false, false, true, false]
    );
    assert_eq!(
        asked(Capability::Propose.into()),
        [true, false, false, false]
    );
    assert_eq!(asked(Capability::Mutate.into()), [false, true, true, true]);
    assert_eq!(asked(Capability::Read.into()), [false; 4]);
}

#[test]
fn a_read_whose_scope_asks_for_one_is_refused_since_nobody_can_approve_it() {
    for rule in [
        CeremonyRule::from(Operation::GetCompliance),
        Capability::Read.into(),
    ] {
        let scope = full_scope().ceremony_required_for(rule);
        for operation in Operation::ALL {
            if operation.capability() != Capability::Read {
                continue;
            }
            let world = World::new();
            let answer = run(invoke(&world.lenient(), &within(scope.clone()), operation));
            assert_eq!(
                answer.is_err(),
                rule.covers(operation),
                "{rule} {operation}"
            );
            if let Err(error) = answer {
                assert_eq!(error.kind().as_str(), "ceremony_not_for_reads");
                assert_eq!(world.calls(), ["refused"]);
            }
        }
    }
}

/// Approves whatever it is asked, in its own way.
#[derive(Debug)]
struct Careless(fn(CeremonyId, &CeremonyRequest) -> Approval);

#[async_trait]
impl Ceremonies for Careless {
    async fn open(&self, _: &CeremonyRequest) -> Result<OpenCeremony, CeremonyRefusal> {
        Err(CeremonyRefusal::Unavailable)
    }

    async fn approval(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
    ) -> Result<Approval, CeremonyRefusal> {
        Ok((self.0)(id, request))
    }

    async fn redeem(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
    ) -> Result<Approval, CeremonyRefusal> {
        Ok((self.0)(id, request))
    }
}

#[test]
fn what_is_no_approval_does_not_pass_for_one() {
    let careless: [fn(CeremonyId, &CeremonyRequest) -> Approval; 4] = [
        |_, _| Approval {
            id: CeremonyId::generate(),
            approvers: vec![megan()],
        },
        |id, _| Approval {
            id,
            approvers: vec![],
        },
        |id, request| Approval {
            id,
            approvers: vec![request.requester.clone()],
        },
        |id, request| Approval {
            id,
            approvers: vec![megan(), request.requester.clone().with_delegate("another")],
        },
    ];
    for approves in careless {
        let world = World::new();
        let connector = world
            .builder()
            .ceremonies(Arc::new(Careless(approves)))
            .build()
            .unwrap();
        let id = CeremonyId::generate();
        let answer = run(act(&connector, &context(), Operation::WipeDevice, Some(id)));
        assert_eq!(answer.unwrap_err().kind().as_str(), "ceremony_invalid");
        assert_eq!(world.performed().len(), 0);
        let ceremony = world.only_record().ceremony.unwrap();
        assert_eq!((ceremony.id, ceremony.approvers), (id.to_string(), vec![]));
    }
}

#[test]
fn scope_and_floor_add_up() {
    let connector = World::new()
        .builder()
        .without_ceremony_for(Operation::WipeDevice)
        .build()
        .unwrap();
    let scope = full_scope().ceremony_required_for(Operation::SyncDevice);
    let asked = ACTIONS.map(|action| asks(&connector, &scope, action));
    assert_eq!(asked, [true, true, true, false]);
}

#[test]
fn scope_template_and_floor_add_up() {
    let connector = World::new()
        .builder()
        .without_ceremony_for(Operation::WipeDevice)
        .without_ceremony_for(Operation::RetireDevice)
        .build()
        .unwrap();
    let template: ScopeTemplate = serde_json::from_str(
        r#"{"capabilities":["PROPOSE","MUTATE"],"ceremony_required_for":["wipe_device"]}"#,
    )
    .unwrap();
    let own = full_scope().ceremony_required_for(Operation::SyncDevice);
    let scope = template.until(own.expires_at()).narrowed_to(&own);
    let asked = ACTIONS.map(|action| asks(&connector, &scope, action));
    assert_eq!(asked, [true, true, false, true]);
}

#[test]
fn the_first_try_opens_one_and_says_so_on_record() {
    let world = World::new();
    let connector = world.connector();
    let lifetime = std::time::Duration::from_secs(3600);
    let error = run(act(&connector, &context(), Operation::RemoteLock, None)).unwrap_err();
    let OperationErrorKind::CeremonyRequired(open) = error.kind() else {
        panic!("{error}");
    };
    assert_eq!(
        open.expires_at,
        crate::people::start().saturating_add(lifetime)
    );
    assert!(!error.kind().is_retryable());
    let text = error.to_string();
    assert!(text.contains(&open.id.to_string()) && text.contains(&open.expires_at.to_string()));
    assert_eq!(world.calls(), ["device", "open", "refused"]);
    let record = world.only_record();
    assert_eq!(
        (&*record.phase, record.reason.as_deref()),
        ("refused", Some("ceremony_required"))
    );
    let ceremony = record.ceremony.unwrap();
    assert_eq!(
        (ceremony.id, ceremony.approvers),
        (open.id.to_string(), vec![])
    );
    let again = opened(&world, &connector, Operation::RemoteLock);
    assert_eq!(again, open.id);
    assert_ne!(opened(&world, &connector, Operation::RetireDevice), open.id);
}

#[test]
fn without_anybody_to_keep_them_what_needs_one_is_refused() {
    let world = World::new();
    let id = opened(&world, &world.connector(), Operation::WipeDevice);
    let clock = Arc::new(world.clock.clone());
    let alone = IntuneConnector::builder(world.clone(), world.clone(), clock)
        .chronicle(world.clone(), "urn:test".parse().unwrap())
        .actions(world.clone())
        .build()
        .unwrap();
    let unavailable = OperationErrorKind::CeremonyRefused(CeremonyRefusal::Unavailable);
    for action in ACTIONS {
        // Brought along, it can't be checked; not brought, it may be needed.
        for ceremony in [None, Some(id)] {
            let answer = run(act(&alone, &context(), action, ceremony));
            if action == Operation::SyncDevice && ceremony.is_none() {
                answer.unwrap();
                continue;
            }
            let error = answer.unwrap_err();
            assert_eq!(error.kind(), &unavailable);
            let record = world.records().pop().unwrap();
            assert_eq!(record.reason.as_deref(), Some("ceremonies_unavailable"));
        }
    }
    assert_eq!(world.performed().len(), 1);
}

#[test]
fn who_keeps_them_may_fail_hang_or_panic_and_nothing_is_sent() {
    let refused = CeremonyRefusal::Unavailable;
    for (does, reason) in [
        (Does::Answers(Err(refused)), "ceremonies_unavailable"),
        (
            Does::Hangs(std::time::Duration::from_secs(10)),
            "ceremonies_unavailable",
        ),
        (Does::Panics, "ceremonies_unavailable"),
    ] {
        for step in ["open", "approval", "redeem"] {
            let world = World::new();
            let connector = world.connector();
            let id = approved(&world, &connector, Operation::WipeDevice);
            let brought = (step != "open").then_some(id);
            match step {
                "open" => &world.open,
                "approval" => &world.approval,
                _ => &world.redeem,
            }
            .set(does.clone());
            let error =
                run(act(&connector, &context(), Operation::WipeDevice, brought)).unwrap_err();
            assert_eq!(error.kind().as_str(), reason, "{step}");
            assert!(error.kind().is_retryable());
            let calls = world.calls();
            assert_eq!(calls.last().unwrap(), "refused");
            assert_eq!(calls.iter().any(|call| call == "intent"), step == "redeem");
            assert_eq!(world.performed().len(), 0);
        }
    }
}
