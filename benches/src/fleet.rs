use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use clock::{Clock as _, Moment, SystemClock};
use compliance_gate::CachedCompliance;
use intune_core::{
    ComplianceSource, ComplianceState, DeviceCompliance, EntraDeviceId, Finding, Freshness,
    Observation, SourceFailure,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use uuid::{Builder, Uuid};

use crate::ready;

/// How many devices there are.
pub const DEVICES: usize = 10_000;

/// The devices that are asked for: the same ones, in the same order, every time.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// In the order in which they come into a cache.
    pub devices: Vec<EntraDeviceId>,
    /// In the order in which they are asked for, which is another one.
    pub visits: Vec<EntraDeviceId>,
}

impl Fleet {
    /// Makes [`DEVICES`] devices with random ids.
    #[must_use]
    pub fn new() -> Self {
        let mut random = StdRng::seed_from_u64(2026);
        let devices = Self::ids(DEVICES);
        let mut visits = devices.clone();
        visits.shuffle(&mut random);
        Self { devices, visits }
    }

    /// Makes so many random ids.
    #[must_use]
    pub fn ids(devices: usize) -> Vec<EntraDeviceId> {
        let mut random = StdRng::seed_from_u64(2027);
        (0..devices)
            .map(|_| id(Builder::from_random_bytes(random.random()).into_uuid()))
            .collect()
    }
}

impl Default for Fleet {
    fn default() -> Self {
        Self::new()
    }
}

fn id(uuid: Uuid) -> EntraDeviceId {
    let text = uuid.to_string();
    text.parse().expect("a random UUID is a device id")
}

/// A source to which every device is compliant, and which counts how often it is asked.
#[derive(Debug, Default)]
pub(crate) struct AllCompliant {
    asked: AtomicUsize,
}

/// A cache with room for these devices, or 100,000, and all of them in it as of `now`.
///
/// # Panics
///
/// If the source was not asked for each of them.
#[must_use]
pub fn filled_at(ids: &[EntraDeviceId], now: Moment) -> CachedCompliance {
    let capacity = NonZeroUsize::new(ids.len().max(100_000)).unwrap_or(NonZeroUsize::MIN);
    let source = Arc::new(AllCompliant::default());
    let cache = CachedCompliance::builder(source.clone()).capacity(capacity);
    let cache = cache.build();
    let max_age = Duration::from_secs(300);
    for &device in ids {
        ready(cache.compliance(device, Freshness { now, max_age }))
            .expect("every device is compliant");
    }
    assert_eq!(source.asked(), ids.len());
    cache
}

/// As [`filled_at`] the present.
#[must_use]
pub fn filled(ids: &[EntraDeviceId]) -> CachedCompliance {
    filled_at(ids, SystemClock::new().now())
}

impl AllCompliant {
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl ComplianceSource for AllCompliant {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(compliant(freshness.now))
    }
}

fn compliant(now: Moment) -> Observation {
    let device = DeviceCompliance {
        managed_device_id: "11111111-2222-4333-8444-555555555555"
            .parse()
            .expect("it is a GUID"),
        user_id: Some(
            "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
                .parse()
                .expect("it is a GUID"),
        ),
        state: ComplianceState::Compliant,
        grace_expires_at: None,
        last_check_in: Some(now.wall.saturating_sub(Duration::from_secs(3600))),
        being_removed: false,
        records: 1,
    };
    Observation::live(now, Finding::Device(device))
}

impl Fleet {
    /// What is known of each device.
    #[must_use]
    pub fn observation() -> Observation {
        compliant(SystemClock::new().now())
    }
}
