//! The decision table, exhaustively: every combination of inputs against the rows as they are written in the
//! contract, each row a condition of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use crate::common::{self, FAILURES, ago, device, entra_id, now, wall};
use clock::Timestamp;
use compliance_gate::{
    Answer, Asker, Delegates, DeviceIdentity, DeviceOf, EffectivePolicy, Grace, Mode, OnOutage,
    Outcome, Policies, PolicyLayer, Reason, Step, UnknownTemplates, decide,
};
use intune_core::{
    ComplianceState, DeviceCompliance, Finding, Observation, Served, SourceFailure,
    SourceFailureKind, UserId,
};

const BOUND: Duration = Duration::from_secs(600);
const MAX_CHECK_IN_AGE: Duration = Duration::from_secs(7 * 24 * 3600);
const MIN_REMAINING: Duration = Duration::from_secs(3600);

fn adele() -> UserId {
    "aaaaaaaa-0000-4000-8000-000000000001".parse().unwrap()
}

fn other_user() -> UserId {
    "aaaaaaaa-0000-4000-8000-000000000002".parse().unwrap()
}

/// What one case is about, in the contract's words.
#[derive(Clone, Debug)]
struct Case {
    mode: Mode,
    listed: bool,
    required: bool,
    strict: bool,
    identity: DeviceIdentity,
    conditions: Settings,
    answer: Known,
    token_user: Option<UserId>,
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    bind_subject: bool,
    bound_check_in: bool,
    grace: Grace,
    tolerant: bool,
    last_known_good: bool,
}

impl Settings {
    fn over(self, layer: PolicyLayer) -> PolicyLayer {
        let mut layer = layer
            .bind_subject(self.bind_subject)
            .in_grace_period(self.grace);
        if self.bound_check_in {
            layer = layer.max_check_in_age(Some(MAX_CHECK_IN_AGE));
        }
        if self.tolerant {
            layer = layer
                .noncompliant(Outcome::Allow)
                .conflict(Outcome::Allow)
                .error(Outcome::Allow)
                .unknown(Outcome::Allow)
                .config_manager(Outcome::Allow);
        }
        if self.last_known_good {
            layer = layer.on_outage(OnOutage::LastKnownGood { max_age: BOUND });
        }
        layer
    }
}

#[derive(Clone, Debug)]
enum Known {
    Observed(Finding),
    Failed(SourceFailureKind, Option<(Finding, Duration)>),
}

