//! The cache against models, in orders of events that chance finds.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use crate::common::{self, Scripted, clock, device, entra_id, found};
use async_trait::async_trait;
use clock::{Clock, ManualClock, Timestamp};
use compliance_gate::CachedCompliance;
use intune_core::{
    ComplianceSource, ComplianceState, EntraDeviceId, Finding, Freshness, Invalidation,
    ManagedDeviceId, Observation, Served, SourceFailure, SourceFailureKind,
};
use proptest::prelude::*;
use tokio::{sync::oneshot, task::JoinHandle};

const DEVICES: u32 = 3;

#[derive(Clone, Debug)]
enum Action {
    Ask {
        device: u32,
        max_age: u64,
    },
    Peek {
        device: u32,
        max_age: u64,
    },
    Change {
        device: u32,
        answer: u8,
    },
    Invalidate(What),
    Advance {
        seconds: u64,
    },
    Land {
        nth: prop::sample::Index,
        answered: bool,
    },
    Leave {
        nth: prop::sample::Index,
    },
}

#[derive(Clone, Copy, Debug)]
enum What {
    Device(u32),
    Managed(u32),
    All,
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        (0..DEVICES).prop_map(What::Device),
        (0..DEVICES).prop_map(What::Managed),
        Just(What::All),
    ]
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let device = 0..DEVICES;
    let max_age = prop_oneof![Just(0), Just(20), Just(45), Just(300), Just(3000)];
    let asked = (device.clone(), max_age);
    let action = prop_oneof![
        4 => asked.clone().prop_map(|(device, max_age)| Action::Ask { device, max_age }),
        2 => asked.prop_map(|(device, max_age)| Action::Peek { device, max_age }),
        2 => (device, 0..4_u8).prop_map(|(device, answer)| Action::Change { device, answer }),
        1 => what().prop_map(Action::Invalidate),
        2 => (1..200_u64).prop_map(|seconds| Action::Advance { seconds }),
        3 => any::<(prop::sample::Index, bool)>().prop_map(|(nth, answered)| Action::Land { nth, answered }),
        1 => any::<prop::sample::Index>().prop_map(|nth| Action::Leave { nth }),
    ];
    prop::collection::vec(action, 1..80)
}

fn managed_id(n: u32) -> ManagedDeviceId {
    format!("11111111-2222-4333-8444-{:012x}", n + 1)
        .parse()
        .unwrap()
}

fn finding(n: u32, state: ComplianceState) -> Finding {
    let mut found = device(state);
    found.managed_device_id = managed_id(n);
    Finding::Device(found)
}

fn invalidation(what: What) -> Invalidation {
    match what {
        What::Device(n) => Invalidation::Device(entra_id(n)),
        What::Managed(n) => Invalidation::ManagedDevice(managed_id(n)),
        What::All => Invalidation::All,
    }
}

/// How long what was found may serve, in seconds.
fn lifetime(finding: &Finding) -> u64 {
    match finding {
        Finding::NotFound => 30,
        Finding::Device(found) if found.state == ComplianceState::Compliant => u64::MAX,
        _ => 60,
    }
}

