//! Recorded decisions under another policy: the same, another, or honestly not known.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::{sync::Arc, time::Duration};

use crate::common::{self, Scripted, clock, device, entra_id, found, wall};
use chronicle::{MemorySink, events::DeviceComplianceChecked};
use clock::{Clock as _, Timestamp};
use compliance_gate::{
    BreakGlass, CachedCompliance, Delegates, DeviceIdentity, Gate, GateRequest, Grace, Missing,
    Mode, OnOutage, Outcome, Policies, PoliciesBuilder, PolicyLayer, Reason, Replayed, Ruling,
    replay,
};
use intune_core::{ComplianceState, DeviceCompliance, Finding, SourceFailure, SourceFailureKind};
use serde_json::Value;

const HOUR: Duration = Duration::from_secs(3600);
const ADELE: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const BERTA: &str = "aaaaaaaa-0000-4000-8000-000000000002";

fn required() -> PolicyLayer {
    PolicyLayer::new().required(true)
}

fn policies(layer: PolicyLayer) -> Policies {
    Policies::builder().global(layer).build().unwrap()
}

/// What is asked, and when.
#[derive(Clone)]
struct Question {
    policy: PoliciesBuilder,
    device: DeviceIdentity,
    delegator: Option<DeviceIdentity>,
    /// What the source says first; asked again after the time, it says the second.
    answers: (
        Result<Finding, SourceFailure>,
        Duration,
        Result<Finding, SourceFailure>,
    ),
}

fn question(layer: PolicyLayer, answer: Result<Finding, SourceFailure>) -> Question {
    Question {
        policy: Policies::builder().global(layer),
        device: DeviceIdentity::Present(entra_id(0)),
        delegator: None,
        answers: (answer.clone(), Duration::ZERO, answer),
    }
}

/// Asks, and reads the last record back.
async fn recorded(question: Question) -> (DeviceComplianceChecked, Timestamp) {
    let clock = clock();
    let sink = MemorySink::new();
    let (first, time, second) = question.answers;
    let source = Scripted::new(first).shared();
    // What is denied is kept as long as what isn't, and each of an age that a test can foresee.
    let cached = CachedCompliance::builder(source.clone())
        .jitter_percent(0)
        .denied_ttl(HOUR)
        .not_found_ttl(HOUR);
    let cached = Arc::new(cached.build());
    let gate = Gate::builder(
        question.policy.build().unwrap(),
        cached,
        Arc::new(clock.clone()),
    );
    let gate = gate.chronicle(Arc::new(sink.clone()), "urn:broker:test".parse().unwrap());
    let gate = gate.build().unwrap();
    let principal = common::principal().with_object_id(ADELE.parse().unwrap());
    let principal = match question.delegator {
        Some(_) => principal.with_delegate("agent-7"),
        None => principal,
    };
    let template = common::template();
    let request = GateRequest::new(&principal, &template, question.device);
    let request = match question.delegator {
        Some(device) => request.delegator(device),
        None => request,
    };
    let _ = gate.evaluate(&request).await;
    clock.advance(time);
    source.answer(second);
    let _ = gate.evaluate(&request).await;
    let lines = String::from_utf8(sink.to_jsonl()).unwrap();
    let line: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    let event = serde_json::from_value(line["data"].clone()).unwrap();
    (event, clock.now().wall)
}

/// What comes of the question's record under the other policy.
async fn under(question: Question, other: &Policies) -> Replayed {
    let (event, made_at) = recorded(question).await;
    replay(&event, made_at, other)
}

fn changed(replayed: Replayed) -> (Outcome, Reason) {
    match replayed {
        Replayed::Changed { after, .. } => (after.outcome, after.reason),
        other => panic!("{other:?}"),
    }
}

