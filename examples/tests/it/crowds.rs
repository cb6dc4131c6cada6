//! Crowds before a service that is out: few requests, an answer for everybody, and no harm left behind.

use clock::{Clock as _, SystemClock};
use compliance_gate::{DeviceIdentity, GateRequest};
use futures_util::future::join_all;
use intune_core::Principal;
use serde_json::json;

use crate::{
    look_ups::{DEADLINE, is_unavailable},
    running::{Answered, Running},
    tenant::{Answer, Tenant, device, page},
};

const CROWD: usize = 200;
/// 12 in flight, and 4 repetitions.
const MOST: usize = 16;

fn device_id(number: usize) -> String {
    format!("33333333-4444-4555-8666-{number:012}")
}

/// Tokens of users on devices of their own, or all on one.
fn tokens(tenant: &Tenant, devices: usize) -> Vec<String> {
    let of_device = |number| tenant.token(json!({"deviceid": device_id(number % devices)}));
    (0..CROWD).map(of_device).collect()
}

/// What each is answered, all of whom ask at once.
async fn all(host: &Running, tokens: &[String]) -> Vec<Answered> {
    let tokens = tokens.iter();
    join_all(tokens.map(|token| host.authorize(token, "device-management"))).await
}

async fn crowd(devices: usize, fault: fn() -> Answer, most: usize) {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let tokens = tokens(&tenant, devices);
    // Keys and a Graph token are at hand, so that the crowd arrives at once.
    assert_eq!(host.get("/readyz").await.status, 200);
    tenant.devices(move |_| fault());
    let clock = SystemClock::new();

    let begun = clock.now();
    let answers = all(&host, &tokens).await;
    let took = clock.now().since(begun);
    for answer in &answers {
        assert!(is_unavailable(answer), "{answer:?}");
    }
    assert!(took <= DEADLINE, "{took:?}");
    let asked = tenant.look_ups();
    assert!(asked <= most, "{devices} devices: {asked} requests");
    assert_eq!(tenant.calls("/token").len(), 1);
    assert_eq!(host.records().len(), CROWD);

    let with_any_id = |call: &crate::tenant::Call| {
        let query: String = url::form_urlencoded::parse(call.query.as_bytes())
            .find_map(|(name, value)| (name == "$filter").then(|| value.into_owned()))
            .unwrap();
        let mut record = device("compliant");
        record["azureADDeviceId"] = json!(query.split('\'').nth(1).unwrap());
        page(&[record])
    };
    tenant.devices(with_any_id);
    let recovered = all(&host, &tokens).await;
    for answer in &recovered {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(tenant.look_ups() - asked, devices);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_arrives_bit_by_bit_asks_a_service_that_fails_at_once_seldom() {
    // Who arrives when the last exchange is over tries anew, and on a busy machine some do.
    crowd(1, || Answer::web_page(503), MOST).await;
    crowd(CROWD, || Answer::web_page(503), CROWD / 4).await;
}

/// Without sockets in between, all are there before the first is answered.
#[tokio::test]
async fn a_crowd_that_is_there_at_once_asks_a_service_that_fails_no_more_often_than_a_few() {
    for (devices, most) in [(1, 3), (CROWD, MOST)] {
        let tenant = Tenant::start().await;
        let host = Running::over(&tenant).await;
        assert_eq!(host.get("/readyz").await.status, 200);
        tenant.devices(|_| Answer::web_page(503));
        let adele = Principal::new("https://sso.example", "adele");
        let template = "device-management".parse().unwrap();
        let requests: Vec<_> = (0..CROWD)
            .map(|number| {
                let id = device_id(number % devices).parse().unwrap();
                GateRequest::new(&adele, &template, DeviceIdentity::Present(id))
            })
            .collect();
        let decisions = requests.iter().map(|request| host.gate.evaluate(request));
        for decision in join_all(decisions).await {
            assert!(!decision.is_allow());
            assert!(decision.retry_after().is_some());
        }
        let asked = tenant.look_ups();
        assert!(asked <= most, "{devices} devices: {asked} requests");
    }
}

/// Crowds before a service that hangs, which take the whole deadline.
pub(crate) async fn before_silence() {
    let hangs = || Answer::Silence;
    tokio::join!(crowd(1, hangs, 3), crowd(CROWD, hangs, MOST));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_which_each_was_told_to_come_back_tomorrow_asks_no_more() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    tenant.devices(|_| Answer::text(429, "{}").with("retry-after", 86_400));
    let first = host
        .authorize(&tenant.token(json!({})), "device-management")
        .await;
    assert!(is_unavailable(&first), "{first:?}");
    assert_eq!(tenant.look_ups(), 1);
    let tokens = tokens(&tenant, CROWD);
    let clock = SystemClock::new();
    let begun = clock.now();
    let answers = all(&host, &tokens).await;
    let took = clock.now().since(begun);
    assert!(answers.iter().all(is_unavailable));
    assert!(took < DEADLINE, "{took:?}");
    assert_eq!(tenant.look_ups(), 1);
}
