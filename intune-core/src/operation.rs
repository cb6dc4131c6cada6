use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An operation on managed devices that a caller can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Lists devices.
    ListDevices,
    /// Reads one device.
    GetDevice,
    /// Reads one device's compliance, possibly cached.
    GetCompliance,
    /// Asks a device to check in.
    SyncDevice,
    /// Locks a device.
    RemoteLock,
    /// Removes the organisation's data from a device and ends its management.
    RetireDevice,
    /// Resets a device to factory settings.
    WipeDevice,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 7] = [
        Self::ListDevices,
        Self::GetDevice,
        Self::GetCompliance,
        Self::SyncDevice,
        Self::RemoteLock,
        Self::RetireDevice,
        Self::WipeDevice,
    ];

    /// The capability that a caller needs for it.
    ///
    /// ```
    /// use intune_core::{Capability, Operation};
    ///
    /// assert_eq!(Operation::SyncDevice.capability(), Capability::Propose);
    /// assert_eq!(Operation::WipeDevice.capability(), Capability::Mutate);
    /// ```
    #[must_use]
    pub const fn capability(self) -> Capability {
        match self {
            Self::ListDevices | Self::GetDevice | Self::GetCompliance => Capability::Read,
            Self::SyncDevice => Capability::Propose,
            Self::RemoteLock | Self::RetireDevice | Self::WipeDevice => Capability::Mutate,
        }
    }

    /// The name in configuration and records, such as `remote_lock`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ListDevices => "list_devices",
            Self::GetDevice => "get_device",
            Self::GetCompliance => "get_compliance",
            Self::SyncDevice => "sync_device",
            Self::RemoteLock => "remote_lock",
            Self::RetireDevice => "retire_device",
            Self::WipeDevice => "wipe_device",
        }
    }
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Capability {
    /// Look.
    Read,
    /// Ask for a change that is harmless by itself.
    Propose,
    /// Change.
    Mutate,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 3] = [Self::Read, Self::Propose, Self::Mutate];

    /// The name in configuration and records: `READ`, `PROPOSE`, `MUTATE`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "READ",
            Self::Propose => "PROPOSE",
            Self::Mutate => "MUTATE",
        }
    }
}

/// A text that names no operation or no capability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such {what}; known are {known}")]
pub struct ParseOperationError {
    what: &'static str,
    known: &'static str,
}

impl FromStr for Operation {
    type Err = ParseOperationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .into_iter()
            .find(|operation| operation.as_str() == text);
        found.ok_or(ParseOperationError {
            what: "operation",
            known: "list_devices, get_device, get_compliance, sync_device, remote_lock, \
                    retire_device, wipe_device",
        })
    }
}

impl FromStr for Capability {
    type Err = ParseOperationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .into_iter()
            .find(|capability| capability.as_str() == text);
        found.ok_or(ParseOperationError {
            what: "capability",
            known: "READ, PROPOSE, MUTATE",
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
