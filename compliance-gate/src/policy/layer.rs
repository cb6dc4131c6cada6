use serde::{Deserialize, Serialize};

use super::file::given;

/// How a policy takes effect. The later ones are the tighter ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing is evaluated; everything is allowed.
    Off,
    /// Everything is evaluated and recorded; everything is allowed.
    ReportOnly,
    /// Decisions bind.
    Enforce,
}

impl Mode {
    /// The name in policy files and records: `off`, `report_only`, `enforce`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::ReportOnly => "report_only",
            Self::Enforce => "enforce",
        }
    }
}

/// The settings in force for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Whether a compliant device is required.
    pub required: bool,
    /// Whether, where compliance is required, a token without a device is denied.
    pub strict: bool,
    /// How the policy takes effect.
    pub mode: Mode,
}

impl Policy {
    /// What holds where no layer says anything: nothing required.
    pub(super) const BUILT_IN: Self = Self {
        required: false,
        strict: false,
        mode: Mode::Enforce,
    };

    /// Whether any setting is looser than in `other`.
    #[must_use]
    pub fn is_looser_than(self, other: Self) -> bool {
        (other.required && !self.required)
            || (other.strict && !self.strict)
            || self.mode < other.mode
    }
}

/// The settings that one layer makes; what it leaves out is left to the layers below.
///
/// ```
/// use compliance_gate::{Mode, PolicyLayer};
///
/// let layer = PolicyLayer::new().required(true).mode(Mode::ReportOnly);
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyLayer {
    #[serde(
        default,
        deserialize_with = "given",
        rename = "device_compliance_required"
    )]
    required: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    strict: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    mode: Option<Mode>,
}

impl PolicyLayer {
    /// A layer that makes no setting.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether a compliant device is required.
    #[must_use]
    pub const fn required(mut self, required: bool) -> Self {
        self.required = Some(required);
        self
    }

    /// Sets whether, where compliance is required, a token without a device is denied.
    #[must_use]
    pub const fn strict(mut self, strict: bool) -> Self {
        self.strict = Some(strict);
        self
    }

    /// Sets how the policy takes effect.
    #[must_use]
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = Some(mode);
        self
    }
}

/// Which layer made a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// This crate's defaults, its two templates among them.
    BuiltIn,
    /// The deployment's default, for instance from the environment.
    Global,
    /// The accord template's entry in a policy file or in code.
    Template,
}

impl Layer {
    /// The name in records: `built_in`, `global`, `template`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Global => "global",
            Self::Template => "template",
        }
    }
}

/// Which layer made each setting of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Provenance {
    /// Who set [`Policy::required`].
    pub required: Layer,
    /// Who set [`Policy::strict`].
    pub strict: Layer,
    /// Who set [`Policy::mode`].
    pub mode: Layer,
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
        provenance: Provenance {
            required: Layer::BuiltIn,
            strict: Layer::BuiltIn,
            mode: Layer::BuiltIn,
        },
    };

    /// Lays the settings of `settings` over those below, as made by `layer`.
    pub(super) fn lay(mut self, settings: PolicyLayer, layer: Layer) -> Self {
        if let Some(required) = settings.required {
            self.policy.required = required;
            self.provenance.required = layer;
        }
        if let Some(strict) = settings.strict {
            self.policy.strict = strict;
            self.provenance.strict = layer;
        }
        if let Some(mode) = settings.mode {
            self.policy.mode = mode;
            self.provenance.mode = layer;
        }
        self
    }
}
