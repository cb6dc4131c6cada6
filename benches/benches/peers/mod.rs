//! What the paths are measured beside: the caches of `cached` as they come, and the clocks of `std`.

use std::time::{Duration, Instant, SystemTime};

use benches::{Fleet, Measure};
use cached::{ShardedLruCache, ShardedLruTtlCache, ShardedTtlCache};
use intune_core::{EntraDeviceId, Observation};

/// As many as `CachedCompliance::new` has room for.
const CAPACITY: usize = 100_000;
/// Longer than any run.
const TTL: Duration = Duration::from_secs(24 * 3600);

#[expect(
    clippy::disallowed_methods,
    reason = "the clocks of `std` are what is measured"
)]
pub(crate) fn measure(fleet: &Fleet, measure: &mut impl Measure) {
    let known = Fleet::observation();
    let lru: ShardedLruCache<EntraDeviceId, Observation> = ShardedLruCache::new(CAPACITY);
    let ttl: ShardedTtlCache<EntraDeviceId, Observation> = ShardedTtlCache::new(TTL);
    let lru_ttl: ShardedLruTtlCache<EntraDeviceId, Observation> =
        ShardedLruTtlCache::new(CAPACITY, TTL);
    for &device in &fleet.devices {
        lru.set(device, known);
        ttl.set(device, known);
        lru_ttl.set(device, known);
    }
    measure.by_device("the loop alone", |&device| device);
    measure.by_device("cached::ShardedLruCache::get", |device| {
        lru.get(device).expect("it is in the cache")
    });
    measure.by_device("cached::ShardedTtlCache::get", |device| {
        ttl.get(device).expect("it is in the cache")
    });
    measure.by_device("cached::ShardedLruTtlCache::get", |device| {
        lru_ttl.get(device).expect("it is in the cache")
    });
    measure.by_itself("Instant::now and SystemTime::now", || {
        (Instant::now(), SystemTime::now())
    });
}
