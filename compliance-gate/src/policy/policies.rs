use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
    sync::Arc,
};

use intune_core::{AccordTemplate, ScopeTemplate};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Conditions, Layer, Mode, Policy, PolicyFile, PolicyLayer, Provenance, layer::Stack};

/// The templates that require compliance unless a policy says otherwise.
const BUILT_IN_TEMPLATES: [&str; 2] = ["infrastructure-operations", "device-management"];

/// The policy of a deployment, worked out for every accord template.
///
/// A template's setting replaces that of the global layer, which replaces the built-in one; a
/// template may so loosen what the deployment asks for, unless [`Overrides::TightenOnly`] forbids it. Two
/// templates are built in, `infrastructure-operations` and `device-management`: they require compliance.
///
/// ```
/// use compliance_gate::{Layer, Policies, PolicyLayer};
///
/// let policies = Policies::builder()
///     .global(PolicyLayer::new().required(true))
///     .template("read-only".parse()?, PolicyLayer::new().required(false))
///     .build()?;
///
/// let read_only = policies.for_template(&"read-only".parse()?);
/// assert!(!read_only.policy().required);
/// assert!(read_only.is_loosened());
/// assert_eq!(read_only.provenance().required, Layer::Template);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policies {
    templates: HashMap<AccordTemplate, Arc<EffectivePolicy>>,
    unlisted: Arc<EffectivePolicy>,
    delegation_scopes: BTreeMap<AccordTemplate, ScopeTemplate>,
    read_only: ScopeTemplate,
    nothing: ScopeTemplate,
}

impl Policies {
    /// Starts a policy with the built-in layer.
    pub fn builder() -> PoliciesBuilder {
        PoliciesBuilder::default()
    }

    /// A policy that is off: everything is allowed, nothing is looked up.
    #[must_use]
    pub fn disabled() -> Self {
        let off = Stack::BUILT_IN.lay(PolicyLayer::new().mode(Mode::Off), Layer::Global);
        let off = EffectivePolicy::new(
            off,
            off.policy,
            Conditions::default(),
            UnknownTemplates::Global,
        );
        Self {
            templates: HashMap::new(),
            unlisted: Arc::new(off),
            delegation_scopes: BTreeMap::new(),
            read_only: ScopeTemplate::read_only(),
            nothing: ScopeTemplate::default(),
        }
    }

    /// The policy under which `template` is issued.
    #[must_use]
    pub fn for_template(&self, template: &AccordTemplate) -> &Arc<EffectivePolicy> {
        self.templates.get(template).unwrap_or(&self.unlisted)
    }

    /// The delegation scope that `template` gives by default: what was set for it, everything with approvals for
    /// `device-management`, and `READ` for other templates that are listed. One that nobody listed gives nothing.
    #[must_use]
    pub fn delegation_scope(&self, template: &AccordTemplate) -> &ScopeTemplate {
        let set = self.delegation_scopes.get(template);
        set.unwrap_or(match self.templates.contains_key(template) {
            true => &self.read_only,
            false => &self.nothing,
        })
    }
}

/// Whether a template may loosen what the layers below ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overrides {
    /// A template's setting replaces the one below, looser or not.
    #[default]
    Replace,
    /// A template that loosens a setting is an error when the policy is loaded.
    TightenOnly,
}

/// What holds for a template that the policy doesn't mention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownTemplates {
    /// The global layer.
    #[default]
    Global,
    /// It is denied.
    Deny,
}

/// Puts a [`Policies`] together.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct PoliciesBuilder {
    global: PolicyLayer,
    templates: BTreeMap<AccordTemplate, PolicyLayer>,
    conditions: Conditions,
    overrides: Overrides,
    unknown_templates: UnknownTemplates,
    delegation_scopes: BTreeMap<AccordTemplate, ScopeTemplate>,
}

impl PoliciesBuilder {
    /// Sets the deployment's defaults.
    pub const fn global(mut self, layer: PolicyLayer) -> Self {
        self.global = layer;
        self
    }

    /// Sets what holds for one template; what was set for it before is replaced.
    pub fn template(mut self, template: AccordTemplate, layer: PolicyLayer) -> Self {
        self.templates.insert(template, layer);
        self
    }

    /// Takes over what a policy file says: its switches, and its templates, of which each replaces what was
    /// set for it before.
    pub fn file(mut self, file: PolicyFile) -> Self {
        self.templates.extend(file.accords);
        self.delegation_scopes.extend(file.delegation_scopes);
        self.overrides = file.overrides.unwrap_or(self.overrides);
        self.unknown_templates = file.unknown_templates.unwrap_or(self.unknown_templates);
        self
    }

    /// Sets what one template's grants give by default; what was set for it before is replaced.
    pub fn delegation_scope(mut self, template: AccordTemplate, scope: ScopeTemplate) -> Self {
        self.delegation_scopes.insert(template, scope);
        self
    }