fn all_findings() -> Vec<Finding> {
    let mut all = vec![Finding::NotFound, Finding::Conflicting { records: 2 }];
    for state in [
        "compliant",
        "inGracePeriod",
        "noncompliant",
        "unknown",
        "configManager",
        "new",
    ] {
        let device = device(ComplianceState::from_wire(state));
        for user in [None, Some(ADELE), Some(BERTA)] {
            for grace in [None, Some(wall().saturating_add(HOUR))] {
                for being_removed in [false, true] {
                    all.push(Finding::Device(DeviceCompliance {
                        user_id: user.map(|user| user.parse().unwrap()),
                        grace_expires_at: grace,
                        being_removed,
                        ..device
                    }));
                }
            }
        }
    }
    all
}

fn layers() -> Vec<PolicyLayer> {
    let lenient = OnOutage::LastKnownGood { max_age: 2 * HOUR };
    vec![
        required(),
        required().strict(true),
        required().mode(Mode::ReportOnly),
        required().bind_subject(true),
        required().max_check_in_age(Some(HOUR / 2)),
        required().in_grace_period(Grace::Deny),
        required()
            .noncompliant(Outcome::Allow)
            .unknown(Outcome::Allow),
        required().on_outage(lenient),
        required().delegates(Delegates::DelegatorDevice),
    ]
}

/// The gate itself is the measure: what it decides under the other policy is what the replay of its record under the
/// first policy must say, wherever that says anything.
#[tokio::test]
async fn a_replay_says_what_the_gate_would_have_said() {
    let failures = [SourceFailureKind::Unavailable, SourceFailureKind::Refused];
    let failures = failures.map(|kind| Err(SourceFailure::new(kind)));
    let findings = all_findings().into_iter().map(Ok);
    let answers: Vec<_> = findings.chain(failures.clone()).collect();
    let devices = [
        DeviceIdentity::Present(entra_id(0)),
        DeviceIdentity::Absent,
        DeviceIdentity::Invalid,
    ];
    let mut told = 0;
    let mut untold = 0;
    for answer in answers {
        // An outage begins while the copy grows too old.
        let later = (answer.clone(), HOUR, failures[0].clone());
        let at_once = (answer.clone(), Duration::ZERO, answer.clone());
        let devices = devices.into_iter().take(if answer.is_ok() { 3 } else { 1 });
        for (device, answers) in devices.flat_map(|it| [(it, at_once.clone()), (it, later.clone())])
        {
            let mut decided = Vec::new();
            for layer in layers() {
                let question = question(layer, answer.clone());
                let answers = answers.clone();
                let (event, made_at) = recorded(Question {
                    device,
                    answers,
                    ..question
                })
                .await;
                decided.push((policies(layer), event, made_at));
            }
            for (_, event, made_at) in &decided {
                for (other, expected, _) in &decided {
                    let ruling = match replay(event, *made_at, other) {
                        Replayed::Same(ruling) => ruling,
                        Replayed::Changed { before, after } => {
                            assert_ne!(before, after);
                            after
                        }
                        Replayed::CantTell(_) => {
                            untold += 1;
                            continue;
                        }
                    };
                    told += 1;
                    let (outcome, reason) = (ruling.outcome.as_str(), ruling.reason.as_str());
                    let expected = (&*expected.outcome, &*expected.reason, expected.enforced);
                    assert_eq!(
                        (outcome, reason, ruling.enforced),
                        expected,
                        "{other:?}\n{event:?}"
                    );
                }
            }
        }
    }
    assert!(told > 10 * untold, "{told} {untold}");
}

