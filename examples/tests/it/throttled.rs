//! A service that asks to be left alone is left alone, by everybody, and asked again when it said.

use std::{sync::Arc, time::Duration};

use clock::{Clock as _, ManualClock, SystemClock};
use serde_json::json;

use crate::{
    look_ups::is_unavailable,
    running::Running,
    shapes::{error, gateway},
    tenant::{Answer, DEVICE, Tenant, device, now, page},
};

fn busy(retry_after: impl ToString) -> Answer {
    error(429, &gateway("TooManyRequests")).with("retry-after", retry_after)
}

const OTHER: &str = "33333333-4444-4555-8666-777777777700";

#[tokio::test]
async fn a_day_is_answered_at_once_and_nobody_asks_meanwhile() {
    let tenant = Tenant::start().await;
    tenant.devices(|_| busy(86_400));
    let host = Running::over(&tenant).await;
    let clock = SystemClock::new();
    let begun = clock.now();
    for deviceid in [DEVICE, OTHER, DEVICE] {
        let token = tenant.token(json!({"deviceid": deviceid}));
        let answer = host.authorize(&token, "device-management").await;
        assert!(is_unavailable(&answer), "{answer:?}");
        let seconds: u64 = answer.headers["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=86_400).contains(&seconds), "{seconds}");
    }
    let took = clock.now().since(begun);
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(tenant.look_ups(), 1);
    for record in host.records() {
        assert_eq!(record["data"]["source_error"]["kind"], "throttled");
    }
    assert_eq!(host.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn it_is_asked_again_after_a_minute_at_most_and_no_sooner_than_it_said() {
    for (asked_for, waits) in [(86_400, 60), (40, 40)] {
        let tenant = Tenant::start().await;
        let clock = ManualClock::new(now());
        let host = Running::timed_by(&tenant, Arc::new(clock.clone())).await;
        tenant.devices(move |_| busy(asked_for));
        let token = tenant.token(json!({}));
        let ask = || host.authorize(&token, "device-management");
        assert!(is_unavailable(&ask().await));
        tenant.devices(|_| page(&[device("compliant")]));
        // Longer than a call can wait.
        clock.advance(Duration::from_secs(waits - 15));
        assert!(is_unavailable(&ask().await));
        assert_eq!(tenant.look_ups(), 1);
        clock.advance(Duration::from_secs(16));
        assert_eq!(ask().await.line(), "200 compliant live", "{asked_for}");
        assert_eq!(tenant.look_ups(), 2);
    }
}

#[tokio::test]
async fn a_pause_that_is_short_enough_is_waited_for() {
    let tenant = Tenant::start().await;
    let clock = ManualClock::new(now());
    let host = Running::timed_by(&tenant, Arc::new(clock.clone())).await;
    let teller = tenant.clone();
    tenant.devices(move |_| match teller.look_ups() {
        1 => busy(3),
        _ => page(&[device("compliant")]),
    });
    let token = tenant.token(json!({}));
    let asks = host.authorize(&token, "device-management");
    let time = async {
        while tenant.look_ups() == 0 {
            tokio::task::yield_now().await;
        }
        // A little at a time, lest it passes before the wait begins.
        while tenant.look_ups() < 2 {
            assert!(clock.now().wall < now().saturating_add(Duration::from_secs(3_600)));
            clock.advance(Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
        clock.now()
    };
    let begun = clock.now();
    let (answer, asked_again) = tokio::join!(asks, time);
    assert_eq!(answer.line(), "200 compliant live");
    assert!(asked_again.since(begun) >= Duration::from_secs(3));
}
