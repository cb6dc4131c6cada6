//! The hits that are said to allocate nothing, counted.

use std::{collections::BTreeMap, hint::black_box};

use benches::{DEVICES, Fleet, Hits, Measure};
use intune_core::EntraDeviceId;

struct Counts {
    visits: Vec<EntraDeviceId>,
    by_name: BTreeMap<String, u64>,
}

impl Measure for Counts {
    fn by_device<R>(&mut self, name: &str, path: impl Fn(&EntraDeviceId) -> R + Sync) {
        self.by_device_in_rounds(name, path, || ());
    }

    fn by_device_in_rounds<R>(
        &mut self,
        name: &str,
        path: impl Fn(&EntraDeviceId) -> R + Sync,
        rest: impl Fn() + Sync,
    ) {
        let all = || {
            for device in &self.visits {
                black_box(path(device));
            }
        };
        // What is made once is not counted.
        all();
        rest();
        let counted = allocation_counter::measure(all);
        rest();
        self.by_name.insert(name.to_owned(), counted.count_total);
    }

    fn by_itself<R>(&mut self, name: &str, path: impl Fn() -> R + Sync) {
        self.by_device(name, |_| path());
    }
}

#[test]
fn a_hit_allocates_nothing() {
    let fleet = Fleet::new();
    let mut counts = Counts {
        visits: fleet.visits.clone(),
        by_name: BTreeMap::new(),
    };
    Hits::new(fleet).measure(&mut counts);
    for path in [
        "CachedCompliance::peek",
        "Gate::evaluate, unrecorded",
        "EntraClient::peek",
        "EntraClient::token",
    ] {
        assert_eq!(counts.by_name[path], 0, "{path}");
    }
    // The queue grows by blocks of 31 records.
    let buffered = counts.by_name["Gate::evaluate, buffered"];
    assert!(buffered <= (DEVICES / 31 + 1) as u64, "{buffered}");
    // The counter counts.
    assert!(counts.by_name["Gate::evaluate, recorded"] > 0);
}