/// The table of the contract: number, condition, outcome, reason. First match wins.
fn expected(case: &Case) -> (u8, Outcome, Reason) {
    use Outcome::{Allow, Deny};
    let failed = match &case.answer {
        Known::Failed(kind, last_known) => {
            let outage = matches!(
                kind,
                SourceFailureKind::Throttled
                    | SourceFailureKind::Unavailable
                    | SourceFailureKind::TimedOut
            );
            let within = last_known.is_some_and(|(_, age)| age <= BOUND);
            !(case.conditions.last_known_good && outage && within)
        }
        Known::Observed(_) => false,
    };
    let finding = match &case.answer {
        Known::Observed(finding) => Some(*finding),
        Known::Failed(_, last_known) => last_known.map(|(finding, _)| finding),
    };
    let record: Option<DeviceCompliance> = match finding {
        Some(Finding::Device(record)) => Some(record),
        _ => None,
    };
    let with = |condition: fn(&DeviceCompliance) -> bool| record.as_ref().is_some_and(condition);
    let min_remaining = match case.conditions.grace {
        Grace::UntilExpiry { min_remaining } => min_remaining,
        Grace::Deny => Duration::ZERO,
    };
    let in_grace = with(|record| record.state == ComplianceState::InGracePeriod);
    let grace_over = in_grace
        && record
            .and_then(|record| record.grace_expires_at)
            .is_none_or(|expiry| wall() >= expiry.saturating_sub(min_remaining));
    let stale = case.conditions.bound_check_in
        && record.is_some_and(|record| {
            record
                .last_check_in
                .is_none_or(|check_in| wall().since(check_in) > MAX_CHECK_IN_AGE)
        });
    let stranger = case.conditions.bind_subject
        && record
            .is_some_and(|record| record.user_id.is_none() || record.user_id != case.token_user);
    let state = record.map(|record| record.state);
    let grace_counts = matches!(case.conditions.grace, Grace::UntilExpiry { .. });
    let tolerated = if case.conditions.tolerant {
        Allow
    } else {
        Deny
    };

    let rows = [
        (1, case.mode == Mode::Off, Allow, Reason::NotEnabled),
        (0, !case.listed, Deny, Reason::UnknownTemplate),
        (2, !case.required, Allow, Reason::NotRequired),
        (
            3,
            case.identity == DeviceIdentity::Invalid,
            Deny,
            Reason::InvalidDeviceIdentity,
        ),
        (
            4,
            case.identity == DeviceIdentity::Absent && case.strict,
            Deny,
            Reason::NoDeviceIdentity,
        ),
        (
            5,
            case.identity == DeviceIdentity::Absent && !case.strict,
            Allow,
            Reason::NoDeviceIdentity,
        ),
        (6, failed, Deny, Reason::SourceUnavailable),
        (
            7,
            finding == Some(Finding::NotFound),
            Deny,
            Reason::DeviceNotFound,
        ),
        (
            8,
            matches!(finding, Some(Finding::Conflicting { .. })),
            Deny,
            Reason::ConflictingRecords,
        ),
        (
            9,
            with(|record| record.being_removed),
            Deny,
            Reason::DeviceBeingRemoved,
        ),
        (10, stranger, Deny, Reason::SubjectMismatch),
        (11, stale, Deny, Reason::DeviceStale),
        (
            12,
            in_grace && grace_counts && grace_over,
            Deny,
            Reason::Noncompliant,
        ),
        (13, in_grace && grace_counts, Allow, Reason::InGracePeriod),
        (13, in_grace, Deny, Reason::InGracePeriod),
        (
            13,
            state == Some(ComplianceState::Compliant),
            Allow,
            Reason::Compliant,
        ),
        (
            14,
            state == Some(ComplianceState::Noncompliant),
            tolerated,
            Reason::Noncompliant,
        ),
        (
            14,
            state == Some(ComplianceState::Conflict),
            tolerated,
            Reason::Conflict,
        ),
        (
            14,
            state == Some(ComplianceState::Error),
            tolerated,
            Reason::Error,
        ),
        (
            14,
            state == Some(ComplianceState::Unknown),
            tolerated,
            Reason::Unknown,
        ),
        (
            14,
            state == Some(ComplianceState::ConfigManager),
            tolerated,
            Reason::ConfigManager,
        ),
        (14, true, Deny, Reason::UnrecognizedState),
    ];
    let row = rows.into_iter().find(|(_, matches, ..)| *matches).unwrap();
    (row.0, row.2, row.3)
}

fn findings() -> Vec<Finding> {
    let mut findings = vec![Finding::NotFound, Finding::Conflicting { records: 2 }];
    let states = [
        "compliant",
        "inGracePeriod",
        "noncompliant",
        "conflict",
        "error",
        "unknown",
        "configManager",
        "brandNew",
    ];
    let expiries = [
        None,
        Some(Timestamp::MIN),
        Some(wall()),
        Some(wall().saturating_add(MIN_REMAINING)),
        Some(wall().saturating_add(Duration::from_millis(1))),
        Some(wall().saturating_add(MIN_REMAINING + Duration::from_millis(1))),
        Some("9999-12-31T23:59:59Z".parse().unwrap()),
    ];
    let check_ins = [
        None,
        Some(wall().saturating_sub(MAX_CHECK_IN_AGE)),
        Some(wall().saturating_sub(MAX_CHECK_IN_AGE + Duration::from_millis(1))),
    ];
    for state in states.map(ComplianceState::from_wire) {
        for being_removed in [false, true] {
            for user_id in [None, Some(adele()), Some(other_user())] {
                for last_check_in in check_ins {
                    for grace_expires_at in expiries {
                        let record = device(state);
                        findings.push(Finding::Device(DeviceCompliance {
                            being_removed,
                            user_id,
                            last_check_in,
                            grace_expires_at,
                            ..record
                        }));
                    }
                }
            }
        }
    }
    findings
}

