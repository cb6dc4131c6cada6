use clock::{Moment, Timestamp};

use crate::{ComplianceState, ManagedDeviceId, UserId};

/// What a source found out about a device, and when. Small and `Copy`, to live in caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When the look-up that found it *began*: its age is never understated.
    pub observed_at: Moment,
    /// How it reached the asker.
    pub served: Served,
    /// What was found.
    pub finding: Finding,
}

impl Observation {
    /// An observation that was just made.
    #[must_use]
    pub const fn live(observed_at: Moment, finding: Finding) -> Self {
        Self {
            observed_at,
            served: Served::Live,
            finding,
        }
    }

    /// The same observation, served another way.
    #[must_use]
    pub const fn served(self, served: Served) -> Self {
        Self { served, ..self }
    }
}

// Caches hold one for every device; a decision record says why it is this size.
const _: () = assert!(size_of::<Observation>() <= 96);

/// How an observation reached the asker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Served {
    /// Read from the service for this request.
    Live,
    /// Kept from an earlier look-up, within the age asked for.
    Cache,
    /// Taken from a scan of all devices.
    Snapshot,
    /// Older than asked for, because the source failed.
    LastKnownGood,
}

impl Served {
    /// The name used in records: `live`, `cache`, `snapshot`, `last_known_good`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Cache => "cache",
            Self::Snapshot => "snapshot",
            Self::LastKnownGood => "last_known_good",
        }
    }
}

/// What the records of a device say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// No record has that id.
    NotFound,
    /// Records that are about equally recent disagree.
    Conflicting {
        /// How many records have that id.
        records: u16,
    },
    /// One record decides.
    Device(DeviceCompliance),
}

/// The compliance of a device, by the record that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceCompliance {
    /// Which record decides.
    pub managed_device_id: ManagedDeviceId,
    /// The device's primary user.
    pub user_id: Option<UserId>,
    /// The state in that record.
    pub state: ComplianceState,
    /// When the grace period expires, as the service says; only of meaning in grace.
    pub grace_expires_at: Option<Timestamp>,
    /// The last check-in, if the service gave a date that can be one.
    pub last_check_in: Option<Timestamp>,
    /// Whether a retire, wipe or delete is pending or issued.
    pub being_removed: bool,
    /// How many records have the device's id.
    pub records: u16,
}
