use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::{Operation, WipeOptions};

/// An action on a device, with its parameters: one value, which a ceremony approves as a whole.
#[derive(Clone, Debug)]
pub enum DeviceAction {
    /// Asks the device to check in:
    /// [`syncDevice`](https://learn.microsoft.com/graph/api/intune-devices-manageddevice-syncdevice).
    Sync,
    /// Locks the device:
    /// [`remoteLock`](https://learn.microsoft.com/graph/api/intune-devices-manageddevice-remotelock).
    RemoteLock,
    /// Removes the organisation's data and ends management:
    /// [`retire`](https://learn.microsoft.com/graph/api/intune-devices-manageddevice-retire).
    Retire,
    /// Resets the device to factory settings:
    /// [`wipe`](https://learn.microsoft.com/graph/api/intune-devices-manageddevice-wipe).
    Wipe(WipeOptions),
}

impl DeviceAction {
    /// The operation that it carries out.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        match self {
            Self::Sync => Operation::SyncDevice,
            Self::RemoteLock => Operation::RemoteLock,
            Self::Retire => Operation::RetireDevice,
            Self::Wipe(_) => Operation::WipeDevice,
        }
    }

    /// The parameters in canonical JSON, with `true` in the place of an unlock code; `None` for an action that has
    /// none.
    #[must_use]
    pub fn parameters(&self) -> Option<String> {
        match self {
            Self::Sync | Self::RemoteLock | Self::Retire => None,
            Self::Wipe(options) => Some(options.canonical()),
        }
    }

    /// A digest of the parameters; `None` for an action that has none.
    ///
    /// ```
    /// use intune_core::{DeviceAction, WipeOptions};
    ///
    /// let kept = DeviceAction::Wipe(WipeOptions::new().keep_user_data(true));
    /// let gone = DeviceAction::Wipe(WipeOptions::new());
    /// assert_ne!(kept.parameters_digest(), gone.parameters_digest());
    /// assert_eq!(DeviceAction::RemoteLock.parameters_digest(), None);
    /// ```
    #[must_use]
    pub fn parameters_digest(&self) -> Option<ParametersDigest> {
        self.parameters()
            .map(|canonical| ParametersDigest::of(&canonical))
    }
}

/// The SHA-256 of an action's parameters in canonical JSON
/// ([RFC 8785](https://www.rfc-editor.org/rfc/rfc8785)), by which an approval is bound to them.
///
/// Of an unlock code it covers *that* there is one: a million codes are quickly tried, and the digest is on
/// record.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParametersDigest([u8; 32]);

impl ParametersDigest {
    fn of(canonical: &str) -> Self {
        Self(Sha256::digest(canonical).into())
    }
}

/// Writes `sha256:` and 64 lower-case hexadecimal digits.
impl fmt::Display for ParametersDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ParametersDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParametersDigest({self})")
    }
}
