//! What *tighter* means: setting by setting, and what it promises of decisions.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use crate::common::{self, FAILURES, Scripted, ago, device, entra_id, now, wall};
use chronicle::{AppendError, AppendErrorKind, MemorySink, Receipt, Record, Sink};
use compliance_gate::{
    Answer, Asker, Delegates, DeviceIdentity, EffectivePolicy, Gate, GateRequest, Grace, Layer,
    Mode, OnAuditFailure, OnOutage, Outcome, Overrides, Policies, PolicyError, PolicyLayer,
    Setting, Step, UnknownTemplates, decide,
};
use intune_core::{
    ComplianceState, DeviceCompliance, EntraDeviceId, Finding, Observation, SourceFailure, UserId,
};
use proptest::{option, prelude::*, sample::select};

const HOUR: Duration = Duration::from_secs(3600);

fn durations() -> impl Strategy<Value = Duration> {
    select(vec![Duration::ZERO, HOUR, 2 * HOUR, 48 * HOUR])
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    select(vec![Outcome::Allow, Outcome::Deny])
}

/// Any layer, whatever it sets.
fn layers() -> impl Strategy<Value = PolicyLayer> {
    let graces = prop_oneof![
        Just(Grace::Deny),
        durations().prop_map(|min_remaining| Grace::UntilExpiry { min_remaining }),
    ];
    let outages = prop_oneof![
        Just(OnOutage::Deny),
        durations().prop_map(|max_age| OnOutage::LastKnownGood { max_age }),
    ];
    let modes = select(vec![
        Mode::Off,
        Mode::ReportOnly,
        Mode::Enforce,
        Mode::Enforce,
    ]);
    let switches = (
        option::of(any::<bool>()),
        option::of(any::<bool>()),
        option::weighted(0.3, modes),
        option::of(any::<bool>()),
        option::of(select(vec![
            Delegates::OwnDevice,
            Delegates::DelegatorDevice,
        ])),
        option::of(select(vec![
            OnAuditFailure::Deny,
            OnAuditFailure::BestEffort,
        ])),
    );
    let ages = (
        option::of(durations()),
        option::of(option::of(durations())),
        option::of(outages),
        option::of(graces),
    );
    let states = prop::collection::vec(option::weighted(0.3, outcomes()), 5);
    (switches, ages, states).prop_map(|(switches, ages, states)| {
        let mut layer = PolicyLayer::new();
        macro_rules! set {
            ($($field:ident = $value:expr;)*) => {
                $(if let Some(value) = $value { layer = layer.$field(value); })*
            };
        }
        let mut states = states.into_iter();
        let mut state = || states.next().unwrap();
        set! {
            required = switches.0;
            strict = switches.1;
            mode = switches.2;
            bind_subject = switches.3;
            delegates = switches.4;
            on_audit_failure = switches.5;
            max_age = ages.0;
            max_check_in_age = ages.1;
            on_outage = ages.2;
            in_grace_period = ages.3;
            noncompliant = state();
            conflict = state();
            error = state();
            unknown = state();
            config_manager = state();
        }
        layer
    })
}

fn adele() -> UserId {
    "aaaaaaaa-0000-4000-8000-000000000001".parse().unwrap()
}

/// What the source says of one device.
#[derive(Clone, Debug)]
enum Known {
    Observed(Finding),
    Failed(usize, Option<(Finding, Duration)>),
}

fn findings() -> impl Strategy<Value = Finding> {
    let states = select(vec![
        "compliant",
        "inGracePeriod",
        "inGracePeriod",
        "noncompliant",
        "conflict",
        "error",
        "unknown",
        "configManager",
        "brandNew",
    ]);
    let record = (
        states,
        option::of(durations()),
        option::of(durations()),
        any::<bool>(),
        prop::bool::weighted(0.1),
    );
    let record = record.prop_map(|(state, grace, silent, is_hers, being_removed)| {
        Finding::Device(DeviceCompliance {
            grace_expires_at: grace.map(|left| wall().saturating_add(left)),
            last_check_in: silent.map(|age| wall().saturating_sub(age)),
            user_id: is_hers.then(adele),
            being_removed,
            ..device(ComplianceState::from_wire(state))
        })
    });
    prop_oneof![
        1 => Just(Finding::NotFound),
        1 => Just(Finding::Conflicting { records: 2 }),
        10 => record,
    ]
}

fn known() -> impl Strategy<Value = Known> {
    let last_known = option::of((findings(), durations()));
    prop_oneof![
        findings().prop_map(Known::Observed),
        (0..FAILURES.len(), last_known).prop_map(|(kind, last)| Known::Failed(kind, last)),
    ]
}

#[derive(Clone, Debug)]
struct World {
    asker: Asker,
    own: Known,
    delegators: Known,
}

