//! Same seed, same tenant.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use intune_sim::{Device, Sim, SimConfig, StartError};

fn fixed(seed: u64, devices: usize) -> SimConfig {
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    SimConfig::default()
        .seed(seed)
        .devices(devices)
        .start_time(start)
}

#[tokio::test]
async fn a_seed_decides_everything_but_the_keys() {
    let one = Sim::start(fixed(7, 40)).await.unwrap();
    let two = Sim::start(fixed(7, 40)).await.unwrap();
    let other = Sim::start(fixed(8, 40)).await.unwrap();
    let identity = |sim: &Sim| {
        [
            sim.tenant().to_owned(),
            sim.client_id().to_owned(),
            sim.client_secret().to_owned(),
        ]
    };
    assert_eq!(identity(&one), identity(&two));
    assert_eq!(one.devices(), two.devices());
    for (mine, others) in identity(&one).iter().zip(identity(&other)) {
        assert_ne!(*mine, others);
    }
    assert_ne!(one.devices(), other.devices());
    let key = async |sim: &Sim| {
        let url = format!("{}{}/discovery/v2.0/keys", sim.authority(), sim.tenant());
        crate::client::http()
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    let modulus = |keys: String| {
        serde_json::from_str::<serde_json::Value>(&keys).unwrap()["keys"][0]["n"].to_string()
    };
    assert_ne!(modulus(key(&one).await), modulus(key(&two).await));
}

#[tokio::test]
async fn a_larger_tenant_holds_the_smaller_one() {
    let small = Sim::start(fixed(3, 12)).await.unwrap();
    let large = Sim::start(fixed(3, 200)).await.unwrap();
    for device in small.devices() {
        assert_eq!(large.device(device.id()), Some(device));
    }
    let ids: BTreeSet<String> = large
        .devices()
        .iter()
        .map(|device| device.id().to_owned())
        .collect();
    assert_eq!(ids.len(), 200);
    let compliant = large
        .devices()
        .iter()
        .filter(|d| d.text("complianceState") == "compliant")
        .count();
    assert!((120..200).contains(&compliant), "{compliant}");
}

#[tokio::test]
async fn twelve_devices_hold_one_of_every_kind() {
    let sim = Sim::start(fixed(1, 12)).await.unwrap();
    let devices = sim.devices();
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for device in &devices {
        *states
            .entry(device.text("complianceState").to_owned())
            .or_default() += 1;
    }
    for state in [
        "noncompliant",
        "inGracePeriod",
        "conflict",
        "error",
        "unknown",
        "configManager",
    ] {
        assert!(states.contains_key(state), "{state}");
    }
    assert!(states.contains_key("quarantined"), "an undeclared state");
    let with = |property: &str, value: &str| -> Vec<&Device> {
        devices
            .iter()
            .filter(|device| device.text(property) == value)
            .collect()
    };
    assert_eq!(with("managementState", "wipePending").len(), 1);
    assert_eq!(
        with("azureADDeviceId", "00000000-0000-0000-0000-000000000000").len(),
        1
    );
    let grace = with("complianceState", "inGracePeriod")[0];
    assert!(grace.text("complianceGracePeriodExpirationDateTime") > grace.text("lastSyncDateTime"));
    let twice = devices
        .iter()
        .find(|d| with("azureADDeviceId", d.entra_device_id()).len() == 2);
    let twice = twice.expect("a device with two records");
    let records = with("azureADDeviceId", twice.entra_device_id());
    assert_ne!(records[0].id(), records[1].id());
    assert_ne!(
        records[0].text("lastSyncDateTime"),
        records[1].text("lastSyncDateTime")
    );
    for device in &devices {
        assert!(device.get("id").is_some() && device.entra_device_id().len() == 36);
    }
}

#[tokio::test]
async fn given_ids_win_over_the_seed() {
    let tenant = "11111111-2222-4333-8444-555555555555";
    let client = "AAAAAAAA-2222-4333-8444-555555555555";
    let config = SimConfig::default()
        .tenant(tenant)
        .client_id(client)
        .client_secret("s3cret");
    assert!(!format!("{config:?}").contains("s3cret"));
    let sim = Sim::start(config).await.unwrap();
    assert_eq!(sim.tenant(), tenant);
    assert_eq!(sim.client_id(), client.to_lowercase());
    assert_eq!(sim.client_secret(), "s3cret");
    assert!(!format!("{sim:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_start_that_cant_be_is_refused() {
    let public = SimConfig::default().listen("0.0.0.0:0".parse().unwrap());
    assert!(matches!(
        Sim::start(public).await,
        Err(StartError::NotLoopback(_))
    ));
    let name = SimConfig::default().tenant("contoso");
    assert!(matches!(
        Sim::start(name).await,
        Err(StartError::NotAGuid { .. })
    ));
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let taken = format!("127.0.0.1:{}", sim.base_url().port().unwrap())
        .parse()
        .unwrap();
    let again = SimConfig::default().listen(taken);
    assert!(matches!(
        Sim::start(again).await,
        Err(StartError::Listen { .. })
    ));
}