fn answers() -> Vec<Known> {
    let mut answers: Vec<_> = findings().into_iter().map(Known::Observed).collect();
    for kind in FAILURES {
        answers.push(Known::Failed(kind, None));
        for state in ["compliant", "noncompliant", "inGracePeriod"] {
            for age in [Duration::ZERO, BOUND, BOUND + Duration::from_millis(1)] {
                let finding = Finding::Device(device(ComplianceState::from_wire(state)));
                answers.push(Known::Failed(kind, Some((finding, age))));
            }
        }
    }
    answers
}

fn settings() -> Vec<Settings> {
    let mut all = Vec::new();
    for bits in 0..16_u8 {
        for grace in [
            Grace::default(),
            Grace::UntilExpiry {
                min_remaining: MIN_REMAINING,
            },
            Grace::Deny,
        ] {
            all.push(Settings {
                bind_subject: bits & 1 != 0,
                bound_check_in: bits & 2 != 0,
                tolerant: bits & 4 != 0,
                last_known_good: bits & 8 != 0,
                grace,
            });
        }
    }
    all
}

fn policy(case: &Case) -> Arc<EffectivePolicy> {
    let layer = PolicyLayer::new()
        .required(case.required)
        .strict(case.strict)
        .mode(case.mode);
    let unknown = if case.listed {
        UnknownTemplates::Global
    } else {
        UnknownTemplates::Deny
    };
    let policies = Policies::builder()
        .global(case.conditions.over(layer))
        .unknown_templates(unknown)
        .build();
    policies.unwrap().for_template(&common::template()).clone()
}

fn check(case: &Case, policy: &EffectivePolicy) {
    let (row, outcome, reason) = expected(case);
    let asker = Asker {
        device: case.identity,
        user: case.token_user,
        delegator: None,
    };

    let before = decide(policy, asker, Answer::NotAsked, now());
    if row > 5 {
        assert_eq!(
            before,
            Step::LookUp(entra_id(0)),
            "row {row} must look the device up: {case:?}"
        );
    } else {
        assert!(
            matches!(before, Step::Decided(_)),
            "row {row} must not look anything up: {case:?}"
        );
    }

    let step = match &case.answer {
        Known::Observed(finding) => {
            let observation = Observation::live(now(), *finding);
            decide(policy, asker, Answer::Observed(observation), now())
        }
        Known::Failed(kind, last_known) => {
            let last_known = last_known.map(|(finding, age)| Observation::live(ago(age), finding));
            let failure = SourceFailure::new(*kind).with_last_known(last_known);
            decide(policy, asker, Answer::Failed(&failure), now())
        }
    };
    let Step::Decided(verdict) = step else {
        panic!("no decision: {case:?}");
    };
    assert_eq!(
        (verdict.outcome, verdict.reason),
        (outcome, reason),
        "row {row}: {case:?}"
    );

    if row <= 6 {
        assert_eq!(
            verdict.observation, None,
            "rows 1 to 6 know nothing of the device"
        );
    }
    if let (Known::Failed(..), Some(observation)) = (&case.answer, verdict.observation) {
        assert_eq!(observation.served, Served::LastKnownGood);
        assert!(
            verdict.valid_until.is_some(),
            "what an outage lets through has an end"
        );
    }
    if outcome == Outcome::Allow && reason == Reason::InGracePeriod {
        let until = verdict.valid_until.unwrap();
        assert!(
            until >= wall(),
            "authority can't outlive the grace period: {case:?}"
        );
    }
}