    /// Sets what a required device must fulfil beyond its state, under every template.
    pub const fn conditions(mut self, conditions: Conditions) -> Self {
        self.conditions = conditions;
        self
    }

    /// Sets whether a template may loosen what the layers below ask for.
    pub const fn overrides(mut self, overrides: Overrides) -> Self {
        self.overrides = overrides;
        self
    }

    /// Sets what holds for a template that the policy doesn't mention.
    pub const fn unknown_templates(mut self, rule: UnknownTemplates) -> Self {
        self.unknown_templates = rule;
        self
    }

    /// Works the policy out for every template.
    ///
    /// # Errors
    ///
    /// Under [`Overrides::TightenOnly`], the templates that loosen a setting.
    pub fn build(self) -> Result<Policies, PolicyError> {
        let global = Stack::BUILT_IN.lay(self.global, Layer::Global);
        let mut bases = BTreeMap::new();
        for name in BUILT_IN_TEMPLATES {
            if let Ok(template) = name.parse::<AccordTemplate>() {
                let required = PolicyLayer::new().required(true);
                bases.insert(template, global.lay(required, Layer::BuiltIn));
            }
        }

        let mut stacks = bases.clone();
        let mut loosening = Vec::new();
        for (template, layer) in self.templates {
            let base = bases.get(&template).copied().unwrap_or(global);
            let stack = base.lay(layer, Layer::Template);
            if stack.policy.is_looser_than(base.policy) {
                loosening.push(template.clone());
            }
            stacks.insert(template, stack);
        }
        if self.overrides == Overrides::TightenOnly && !loosening.is_empty() {
            return Err(PolicyError { loosening });
        }

        let effective = |stack: Stack, base: Stack, unknown| {
            Arc::new(EffectivePolicy::new(
                stack,
                base.policy,
                self.conditions,
                unknown,
            ))
        };
        let templates = stacks.into_iter().map(|(template, stack)| {
            let base = bases.get(&template).copied().unwrap_or(global);
            (template, effective(stack, base, UnknownTemplates::Global))
        });
        Ok(Policies {
            templates: templates.collect(),
            unlisted: effective(global, global, self.unknown_templates),
            delegation_scopes: with_built_in(self.delegation_scopes),
            read_only: ScopeTemplate::read_only(),
            nothing: ScopeTemplate::default(),
        })
    }
}

fn with_built_in(
    mut scopes: BTreeMap<AccordTemplate, ScopeTemplate>,
) -> BTreeMap<AccordTemplate, ScopeTemplate> {
    if let Ok(template) = "device-management".parse() {
        scopes
            .entry(template)
            .or_insert_with(ScopeTemplate::production);
    }
    scopes
}

/// Templates loosen what the layers below ask for, where that is forbidden.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("overrides are `tighten_only`, but these accords loosen a setting: {}", names(.loosening))]
pub struct PolicyError {
    loosening: Vec<AccordTemplate>,
}

fn names(templates: &[AccordTemplate]) -> String {
    let names: Vec<_> = templates
        .iter()
        .map(|template| format!("`{template}`"))
        .collect();
    names.join(", ")
}

/// What all layers come to for one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectivePolicy {
    policy: Policy,
    conditions: Conditions,
    provenance: Provenance,
    loosened: bool,
    unknown_templates: UnknownTemplates,
    digest: String,
}

impl EffectivePolicy {
    fn new(
        stack: Stack,
        base: Policy,
        conditions: Conditions,
        unknown_templates: UnknownTemplates,
    ) -> Self {
        Self {
            policy: stack.policy,
            conditions,
            provenance: stack.provenance,
            loosened: stack.policy.is_looser_than(base),
            unknown_templates,
            digest: digest(stack.policy, conditions, unknown_templates),
        }
    }

    /// The settings.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// What a required device must fulfil beyond its state.
    #[must_use]
    pub const fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Which layer made each setting.
    #[must_use]
    pub const fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// Whether the template loosened what the layers below it ask for.
    #[must_use]
    pub const fn is_loosened(&self) -> bool {
        self.loosened
    }

    /// Whether it is the policy for templates that aren't listed, and they are denied.
    #[must_use]
    pub fn denies_unknown_template(&self) -> bool {
        self.unknown_templates == UnknownTemplates::Deny
    }

    /// SHA-256, in hexadecimal, over the settings, the conditions, and what holds for unlisted templates.
    ///
    /// Equal digests of one version of this crate mean equal policies. How old an observation may be is a
    /// matter of the gate, and in the record as its age.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

fn digest(policy: Policy, conditions: Conditions, unknown: UnknownTemplates) -> String {
    let text = format!("compliance-gate policy 1\n{policy:?}\n{conditions:?}\n{unknown:?}");
    Sha256::digest(text)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            // Writing to a `String` can't fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
