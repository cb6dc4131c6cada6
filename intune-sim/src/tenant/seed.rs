//! A tenant grown from a number.

use chrono::{DateTime, Duration, Utc};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::device::Device;
use crate::time::wire_date;

/// The names and credentials of a tenant.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) tenant: String,
    pub(crate) realm: &'static str,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// The object id of the user that tokens are minted for by default.
    pub(crate) user: String,
}

const REALMS: [&str; 6] = [
    "contoso", "fabrikam", "tailspin", "wingtip", "adatum", "litware",
];
const SECRET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
const NAMES: [(&str, &str); 8] = [
    ("adele", "Adele Vance"),
    ("alex", "Alex Wilber"),
    ("diego", "Diego Siciliani"),
    ("grady", "Grady Archie"),
    ("isaiah", "Isaiah Langer"),
    ("lidia", "Lidia Holloway"),
    ("megan", "Megan Bowen"),
    ("nestor", "Nestor Wilke"),
];
/// Operating system, version, manufacturer, model, enrolment, agent.
const HARDWARE: [(&str, &str, &str, &str, &str, &str); 5] = [
    (
        "Windows",
        "10.0.26100.2314",
        "Dell Inc.",
        "Latitude 5450",
        "windowsAzureADJoin",
        "mdm",
    ),
    (
        "Windows",
        "10.0.22631.4460",
        "LENOVO",
        "ThinkPad T14",
        "windowsAutoEnrollment",
        "mdm",
    ),
    (
        "macOS",
        "15.1 (24B83)",
        "Apple",
        "MacBook Pro",
        "userEnrollment",
        "mdm",
    ),
    ("iOS", "18.1", "Apple", "iPhone 15", "userEnrollment", "mdm"),
    // Neither the enrolment type nor the agent is declared in v1.0; the service sends them all the same.
    (
        "Android",
        "15",
        "Google",
        "Pixel 9",
        "androidAOSPUserOwnedDeviceEnrollment",
        "intuneAosp",
    ),
];

impl Identity {
    pub(crate) fn grow(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let letter = |rng: &mut StdRng| char::from(*pick(rng, SECRET).unwrap_or(&b'A'));
        Self {
            tenant: guid(&mut rng),
            realm: pick(&mut rng, &REALMS).copied().unwrap_or("contoso"),
            client_id: guid(&mut rng),
            client_secret: (0..3)
                .map(|_| letter(&mut rng))
                .collect::<String>()
                .chars()
                .chain("8Q~".chars())
                .collect::<String>()
                + &(0..34).map(|_| letter(&mut rng)).collect::<String>(),
            user: guid(&mut device_rng(seed, 0)),
        }
    }
}

/// The device records of a seed: the first twelve hold one of every kind.
pub(crate) fn devices(seed: u64, count: usize, realm: &str, now: DateTime<Utc>) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::with_capacity(count);
    for index in 0..count {
        let mut rng = device_rng(seed, index as u64);
        let device = any(&mut rng, index, realm, now);
        let device = match index {
            1 => device.compliance_state("noncompliant"),
            2 => in_grace(device, now, 2),
            4 => again(device, devices.get(3), now),
            5 => device.management_state("wipePending"),
            6 => device
                .entra_id("00000000-0000-0000-0000-000000000000")
                .with("azureADRegistered", false)
                .with("deviceRegistrationState", "notRegistered"),
            7 => device.compliance_state("conflict"),
            8 => device.compliance_state("error"),
            9 => device.compliance_state("unknown"),
            10 => config_manager(device),
            11 => device.compliance_state("quarantined"),
            0 | 3 => device,
            _ => match rng.random_range(0..100) {
                0..85 => device,
                85..93 => device.compliance_state("noncompliant"),
                93..97 => in_grace(device, now, rng.random_range(1..10)),
                97..99 => device.compliance_state("unknown"),
                _ => device.compliance_state("error"),
            },
        };
        devices.push(device);
    }
    devices
}