#[test]
fn every_combination_matches_the_contract() {
    let answers = answers();
    let identities = [
        DeviceIdentity::Absent,
        DeviceIdentity::Invalid,
        DeviceIdentity::Present(entra_id(0)),
    ];
    let mut checked = 0_u32;
    for conditions in settings() {
        for mode in [Mode::Off, Mode::ReportOnly, Mode::Enforce] {
            for listed in [true, false] {
                for required in [false, true] {
                    for strict in [false, true] {
                        for identity in identities {
                            let decided_early = mode == Mode::Off
                                || !listed
                                || !required
                                || !matches!(identity, DeviceIdentity::Present(_));
                            // Rows 1 to 5 don't depend on the answer; a few show it.
                            let step = if decided_early { 251 } else { 1 };
                            let case = Case {
                                mode,
                                listed,
                                required,
                                strict,
                                identity,
                                conditions,
                                answer: Known::Observed(Finding::NotFound),
                                token_user: None,
                            };
                            let policy = policy(&case);
                            for answer in answers.iter().step_by(step) {
                                for token_user in [None, Some(adele())] {
                                    let case = Case {
                                        answer: answer.clone(),
                                        token_user,
                                        ..case.clone()
                                    };
                                    check(&case, &policy);
                                    checked += 1;
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(checked > 100_000, "{checked}");
}

#[test]
fn a_grace_period_ends_while_its_observation_is_cached() {
    let expiry = wall().saturating_add(Duration::from_secs(60));
    let record = DeviceCompliance {
        grace_expires_at: Some(expiry),
        ..device(ComplianceState::InGracePeriod)
    };
    let observation = Observation::live(now(), Finding::Device(record));
    let policies = Policies::builder()
        .global(PolicyLayer::new().required(true))
        .build()
        .unwrap();
    let policy = policies.for_template(&common::template());
    let asker = Asker {
        device: DeviceIdentity::Present(entra_id(0)),
        user: None,
        delegator: None,
    };
    let mut later = now();
    later.wall = expiry;
    let Step::Decided(verdict) = decide(policy, asker, Answer::Observed(observation), later) else {
        panic!("no decision");
    };
    assert_eq!(
        (verdict.outcome, verdict.reason),
        (Outcome::Deny, Reason::Noncompliant)
    );
}

fn verdict(layer: PolicyLayer, answer: Answer<'_>) -> compliance_gate::Verdict {
    let policies = Policies::builder()
        .global(layer.required(true))
        .build()
        .unwrap();
    let asker = Asker {
        device: DeviceIdentity::Present(entra_id(0)),
        user: None,
        delegator: None,
    };
    match decide(
        policies.for_template(&common::template()),
        asker,
        answer,
        now(),
    ) {
        Step::Decided(verdict) => verdict,
        Step::LookUp(_) => panic!("no decision"),
    }
}

/// Authority ends with the first of what let it through: the grace period, the check-in's bound, the bound of
/// the last known observation.
#[test]
fn authority_ends_with_whatever_let_it_through_first() {
    let secs = Duration::from_secs;
    let grace_end = wall().saturating_add(secs(5_000));
    for min_remaining in [secs(0), secs(2_000)] {
        for check_in_left in [None, Some(secs(1_000)), Some(secs(9_000))] {
            for outage_left in [None, Some(secs(100)), Some(secs(8_000))] {
                for in_grace in [false, true] {
                    let mut layer = PolicyLayer::new()
                        .in_grace_period(Grace::UntilExpiry { min_remaining })
                        .on_outage(OnOutage::LastKnownGood {
                            max_age: secs(10_000),
                        });
                    let mut record = device(ComplianceState::Compliant);
                    let mut ends = Vec::new();
                    if in_grace {
                        record.state = ComplianceState::InGracePeriod;
                        record.grace_expires_at = Some(grace_end);
                        ends.push(grace_end.saturating_sub(min_remaining));
                    }
                    if let Some(left) = check_in_left {
                        layer = layer.max_check_in_age(Some(MAX_CHECK_IN_AGE));
                        let check_in = wall().saturating_sub(MAX_CHECK_IN_AGE - left);
                        record.last_check_in = Some(check_in);
                        ends.push(wall().saturating_add(left));
                    }
                    let failure;
                    let answer = match outage_left {
                        None => Answer::Observed(Observation::live(now(), Finding::Device(record))),
                        Some(left) => {
                            let seen = ago(secs(10_000) - left);
                            ends.push(wall().saturating_add(left));
                            failure =
                                SourceFailure::new(SourceFailureKind::Unavailable).with_last_known(
                                    Some(Observation::live(seen, Finding::Device(record))),
                                );
                            Answer::Failed(&failure)
                        }
                    };
                    let verdict = verdict(layer, answer);
                    assert_eq!(verdict.outcome, Outcome::Allow);
                    assert_eq!(verdict.valid_until, ends.into_iter().min());
                }
            }
        }
    }
}

#[test]
fn a_state_that_is_let_through_lets_no_other_through() {
    type Set = fn(PolicyLayer, Outcome) -> PolicyLayer;
    let states: [(&str, Option<Set>); 6] = [
        ("noncompliant", Some(PolicyLayer::noncompliant)),
        ("conflict", Some(PolicyLayer::conflict)),
        ("error", Some(PolicyLayer::error)),
        ("unknown", Some(PolicyLayer::unknown)),
        ("configManager", Some(PolicyLayer::config_manager)),
        // There is no way to let these through.
        ("brandNew", None),
    ];
    for (tolerated, set) in states {
        for (state, _) in states {
            let layer = PolicyLayer::new();
            let layer = set.map_or(layer, |set| set(layer, Outcome::Allow));
            let finding = Finding::Device(device(ComplianceState::from_wire(state)));
            let verdict = verdict(layer, Answer::Observed(Observation::live(now(), finding)));
            let allowed = verdict.outcome == Outcome::Allow;
            assert_eq!(
                allowed,
                state == tolerated && state != "brandNew",
                "{tolerated} {state}"
            );
        }
    }
}

/// Every combination of an agent's own device, its delegator's, and what the template says of agents.
#[test]
fn an_agents_own_device_comes_first_and_never_falls_back() {
    let own = DeviceIdentity::Present(entra_id(0));
    let theirs = DeviceIdentity::Present(entra_id(1));
    let identities = |present| [DeviceIdentity::Absent, DeviceIdentity::Invalid, present];
    for delegates in [Delegates::OwnDevice, Delegates::DelegatorDevice] {
        for strict in [false, true] {
            let layer = PolicyLayer::new().required(true).strict(strict);
            let layer = layer.delegates(delegates);
            let policies = Policies::builder().global(layer).build().unwrap();
            let policy = policies.for_template(&common::template());
            for device in identities(own) {
                let delegators = identities(theirs).map(Some);
                for delegator in delegators.into_iter().chain([None]) {
                    let asker = Asker {
                        device,
                        user: None,
                        delegator,
                    };
                    let judged = match (device, delegates, delegator) {
                        (DeviceIdentity::Absent, Delegates::DelegatorDevice, Some(theirs)) => {
                            (theirs, DeviceOf::Delegator)
                        }
                        _ => (device, DeviceOf::Asker),
                    };
                    assert_eq!(asker.judged_by(policy.policy()), judged);
                    let alone = Asker {
                        device: judged.0,
                        user: None,
                        delegator: None,
                    };
                    let step = decide(policy, asker, Answer::NotAsked, now());
                    assert_eq!(step, decide(policy, alone, Answer::NotAsked, now()));
                    if device == DeviceIdentity::Invalid {
                        let Step::Decided(verdict) = step else {
                            panic!("an invalid device is not looked up");
                        };
                        assert_eq!(verdict.reason, Reason::InvalidDeviceIdentity);
                    }
                }
            }
        }
    }
}