fn worlds() -> impl Strategy<Value = World> {
    let identity = |id: EntraDeviceId| {
        select(vec![
            DeviceIdentity::Absent,
            DeviceIdentity::Invalid,
            DeviceIdentity::Present(id),
        ])
    };
    let asker = (
        identity(entra_id(0)),
        option::of(identity(entra_id(1))),
        any::<bool>(),
    );
    (asker, known(), known()).prop_map(|((device, delegator, is_adele), own, delegators)| World {
        asker: Asker {
            device,
            user: is_adele.then(adele),
            delegator,
        },
        own,
        delegators,
    })
}

/// Whether a policy lets through what asks in this world.
fn allows(policy: &EffectivePolicy, world: &World) -> bool {
    let failure;
    let step = match decide(policy, world.asker, Answer::NotAsked, now()) {
        Step::Decided(verdict) => Step::Decided(verdict),
        Step::LookUp(device) => {
            let known = if device == entra_id(0) {
                &world.own
            } else {
                &world.delegators
            };
            let answer = match known {
                Known::Observed(finding) => Answer::Observed(Observation::live(now(), *finding)),
                Known::Failed(kind, last) => {
                    let last = last.map(|(finding, age)| Observation::live(ago(age), finding));
                    let kind = FAILURES.into_iter().nth(*kind).unwrap();
                    failure = SourceFailure::new(kind).with_last_known(last);
                    Answer::Failed(&failure)
                }
            };
            decide(policy, world.asker, answer, now())
        }
    };
    let Step::Decided(verdict) = step else {
        panic!("it was given an answer");
    };
    policy.policy().mode == Mode::ReportOnly || verdict.outcome == Outcome::Allow
}

fn build(global: PolicyLayer, template: PolicyLayer) -> Result<Policies, PolicyError> {
    let builder = Policies::builder().global(global);
    let builder = builder.template(common::template(), template);
    builder.overrides(Overrides::TightenOnly).build()
}

