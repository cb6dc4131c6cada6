//! The properties of a managed device, and what `$filter` may do with each.

use self::Operators::{Contains, EqContains, EqNe, EqOr, LtGt, Nothing};

/// What the schema's descriptions say about filtering by a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operators {
    Nothing,
    Eq,
    /// `eq`, and several values joined by `or`.
    EqOr,
    EqNe,
    EqContains,
    Contains,
    /// A date.
    LtGt,
}

/// The properties that Graph fills only in an answer to a get that selects them.
pub(crate) const GET_ONLY: [&str; 8] = [
    "activationLockBypassCode",
    "ethernetMacAddress",
    "iccid",
    "notes",
    "physicalMemoryInBytes",
    "remoteAssistanceSessionUrl",
    "udid",
    "deviceActionResults",
];

/// All properties of v1.0.
const PROPERTIES: [(&str, Operators); 56] = [
    ("id", Nothing),
    ("activationLockBypassCode", Nothing),
    ("androidSecurityPatchLevel", Nothing),
    ("azureADDeviceId", Operators::Eq),
    ("azureADRegistered", Nothing),
    ("complianceGracePeriodExpirationDateTime", LtGt),
    ("complianceState", EqOr),
    ("configurationManagerClientEnabledFeatures", Nothing),
    ("deviceActionResults", Nothing),
    ("deviceCategoryDisplayName", EqOr),
    ("deviceEnrollmentType", Nothing),
    ("deviceHealthAttestationState", Nothing),
    ("deviceName", EqContains),
    ("deviceRegistrationState", Nothing),
    ("easActivated", Nothing),
    ("easActivationDateTime", Nothing),
    ("easDeviceId", Nothing),
    ("emailAddress", Contains),
    ("enrolledDateTime", LtGt),
    ("enrollmentProfileName", Nothing),
    ("ethernetMacAddress", Nothing),
    ("exchangeAccessState", EqOr),
    ("exchangeAccessStateReason", Nothing),
    ("exchangeLastSuccessfulSyncDateTime", Nothing),
    ("freeStorageSpaceInBytes", Nothing),
    ("iccid", Nothing),
    ("imei", EqOr),
    ("isEncrypted", Nothing),
    ("isSupervised", Nothing),
    ("jailBroken", EqOr),
    ("lastSyncDateTime", LtGt),
    ("managedDeviceName", Nothing),
    ("managedDeviceOwnerType", Nothing),
    ("managementAgent", EqOr),
    ("managementCertificateExpirationDate", Nothing),
    ("managementState", EqOr),
    ("manufacturer", EqOr),
    ("meid", Nothing),
    ("model", EqContains),
    ("notes", Nothing),
    ("operatingSystem", EqOr),
    ("osVersion", Contains),
    ("partnerReportedThreatState", Nothing),
    ("phoneNumber", Contains),
    ("physicalMemoryInBytes", Nothing),
    ("remoteAssistanceSessionErrorDetails", Nothing),
    ("remoteAssistanceSessionUrl", Nothing),
    ("requireUserEnrollmentApproval", Nothing),
    ("serialNumber", EqOr),
    ("subscriberCarrier", Nothing),
    ("totalStorageSpaceInBytes", Nothing),
    ("udid", Nothing),
    ("userDisplayName", Nothing),
    ("userId", Nothing),
    ("userPrincipalName", EqNe),
    ("wiFiMacAddress", Nothing),
];

/// Whether v1.0 declares a property.
pub(crate) fn declared(name: &str) -> bool {
    PROPERTIES.iter().any(|(property, _)| *property == name)
}

/// What a filter may do with a property; nothing, with one that isn't declared.
pub(crate) fn operators(name: &str) -> Operators {
    let found = PROPERTIES.iter().find(|(property, _)| *property == name);
    found.map_or(Nothing, |(_, operators)| *operators)
}
