//! The settings, each in one place: its name, type, default, and key in a policy file.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize, Serializer};

use super::{
    Delegates, Grace, Layer, Mode, OnAuditFailure, OnOutage, file::LayerText, values::Written,
};
use crate::Outcome;

macro_rules! settings {
    ($($(#[$doc:meta])* $variant:ident $field:ident: $type:ty = $default:expr, $key:literal;)*) => {
        /// The settings in force for a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Policy {
            $($(#[$doc])* pub $field: $type,)*
        }

        /// The settings that one layer makes; what it leaves out is left to the layers below.
        ///
        /// ```
        /// use std::time::Duration;
        /// use compliance_gate::{Mode, OnOutage, PolicyLayer};
        ///
        /// let layer = PolicyLayer::new()
        ///     .required(true)
        ///     .mode(Mode::ReportOnly)
        ///     .bind_subject(true)
        ///     .on_outage(OnOutage::LastKnownGood { max_age: Duration::from_secs(600) });
        /// # let _ = layer;
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(from = "LayerText")]
        pub struct PolicyLayer {
            $(pub(super) $field: Option<$type>,)*
        }

        /// A setting of a policy, by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Setting {
            $($(#[$doc])* $variant,)*
        }

        impl Setting {
            /// Every setting.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in records, such as `required`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($field),)* }
            }

            /// The key in policy files, such as `device_compliance_required` or `states.unknown`.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key,)* }
            }
        }

        impl Policy {
            /// What holds where no layer says anything: nothing required.
            pub(super) const BUILT_IN: Self = Self { $($field: $default,)* };

            /// A setting's value, as a TOML policy file writes it.
            pub(super) fn written(&self, setting: Setting) -> String {
                match setting { $(Setting::$variant => self.$field.written(),)* }
            }
        }

        impl PolicyLayer {
            /// The settings that both make, to different values.
            pub(super) fn contradictions(&self, other: &Self) -> Vec<Setting> {
                let mut found = Vec::new();
                $(if let (Some(one), Some(other)) = (self.$field, other.$field) && one != other {
                    found.push(Setting::$variant);
                })*
                found
            }

            /// These settings, and those of `other` that this one doesn't make.
            pub(super) fn or(self, other: Self) -> Self {
                Self { $($field: self.$field.or(other.$field),)* }
            }

            $($(#[$doc])* #[must_use]
            pub const fn $field(mut self, value: $type) -> Self {
                self.$field = Some(value);
                self
            })*
        }

        impl Stack {
            /// Lays the settings of `settings` over those below, as made by `layer`.
            pub(super) fn lay(mut self, settings: PolicyLayer, layer: Layer) -> Self {
                $(if let Some(value) = settings.$field {
                    self.policy.$field = value;
                    self.provenance.$field = layer;
                })*
                self
            }
        }

        /// Which layer made each setting of a policy.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Provenance {
            $($(#[$doc])* pub $field: Layer,)*
        }

        impl Provenance {
            const BUILT_IN: Self = Self { $($field: Layer::BuiltIn,)* };

            /// Which layer made this setting.
            #[must_use]
            pub const fn of(&self, setting: Setting) -> Layer {
                match setting { $(Setting::$variant => self.$field,)* }
            }
        }
    };
}

settings! {
    /// Whether a compliant device is required.
    Required required: bool = false, "device_compliance_required";
    /// Whether, where compliance is required, a token without a device is denied.
    Strict strict: bool = false, "strict";
    /// How the policy takes effect.
    Mode mode: Mode = Mode::Enforce, "mode";
    /// How old our copy of a device's state may be; zero is always live.
    MaxAge max_age: Duration = Duration::from_secs(300), "max_age_seconds";
    /// How long ago the device's last check-in may be; `None` is any time, or never.
    MaxCheckInAge max_check_in_age: Option<Duration> = None, "max_check_in_age_seconds";
    /// What happens when the source can't answer.
    OnOutage on_outage: OnOutage = OnOutage::Deny, "on_outage";
    /// Whether a device is denied whose user is not the token's `oid`.
    BindSubject bind_subject: bool = false, "bind_subject";
    /// By whose device an agent is judged that has none of its own.
    Delegates delegates: Delegates = Delegates::OwnDevice, "delegates";
    /// What becomes of a device in grace.
    InGracePeriod in_grace_period: Grace = Grace::UNTIL_EXPIRY, "states.in_grace_period";
    /// What becomes of a device that is not compliant.
    Noncompliant noncompliant: Outcome = Outcome::Deny, "states.noncompliant";
    /// What becomes of a device whose compliance rules contradict each other.
    Conflict conflict: Outcome = Outcome::Deny, "states.conflict";
    /// What becomes of a device that Intune could not evaluate.
    Error error: Outcome = Outcome::Deny, "states.error";
    /// What becomes of a device that Intune has not evaluated.
    Unknown unknown: Outcome = Outcome::Deny, "states.unknown";
    /// What becomes of a device whose compliance Configuration Manager owns.
    ConfigManager config_manager: Outcome = Outcome::Deny, "states.config_manager";
    /// What happens when a decision can't be recorded.
    OnAuditFailure on_audit_failure: OnAuditFailure = OnAuditFailure::Deny, "on_audit_failure";
}

impl PolicyLayer {
    /// A layer that makes no setting.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

/// A policy that is being put together, layer on layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stack {
    pub(super) policy: Policy,
    pub(super) provenance: Provenance,
}

impl Stack {
    pub(super) const BUILT_IN: Self = Self {
        policy: Policy::BUILT_IN,
        provenance: Provenance::BUILT_IN,
    };
}