proptest! {
    /// One after the other: a map of what was seen when.
    #[test]
    fn it_behaves_like_a_map_with_ages(actions in actions()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
        let cache = CachedCompliance::builder(source.clone()).jitter_percent(0).build();
        let clock = clock();
        let mut truth: HashMap<u32, Result<Finding, SourceFailure>> = HashMap::new();
        for n in 0..DEVICES {
            truth.insert(n, Ok(finding(n, ComplianceState::Compliant)));
            source.answers.lock().unwrap().insert(entra_id(n), truth[&n].clone());
        }
        let mut seen: HashMap<u32, (u64, Finding)> = HashMap::new();
        let mut elapsed = 0_u64;
        for action in actions {
            match action {
                Action::Ask { device, max_age } | Action::Peek { device, max_age } => {
                    let asked = Freshness { now: clock.now(), max_age: Duration::from_secs(max_age) };
                    let fresh = seen.get(&device).filter(|(at, finding)| {
                        elapsed - at < max_age.min(lifetime(finding))
                    });
                    let fresh = fresh.map(|(_, finding)| *finding);
                    let peeked = cache.peek(entra_id(device), asked);
                    prop_assert_eq!(peeked.map(|kept| kept.finding), fresh);
                    if matches!(action, Action::Peek { .. }) {
                        continue;
                    }
                    let answer = runtime.block_on(cache.compliance(entra_id(device), asked));
                    match (fresh, truth[&device].clone()) {
                        (Some(finding), _) => {
                            let answer = answer.unwrap();
                            prop_assert_eq!((answer.finding, answer.served), (finding, Served::Cache));
                        }
                        (None, Ok(finding)) => {
                            let answer = answer.unwrap();
                            prop_assert_eq!((answer.finding, answer.served), (finding, Served::Live));
                            seen.insert(device, (elapsed, finding));
                        }
                        (None, Err(failure)) => {
                            let answer = answer.unwrap_err();
                            prop_assert_eq!(answer.kind(), failure.kind());
                            let known = answer.last_known().map(|known| known.finding);
                            prop_assert_eq!(known, seen.get(&device).map(|(_, finding)| *finding));
                        }
                    }
                }
                Action::Change { device, answer } => {
                    let answer = match answer {
                        0 => Ok(finding(device, ComplianceState::Compliant)),
                        1 => Ok(finding(device, ComplianceState::Noncompliant)),
                        2 => Ok(Finding::NotFound),
                        _ => Err(SourceFailure::new(SourceFailureKind::Throttled)),
                    };
                    truth.insert(device, answer.clone());
                    source.answers.lock().unwrap().insert(entra_id(device), answer);
                }
                Action::Invalidate(what) => {
                    cache.invalidate(invalidation(what));
                    match what {
                        What::Device(n) => drop(seen.remove(&n)),
                        What::Managed(n) => seen.retain(|device, (_, finding)| {
                            *device != n || *finding == Finding::NotFound
                        }),
                        What::All => seen.clear(),
                    }
                }
                Action::Advance { seconds } => {
                    clock.advance(Duration::from_secs(seconds));
                    elapsed += seconds;
                }
                Action::Land { .. } | Action::Leave { .. } => {}
            }
        }
        let counters = cache.counters();
        let not_found = seen.values().filter(|(_, finding)| *finding == Finding::NotFound).count();
        prop_assert_eq!((counters.devices, counters.not_found), (seen.len() - not_found, not_found));
    }
}

/// The service, whose look-ups end when the test says. A device's check-in says how often it has changed.
#[derive(Debug, Default)]
struct Service {
    versions: [AtomicU64; DEVICES as usize],
    /// What nobody may be told of a device any more: all before this version.
    valid_from: [AtomicU64; DEVICES as usize],
    under_way: Mutex<Vec<oneshot::Sender<bool>>>,
}

fn number(device: EntraDeviceId) -> usize {
    (0..DEVICES).position(|n| entra_id(n) == device).unwrap()
}

fn version(observation: &Observation) -> Option<u64> {
    match observation.finding {
        Finding::Device(found) => found.last_check_in?.unix_millis().try_into().ok(),
        _ => None,
    }
}

#[async_trait]
impl ComplianceSource for Service {
    async fn compliance(
        &self,
        device: EntraDeviceId,
        asked: Freshness,
    ) -> Result<Observation, SourceFailure> {
        let n = number(device);
        let version = self.versions[n].load(SeqCst);
        let (end, ended) = oneshot::channel();
        self.under_way.lock().unwrap().push(end);
        if !ended.await.unwrap_or(false) {
            return Err(SourceFailure::new(SourceFailureKind::Unavailable));
        }
        let mut found = common::device(match version % 3 {
            0 => ComplianceState::Noncompliant,
            _ => ComplianceState::Compliant,
        });
        found.managed_device_id = managed_id(u32::try_from(n).unwrap());
        found.last_check_in = Some(Timestamp::from_unix_millis(version.try_into().unwrap()));
        Ok(Observation::live(asked.now, Finding::Device(found)))
    }
}

