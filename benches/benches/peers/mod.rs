//! What the paths are measured beside: other caches as they come, a map that nobody changes, and the clocks of `std`.

use std::{
    collections::HashMap,
    future::Future,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwap;
use benches::{Fleet, Measure};
use cached::{ShardedLruCache, ShardedLruTtlCache, ShardedTtlCache, proc_macro::cached};
use foldhash::fast::RandomState;
use intune_core::{EntraDeviceId, Observation};

/// As many as `CachedCompliance::new` has room for.
const CAPACITY: usize = 100_000;
/// Longer than any run.
const TTL: Duration = Duration::from_secs(24 * 3600);

/// The caches, with every device in them.
pub(crate) struct Peers {
    lru: ShardedLruCache<EntraDeviceId, Observation>,
    ttl: ShardedTtlCache<EntraDeviceId, Observation>,
    lru_ttl: ShardedLruTtlCache<EntraDeviceId, Observation>,
    quick: quick_cache::sync::Cache<EntraDeviceId, Observation>,
    moka: moka::future::Cache<EntraDeviceId, Observation>,
    map: ArcSwap<HashMap<EntraDeviceId, Observation, RandomState>>,
}

#[cached(ttl_secs = 86_400)]
async fn remembered(device: EntraDeviceId) -> Observation {
    let _ = device;
    Fleet::observation()
}

impl Peers {
    pub(crate) fn new(fleet: &Fleet) -> Self {
        let known = Fleet::observation();
        let peers = Self {
            lru: ShardedLruCache::new(CAPACITY),
            ttl: ShardedTtlCache::new(TTL),
            lru_ttl: ShardedLruTtlCache::new(CAPACITY, TTL),
            quick: quick_cache::sync::Cache::new(CAPACITY),
            moka: moka::future::Cache::builder()
                .max_capacity(CAPACITY as u64)
                .time_to_live(TTL)
                .build(),
            map: ArcSwap::from_pointee(fleet.devices.iter().map(|&id| (id, known)).collect()),
        };
        for &device in &fleet.devices {
            peers.lru.set(device, known);
            peers.ttl.set(device, known);
            peers.lru_ttl.set(device, known);
            peers.quick.insert(device, known);
            wait(peers.moka.insert(device, known));
            wait(remembered(device));
        }
        wait(peers.moka.run_pending_tasks());
        peers
    }

    pub(crate) fn measure_gets(&self, measure: &mut impl Measure) {
        measure.by_device("ArcSwap<HashMap>::get", |device| {
            *self.map.load().get(device).expect("it is in the map")
        });
        measure.by_device("cached::ShardedLruCache::get", |device| {
            self.lru.get(device).expect("it is in the cache")
        });
        measure.by_device("cached::ShardedTtlCache::get", |device| {
            self.ttl.get(device).expect("it is in the cache")
        });
        measure.by_device("cached::ShardedLruTtlCache::get", |device| {
            self.lru_ttl.get(device).expect("it is in the cache")
        });
        measure.by_device("#[cached(ttl_secs)] async fn", |&device| {
            wait_for(remembered(device), |known| {
                black_box(known);
            });
        });
        measure.by_device("quick_cache::sync::Cache::get", |device| {
            self.quick.get(device).expect("it is in the cache")
        });
        measure.by_device("moka::future::Cache::get", |device| {
            wait_for(self.moka.get(device), |known| {
                assert!(black_box(known).is_some());
            });
        });
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the clocks of `std` are what is measured"
    )]
    #[allow(
        dead_code,
        clippy::allow_attributes,
        reason = "not every bench has time"
    )]
    pub(crate) fn measure_rest(measure: &mut impl Measure) {
        measure.by_device("the loop alone", |&device| device);
        measure.by_itself("Instant::now and SystemTime::now", || {
            (Instant::now(), SystemTime::now())
        });
    }
}

/// Polls until it is ready, which is at once but for the upkeep of some.
fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// As [`wait`], but looks at the output where the poll left it.
fn wait_for<F: Future, R>(future: F, look: impl FnOnce(&F::Output) -> R) -> R {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = &future.as_mut().poll(&mut context) {
            return look(output);
        }
    }
}
