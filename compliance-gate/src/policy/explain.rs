use std::fmt;

use intune_core::AccordTemplate;
use serde::Serialize;

use super::{EffectivePolicy, Layer, Setting};

/// What holds for an accord template, setting by setting, and which layer says so.
///
/// It shows as a table. It serialises as `{"accord_template","listed","denied","digest","settings":[{"setting",
/// "value","layer","loosened"}]}`, where `setting` is the key in a policy file, and `value` is as a TOML policy file
/// writes it.
///
/// ```
/// use compliance_gate::Policies;
///
/// let explanation = Policies::builder().build()?.explain(&"device-management".parse()?);
/// let required = &explanation.settings()[0];
/// assert_eq!((required.setting().key(), required.value()), ("device_compliance_required", "true"));
/// println!("{explanation}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    accord_template: AccordTemplate,
    listed: bool,
    denied: bool,
    digest: String,
    settings: Vec<Explained>,
}

/// One setting of an [`Explanation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    setting: Setting,
    value: String,
    layer: Layer,
    loosened: bool,
}

impl Explanation {
    pub(super) fn new(template: &AccordTemplate, policy: &EffectivePolicy) -> Self {
        let settings = Setting::ALL.iter().map(|&setting| Explained {
            setting,
            value: policy.policy().written(setting),
            layer: policy.provenance().of(setting),
            loosened: policy.loosened().contains(&setting),
        });
        Self {
            accord_template: template.clone(),
            listed: policy.is_listed(),
            denied: policy.denies_unknown_template(),
            digest: policy.digest().to_owned(),
            settings: settings.collect(),
        }
    }

    /// The settings, always in the same order.
    #[must_use]
    pub fn settings(&self) -> &[Explained] {
        &self.settings
    }
}

impl Explained {
    /// Which setting.
    #[must_use]
    pub const fn setting(&self) -> Setting {
        self.setting
    }

    /// Its value, as a TOML policy file writes it.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Which layer made it.
    #[must_use]
    pub const fn layer(&self) -> Layer {
        self.layer
    }

    /// Whether the template loosened it.
    #[must_use]
    pub const fn is_loosened(&self) -> bool {
        self.loosened
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = match (self.listed, self.denied) {
            (true, _) => "listed",
            (false, false) => "not listed: the global layer holds",
            (false, true) => "not listed: denied",
        };
        writeln!(f, "accord {} ({known})", self.accord_template)?;
        writeln!(f, "digest {}", self.digest)?;
        let widest = |width: fn(&Explained) -> usize| self.settings.iter().map(width).max();
        let keys = widest(|it| it.setting.key().len()).unwrap_or(0);
        let values = widest(|it| it.value.len()).unwrap_or(0);
        for it in &self.settings {
            let (key, layer) = (it.setting.key(), it.layer.as_str());
            let mark = if it.loosened { ", loosened" } else { "" };
            writeln!(f, "  {key:keys$}  {:values$}  {layer}{mark}", it.value)?;
        }
        Ok(())
    }
}