impl Service {
    fn change(&self, what: What) -> Vec<usize> {
        let changed: Vec<_> = match what {
            What::Device(n) | What::Managed(n) => vec![n as usize],
            What::All => (0..DEVICES as usize).collect(),
        };
        for &n in &changed {
            self.versions[n].fetch_add(1, SeqCst);
        }
        changed
    }

    /// What must be true of each answer when it is handed out.
    fn check(&self, device: usize, asked: Freshness, answer: &Result<Observation, SourceFailure>) {
        let told = match answer {
            Ok(observation) => {
                if observation.served == Served::Cache {
                    assert!(asked.accepts(observation.observed_at), "it is too old");
                    let age = asked.now.since(observation.observed_at).as_secs();
                    assert!(
                        age < lifetime(&observation.finding),
                        "it is too old for its state"
                    );
                }
                Some(*observation)
            }
            Err(failure) => failure.last_known(),
        };
        let version = told.as_ref().and_then(version);
        let valid_from = self.valid_from[device].load(SeqCst);
        assert!(
            version.is_none_or(|version| version >= valid_from),
            "it was invalidated"
        );
    }
}

/// Lets those go on who can.
async fn turn() {
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
}

async fn interleave(actions: Vec<Action>) {
    let service = Arc::new(Service::default());
    let clock: ManualClock = clock();
    let cache = CachedCompliance::builder(service.clone())
        .clock(Arc::new(clock.clone()))
        .build();
    let refreshed = cache.clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let refreshing = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        refreshed.refresh_until(stopped).await;
    });
    let asked = |max_age| Freshness {
        now: clock.now(),
        max_age: Duration::from_secs(max_age),
    };
    let mut askers: Vec<JoinHandle<()>> = Vec::new();
    for action in actions {
        match action {
            Action::Ask { device, max_age } => {
                let (cache, service, asked) = (cache.clone(), service.clone(), asked(max_age));
                askers.push(tokio::spawn(async move {
                    let answer = cache.compliance(entra_id(device), asked).await;
                    service.check(device as usize, asked, &answer);
                }));
            }
            Action::Peek { device, max_age } => {
                if let Some(kept) = cache.peek(entra_id(device), asked(max_age)) {
                    service.check(device as usize, asked(max_age), &Ok(kept));
                }
            }
            Action::Change { device, .. } => drop(service.change(What::Device(device))),
            Action::Invalidate(what) => {
                let changed = service.change(what);
                cache.invalidate(invalidation(what));
                for n in changed {
                    service.valid_from[n].store(service.versions[n].load(SeqCst), SeqCst);
                }
            }
            // So that not all that is asked for is too old at once.
            Action::Advance { seconds } => clock.advance(Duration::from_millis(seconds * 100)),
            Action::Land { nth, answered } => {
                let mut under_way = service.under_way.lock().unwrap();
                if !under_way.is_empty() {
                    let nth = nth.index(under_way.len());
                    let _ = under_way.remove(nth).send(answered);
                }
            }
            Action::Leave { nth } => {
                if !askers.is_empty() {
                    askers.swap_remove(nth.index(askers.len())).abort();
                }
            }
        }
        turn().await;
    }
    drop(stop);
    refreshing.await.unwrap();
    // Whatever is still under way ends at its deadline at the latest, and the next one, and the last one.
    for _ in 0..3 {
        turn().await;
        clock.advance(Duration::from_secs(10));
    }
    for asker in askers {
        asker.await.unwrap();
    }
    assert!(format!("{cache:?}").contains("look_ups: 0"), "{cache:?}");
    let counters = cache.counters();
    assert!(counters.failures <= counters.look_ups && counters.shared <= counters.misses);
}

proptest! {
    /// At the same time: look-ups that end in any order, askers who leave, somebody who looks up ahead. Nobody is
    /// told what was invalidated, or what is too old, and nobody waits for ever.
    #[test]
    fn nothing_old_is_handed_out_in_any_order_of_events(actions in actions()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(interleave(actions));
    }
}
