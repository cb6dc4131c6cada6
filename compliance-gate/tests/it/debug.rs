//! What a log shows of a cache and of a layer.

use std::{sync::Arc, time::Duration};

use crate::common::{Scripted, clock, entra_id, found, now, settle, template};
use compliance_gate::{CachedCompliance, Gate, GateLayer, Policies};
use intune_core::{ComplianceSource, ComplianceState, Freshness};

#[tokio::test]
async fn a_cache_shows_how_much_is_kept_and_under_way() {
    let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
    let cache = CachedCompliance::new(source.clone());
    let asked = Freshness {
        now: now(),
        max_age: Duration::from_secs(300),
    };
    source.release(2);
    for n in 0..2 {
        cache.compliance(entra_id(n), asked).await.unwrap();
    }
    let waiting: Vec<_> = (10..13)
        .map(|n| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.compliance(entra_id(n), asked).await })
        })
        .collect();
    settle().await;
    let shown = format!("{cache:?}");
    assert!(shown.contains("kept: 2, look_ups: 3"), "{shown}");
    source.release(3);
    for each in waiting {
        each.await.unwrap().unwrap();
    }
    // What has landed and was fetched is over.
    let shown = format!("{cache:?}");
    assert!(shown.contains("kept: 5, look_ups: 0"), "{shown}");
}

#[test]
fn a_layer_shows_its_gate_and_whether_it_looks_live() {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let policies = Policies::builder().build().unwrap();
    let digest = policies.digest().to_owned();
    let gate = Gate::builder(policies, source, Arc::new(clock()));
    let gate = gate.unrecorded().build().unwrap();
    let layer = GateLayer::new(gate, template());
    assert!(format!("{layer:?}").contains("live: false"));
    let shown = format!("{:?}", layer.live());
    assert!(shown.contains("live: true") && shown.contains(&digest));
}