fn any(rng: &mut StdRng, index: usize, realm: &str, now: DateTime<Utc>) -> Device {
    let user_id = guid(rng);
    let (alias, user) = pick(rng, &NAMES).copied().unwrap_or_default();
    let mail = format!("{alias}{index}@{realm}.example");
    let (system, version, maker, model, enrolment, agent) =
        pick(rng, &HARDWARE).copied().unwrap_or_default();
    let kind = if matches!(system, "iOS" | "Android") {
        "PHONE"
    } else {
        "LAPTOP"
    };
    let enrolled = now - Duration::days(rng.random_range(60..700));
    let synced = now - Duration::minutes(rng.random_range(5..480));
    let storage = rng.random_range(100_000_000_000_u64..1_000_000_000_000);
    let mac = rng.random_range(0..0x1_0000_0000_0000_u64);
    Device::new(format!(
        "{kind}-{:04X}{index:05}",
        rng.random_range(0..=0xFFFF_u32)
    ))
    .managed_id(guid(rng))
    .entra_id(guid(rng))
    .user_id(user_id)
    .last_sync(wire_date(synced))
    .with("enrolledDateTime", wire_date(enrolled))
    .with(
        "managementCertificateExpirationDate",
        wire_date(enrolled + Duration::days(730)),
    )
    .with("userDisplayName", user)
    .with("userPrincipalName", mail.as_str())
    .with("emailAddress", mail.as_str())
    .with("operatingSystem", system)
    .with("osVersion", version)
    .with("manufacturer", maker)
    .with("model", model)
    .with("deviceEnrollmentType", enrolment)
    .with("managementAgent", agent)
    .with(
        "jailBroken",
        if kind == "PHONE" { "False" } else { "Unknown" },
    )
    .with(
        "androidSecurityPatchLevel",
        if system == "Android" {
            "2026-10-01"
        } else {
            ""
        },
    )
    .with(
        "serialNumber",
        format!("{:08X}", rng.random_range(0..=u32::MAX)),
    )
    .with("wiFiMacAddress", format!("{mac:012X}"))
    .with("ethernetMacAddress", format!("{:012X}", mac ^ 1))
    .with("totalStorageSpaceInBytes", storage)
    .with("freeStorageSpaceInBytes", storage / 2)
    .with(
        "managedDeviceName",
        format!(
            "{alias}_{system}_{}",
            enrolled.format("%-m/%-d/%Y_%-I:%M %p")
        ),
    )
}

fn in_grace(device: Device, now: DateTime<Utc>, days: i64) -> Device {
    device
        .compliance_state("inGracePeriod")
        .grace_expires(wire_date(now + Duration::days(days)))
}

/// The stale record that a re-enrolment left behind: same Entra device, older, noncompliant.
fn again(device: Device, first: Option<&Device>, now: DateTime<Utc>) -> Device {
    let Some(first) = first else { return device };
    device
        .entra_id(first.entra_device_id())
        .user_id(first.text("userId"))
        .with("deviceName", first.name())
        .with("serialNumber", first.text("serialNumber"))
        .compliance_state("noncompliant")
        .last_sync(wire_date(now - Duration::days(40)))
}

fn config_manager(device: Device) -> Device {
    device
        .compliance_state("configManager")
        .with("managementAgent", "configurationManagerClientMdm")
        .with(
            "configurationManagerClientEnabledFeatures",
            serde_json::json!({
                "inventory": true, "modernApps": false, "resourceAccess": false,
                "deviceConfiguration": false, "compliancePolicy": false,
                "windowsUpdateForBusiness": false,
            }),
        )
}

/// Every device has its own stream, so that a larger tenant begins like a smaller one.
fn device_rng(seed: u64, index: u64) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (index + 1))
}

fn guid(rng: &mut StdRng) -> String {
    uuid::Builder::from_random_bytes(rng.random())
        .into_uuid()
        .to_string()
}

fn pick<'a, T>(rng: &mut StdRng, from: &'a [T]) -> Option<&'a T> {
    from.get(rng.random_range(0..from.len().max(1)))
}