/// Policies with a template that takes nothing back. What does is refused, which is the other half of the promise.
fn tightened() -> impl Strategy<Value = Policies> {
    let both = (layers(), layers());
    both.prop_filter_map("it loosens", |(global, template)| {
        build(global, template).ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn under_tighten_only_no_template_allows_what_the_global_policy_denies(
        policies in tightened(),
        worlds in prop::collection::vec(worlds(), 50),
    ) {
        let template = policies.for_template(&common::template());
        for world in worlds {
            let more = allows(template, &world) && !allows(policies.unlisted(), &world);
            prop_assert!(!more, "{world:?}");
        }
    }

    #[test]
    fn every_setting_is_replaced_by_itself_and_says_by_whom(global in layers(), template in layers()) {
        let builder = Policies::builder().global(global).template(common::template(), template);
        let replaced = builder.build().unwrap();
        let both = replaced.for_template(&common::template());
        let alone = |layer| Policies::builder().global(layer).build().unwrap();
        let (global, template) = (alone(global), alone(template));
        let shown = both.policy();
        for setting in Setting::ALL {
            let layer = both.provenance().of(*setting);
            let from = match layer {
                Layer::Template => &template,
                Layer::Global | Layer::BuiltIn => &global,
            };
            let made = from.unlisted().provenance().of(*setting) == Layer::Global;
            prop_assert_eq!(made, layer != Layer::BuiltIn);
            if layer != Layer::Template {
                let by_template = template.unlisted().provenance().of(*setting);
                prop_assert_eq!(by_template, Layer::BuiltIn);
            }
            let value = |policies: &Policies, name: &str| {
                let explained = policies.explain(&name.parse().unwrap());
                let mut settings = explained.settings().iter();
                settings.find(|it| it.setting() == *setting).unwrap().value().to_owned()
            };
            prop_assert_eq!(value(&replaced, "read-only"), value(from, "unlisted"));
            let loosened = shown.loosened(*global.unlisted().policy()).any(|it| it == *setting);
            prop_assert_eq!(both.loosened().contains(setting), loosened);
        }
    }

    #[test]
    fn policies_have_one_digest_if_they_say_the_same(one in layers(), other in layers()) {
        let built = |layer| Policies::builder().global(layer).build().unwrap();
        let (one, other) = (built(one), built(other));
        let same = one.unlisted().policy() == other.unlisted().policy();
        prop_assert_eq!(one.unlisted().digest() == other.unlisted().digest(), same);
        prop_assert_eq!(one.digest() == other.digest(), same);
    }
}

/// Takes nothing.
#[derive(Debug)]
struct Refusing;

#[async_trait::async_trait]
impl Sink for Refusing {
    async fn append(&self, _: Record) -> Result<Receipt, AppendError> {
        Err(AppendError::new(AppendErrorKind::Unavailable))
    }
}

proptest! {
    #[test]
    fn what_only_reports_denies_nobody(
        layer in layers(),
        world in worlds(),
        denied in any::<bool>(),
        refusing in any::<bool>(),
    ) {
        let unknown = if denied { UnknownTemplates::Deny } else { UnknownTemplates::Global };
        let layer = layer.mode(Mode::ReportOnly);
        let policies = Policies::builder().global(layer).unknown_templates(unknown);
        let answer = |known: &Known| match known {
            Known::Observed(finding) => Ok(*finding),
            Known::Failed(kind, _) => Err(SourceFailure::new(FAILURES.into_iter().nth(*kind).unwrap())),
        };
        let source = Scripted::new(answer(&world.own));
        source.answers.lock().unwrap().insert(entra_id(1), answer(&world.delegators));
        let sink: Arc<dyn Sink> = if refusing { Arc::new(Refusing) } else { Arc::new(MemorySink::new()) };
        let gate = Gate::builder(policies.build().unwrap(), source.shared(), Arc::new(common::clock()));
        let gate = gate.chronicle(sink, "urn:broker:test".parse().unwrap()).build().unwrap();
        let principal = common::principal().with_delegate("agent-7");
        let template = common::template();
        let request = GateRequest::new(&principal, &template, world.asker.device);
        let request = request.delegator(world.asker.delegator.unwrap_or(DeviceIdentity::Absent));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let decision = runtime.block_on(gate.evaluate(&request));
        prop_assert!(decision.is_allow());
        prop_assert!(!decision.is_enforced());
        prop_assert_eq!(decision.http_answer().status, 200);
    }
}

/// Each setting alone, from its loosest value to its tightest.
#[test]
fn each_setting_has_its_own_measure() {
    let new = PolicyLayer::new;
    let state = |set: fn(PolicyLayer, Outcome) -> PolicyLayer| {
        vec![set(new(), Outcome::Allow), set(new(), Outcome::Deny)]
    };
    let flag =
        |set: fn(PolicyLayer, bool) -> PolicyLayer| vec![set(new(), false), set(new(), true)];
    let last_known = |max_age| new().on_outage(OnOutage::LastKnownGood { max_age });
    let grace = |min_remaining| new().in_grace_period(Grace::UntilExpiry { min_remaining });
    for (setting, scale) in [
        (Setting::Required, flag(PolicyLayer::required)),
        (Setting::Strict, flag(PolicyLayer::strict)),
        (Setting::BindSubject, flag(PolicyLayer::bind_subject)),
        (
            Setting::Mode,
            vec![
                new().mode(Mode::Off),
                new().mode(Mode::ReportOnly),
                new().mode(Mode::Enforce),
            ],
        ),
        (
            Setting::MaxAge,
            vec![
                new().max_age(2 * HOUR),
                new().max_age(HOUR),
                new().max_age(Duration::ZERO),
            ],
        ),
        (
            Setting::MaxCheckInAge,
            vec![
                new().max_check_in_age(None),
                new().max_check_in_age(Some(2 * HOUR)),
                new().max_check_in_age(Some(HOUR)),
            ],
        ),
        (
            Setting::OnOutage,
            vec![
                last_known(HOUR),
                last_known(Duration::ZERO),
                new().on_outage(OnOutage::Deny),
            ],
        ),
        (
            Setting::InGracePeriod,
            vec![
                grace(Duration::ZERO),
                grace(HOUR),
                new().in_grace_period(Grace::Deny),
            ],
        ),
        (Setting::Noncompliant, state(PolicyLayer::noncompliant)),
        (Setting::Conflict, state(PolicyLayer::conflict)),
        (Setting::Error, state(PolicyLayer::error)),
        (Setting::Unknown, state(PolicyLayer::unknown)),
        (Setting::ConfigManager, state(PolicyLayer::config_manager)),
        (
            Setting::OnAuditFailure,
            vec![
                new().on_audit_failure(OnAuditFailure::BestEffort),
                new().on_audit_failure(OnAuditFailure::Deny),
            ],
        ),
        // Of a permissive policy; of a strict one, it is the other way round.
        (
            Setting::Delegates,
            vec![
                new().delegates(Delegates::OwnDevice),
                new().delegates(Delegates::DelegatorDevice),
            ],
        ),
        (
            Setting::Delegates,
            vec![
                new().strict(true).delegates(Delegates::DelegatorDevice),
                new().strict(true).delegates(Delegates::OwnDevice),
            ],
        ),
    ] {
        for (loose, one) in scale.iter().enumerate() {
            for (tight, other) in scale.iter().enumerate() {
                let built = build(*other, *one);
                if loose < tight {
                    let expected = vec![(common::template(), vec![setting])];
                    assert_eq!(built.unwrap_err(), PolicyError::Loosened(expected));
                } else {
                    assert!(built.is_ok(), "{setting} {loose} {tight}");
                }
            }
        }
    }
}