#[tokio::test]
async fn what_is_not_in_the_record_is_not_guessed() {
    let compliant = || Ok(found(ComplianceState::Compliant));
    let cant_tell = |replayed, missing| assert_eq!(replayed, Replayed::CantTell(missing));
    // Nobody looked the device up, since the token was denied, or nothing was required.
    let absent = Question {
        device: DeviceIdentity::Absent,
        ..question(required(), compliant())
    };
    let absent = Question {
        delegator: Some(DeviceIdentity::Present(entra_id(1))),
        ..absent
    };
    let by_delegator = policies(required().delegates(Delegates::DelegatorDevice));
    cant_tell(under(absent, &by_delegator).await, Missing::Device);
    // A copy of that age would not have done.
    let minute = policies(required().max_age(Duration::from_secs(60)));
    let aged = |seconds| Question {
        answers: (compliant(), Duration::from_secs(seconds), compliant()),
        ..question(required(), compliant())
    };
    let done = under(aged(59), &minute).await;
    assert!(matches!(done, Replayed::Same(_)), "{done:?}");
    cant_tell(under(aged(60), &minute).await, Missing::Fresher);
    let aged_away = Question {
        answers: (Ok(Finding::NotFound), Duration::from_secs(200), compliant()),
        ..aged(0)
    };
    cant_tell(under(aged_away, &minute).await, Missing::Fresher);
    // The source failed, and nothing was known: or the gate didn't ask.
    let down = || Err(SourceFailure::new(SourceFailureKind::TimedOut));
    let lenient = policies(required().on_outage(OnOutage::LastKnownGood { max_age: HOUR }));
    cant_tell(
        under(question(required(), down()), &lenient).await,
        Missing::LastKnown,
    );
}

#[tokio::test]
async fn an_older_record_says_less() {
    let (mut event, made_at) =
        recorded(question(required(), Ok(found(ComplianceState::Compliant)))).await;
    event.compliance.as_mut().unwrap().user_matches = None;
    event.identity = None;
    let bound = policies(required().bind_subject(true));
    assert_eq!(
        replay(&event, made_at, &bound),
        Replayed::CantTell(Missing::User)
    );
    let same = replay(&event, made_at, &policies(required()));
    assert!(matches!(
        same,
        Replayed::Same(Ruling {
            reason: Reason::Compliant,
            ..
        })
    ));
    event.device = None;
    let unclear = replay(&event, made_at, &policies(required()));
    assert_eq!(unclear, Replayed::CantTell(Missing::Identity));
    event.reason = "brand_new".into();
    let unread = replay(&event, made_at, &policies(required()));
    assert_eq!(unread, Replayed::CantTell(Missing::Readable));
}

#[tokio::test]
async fn an_agent_that_was_judged_by_its_delegator_is_replayed_so() {
    let by_delegator = required()
        .strict(true)
        .delegates(Delegates::DelegatorDevice);
    let agent = Question {
        device: DeviceIdentity::Absent,
        delegator: Some(DeviceIdentity::Present(entra_id(1))),
        ..question(by_delegator, Ok(found(ComplianceState::Compliant)))
    };
    let (event, made_at) = recorded(agent).await;
    assert_eq!(
        event.device.as_ref().unwrap().of.as_deref(),
        Some("delegator")
    );
    assert_eq!(
        event.device.as_ref().unwrap().entra_device_id,
        entra_id(1).to_string()
    );
    let same = replay(&event, made_at, &policies(by_delegator));
    assert!(matches!(same, Replayed::Same(_)), "{same:?}");
    let own = replay(&event, made_at, &policies(required().strict(true)));
    assert_eq!(changed(own), (Outcome::Deny, Reason::NoDeviceIdentity));
}

#[tokio::test]
async fn broken_glass_is_replayed_by_the_entries_of_the_other_policy() {
    let issuer = "https://login.example/t1/v2.0";
    let entry = BreakGlass::new(issuer, "adele", wall(), wall().saturating_add(HOUR), "r").unwrap();
    let broken = |layer| Policies::builder().global(layer).break_glass(entry.clone());
    let denied = question(required(), Ok(found(ComplianceState::Noncompliant)));
    let with_entry = Question {
        policy: broken(required()),
        ..denied.clone()
    };
    let (event, made_at) = recorded(with_entry).await;
    assert_eq!(&event.reason, "break_glass");
    let same = replay(&event, made_at, &broken(required()).build().unwrap());
    assert!(matches!(same, Replayed::Same(_)), "{same:?}");
    let without = replay(&event, made_at, &policies(required()));
    assert_eq!(changed(without), (Outcome::Deny, Reason::Noncompliant));
    let (event, made_at) = recorded(denied).await;
    let with = replay(&event, made_at, &broken(required()).build().unwrap());
    assert_eq!(changed(with), (Outcome::Allow, Reason::BreakGlass));
}
