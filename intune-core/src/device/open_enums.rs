use std::fmt;

use serde::{Serialize, Serializer};

/// An enumeration of the service with an arm for members it doesn't declare.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $wire:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", $wire, "`")] $variant,)*
            /// A member that isn't known here, as the service sent it.
            Other(Box<str>),
        }

        impl $name {
            /// Reads the name that the service sent. Never fails.
            #[must_use]
            pub fn from_wire(name: &str) -> Self {
                match name {
                    $($wire => Self::$variant,)*
                    _ => Self::Other(name.into()),
                }
            }

            /// The name as the service writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $wire,)*
                    Self::Other(name) => name,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

open_enum! {
    /// Where a device stands in its management: `managementState`.
    ManagementState {
        Managed = "managed",
        RetirePending = "retirePending",
        RetireFailed = "retireFailed",
        RetireIssued = "retireIssued",
        RetireCanceled = "retireCanceled",
        WipePending = "wipePending",
        WipeFailed = "wipeFailed",
        WipeIssued = "wipeIssued",
        WipeCanceled = "wipeCanceled",
        DeletePending = "deletePending",
        Unhealthy = "unhealthy",
        Discovered = "discovered",
    }
}

impl ManagementState {
    /// Whether a retire, wipe or delete is pending or issued.
    #[must_use]
    pub const fn is_being_removed(&self) -> bool {
        matches!(
            self,
            Self::RetirePending
                | Self::RetireIssued
                | Self::WipePending
                | Self::WipeIssued
                | Self::DeletePending
        )
    }
}

open_enum! {
    /// Who owns a device: `managedDeviceOwnerType`.
    ManagedDeviceOwnerType {
        Unknown = "unknown",
        Company = "company",
        Personal = "personal",
    }
}

open_enum! {
    /// The channel through which a device is managed: `managementAgent`.
    ManagementAgent {
        Eas = "eas",
        Mdm = "mdm",
        EasMdm = "easMdm",
        IntuneClient = "intuneClient",
        EasIntuneClient = "easIntuneClient",
        ConfigurationManagerClient = "configurationManagerClient",
        ConfigurationManagerClientMdm = "configurationManagerClientMdm",
        ConfigurationManagerClientMdmEas = "configurationManagerClientMdmEas",
        Unknown = "unknown",
        Jamf = "jamf",
        GoogleCloudDevicePolicyController = "googleCloudDevicePolicyController",
        Microsoft365ManagedMdm = "microsoft365ManagedMdm",
        MsSense = "msSense",
    }
}
