use std::{fmt, num::NonZeroU128, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

use super::ParseIdError;

/// Reads the one form that the services write: 8-4-4-4-12 hexadecimal digits, in either case.
fn parse(text: &str) -> Result<NonZeroU128, ParseIdError> {
    const EXPECTED: ParseIdError = ParseIdError {
        expected: "must be a GUID of the form `33333333-4444-4555-8666-777777777777`, not all zeros",
    };
    // `Uuid` also reads braces, URNs and bare digits.
    if text.len() != 36 {
        return Err(EXPECTED);
    }
    let guid = Uuid::try_parse(text).map_err(|_| EXPECTED)?;
    NonZeroU128::new(guid.as_u128()).ok_or(EXPECTED)
}

macro_rules! guid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        // Not `Uuid`: of that, `Option` needs another byte, and it begins at odd addresses, from which copies are slow.
        #[repr(Rust, packed(8))]
        pub struct $name(NonZeroU128);

        impl $name {
            /// The 128 bits of the GUID, in no order that means anything: for whoever keeps many.
            #[inline]
            #[must_use]
            pub const fn to_bits(self) -> u128 {
                self.0.get()
            }

            /// The id with these bits, unless all are zero.
            #[inline]
            #[must_use]
            pub const fn from_bits(bits: u128) -> Option<Self> {
                match NonZeroU128::new(bits) {
                    Some(bits) => Some(Self(bits)),
                    None => None,
                }
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse(text).map(Self)
            }
        }

        /// Writes the GUID in lower case.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&Uuid::from_u128(self.0.get()), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<'de, str>::deserialize(deserializer)?
                    .parse()
                    .map_err(D::Error::custom)
            }
        }
    };
}

guid_id! {
    /// The id of a device's registration in Entra ID.
    ///
    /// It is the `deviceid` claim of a token, `deviceId` of a directory device, and `azureADDeviceId`
    /// of a [`ManagedDevice`](crate::ManagedDevice). It is neither the directory's object id nor Intune's own
    /// id. The all-zero GUID, which Intune writes for devices that aren't registered, is not a value of it.
    ///
    /// ```
    /// use intune_core::EntraDeviceId;
    ///
    /// let upper: EntraDeviceId = "33333333-4444-4555-8666-7777777777AB".parse()?;
    /// assert_eq!(upper.to_string(), "33333333-4444-4555-8666-7777777777ab");
    /// assert!("00000000-0000-0000-0000-000000000000".parse::<EntraDeviceId>().is_err());
    /// # Ok::<(), intune_core::ParseIdError>(())
    /// ```
    EntraDeviceId
}

guid_id! {
    /// Intune's own id of a managed device: `id` of a [`ManagedDevice`](crate::ManagedDevice).
    ManagedDeviceId
}

guid_id! {
    /// The directory object id of a user: `oid` of a token, `userId` of a managed device.
    UserId
}
