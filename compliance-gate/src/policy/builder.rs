use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use intune_core::{AccordTemplate, ScopeTemplate};
use serde::Deserialize;

use super::{
    BreakGlass, EffectivePolicy, Layer, Policies, PolicyError, PolicyFile, PolicyLayer,
    effective::sha256, held::Shared, settings::Stack,
};

/// The templates that require compliance unless a policy says otherwise.
const BUILT_IN_TEMPLATES: [&str; 2] = ["infrastructure-operations", "device-management"];

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
    file: PolicyLayer,
    templates: BTreeMap<AccordTemplate, PolicyLayer>,
    overrides: Overrides,
    unknown_templates: UnknownTemplates,
    delegation_scopes: BTreeMap<AccordTemplate, ScopeTemplate>,
    break_glass: Vec<BreakGlass>,
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

    /// Takes over what a policy file says: its switches, its `[global]`, its break-glass entries, and its templates,
    /// of which each replaces what was set for it before.
    pub fn file(mut self, file: PolicyFile) -> Self {
        self.file = file.global.or(self.file);
        self.templates.extend(file.accords);
        self.delegation_scopes.extend(file.delegation_scopes);
        self.break_glass.extend(file.break_glass);
        self.overrides = file.overrides.unwrap_or(self.overrides);
        self.unknown_templates = file.unknown_templates.unwrap_or(self.unknown_templates);
        self
    }

    /// Sets what one template's grants give by default; what was set for it before is replaced.
    pub fn delegation_scope(mut self, template: AccordTemplate, scope: ScopeTemplate) -> Self {
        self.delegation_scopes.insert(template, scope);
        self
    }

    /// Lets somebody in for a while, whatever their device.
    pub fn break_glass(mut self, entry: BreakGlass) -> Self {
        self.break_glass.push(entry);
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
    /// A setting that is made both by [`global`](Self::global) and by `[global]` of a file, to different values.
    /// Under [`Overrides::TightenOnly`], what templates loosen.
    pub fn build(self) -> Result<Policies, PolicyError> {
        let contradicted = self.global.contradictions(&self.file);
        if !contradicted.is_empty() {
            return Err(PolicyError::Contradicted(contradicted));
        }
        let global = Stack::BUILT_IN.lay(self.global.or(self.file), Layer::Global);
        let mut bases = BTreeMap::new();
        for name in BUILT_IN_TEMPLATES {
            if let Ok(template) = name.parse::<AccordTemplate>() {
                let required = PolicyLayer::new().required(true);
                bases.insert(template, global.lay(required, Layer::BuiltIn));
            }
        }

        let scopes = with_built_in(self.delegation_scopes);
        let break_glass: Arc<[BreakGlass]> = self.break_glass.into();
        let compiled = |stack: Stack, base: Stack, scope: Option<&ScopeTemplate>| {
            let scope = scope.cloned().unwrap_or_else(ScopeTemplate::read_only);
            let policy = EffectivePolicy::new(stack, base.policy);
            policy.giving(scope).broken_by(&break_glass)
        };

        let mut layers: BTreeMap<_, _> = bases.keys().map(|name| (name.clone(), None)).collect();
        let given = self.templates.into_iter();
        layers.extend(given.map(|(name, layer)| (name, Some(layer))));
        let mut policies = BTreeMap::new();
        let mut loosened = Vec::new();
        for (name, layer) in layers {
            let base = bases.get(&name).copied().unwrap_or(global);
            let stack = layer.map_or(base, |layer| base.lay(layer, Layer::Template));
            let policy = compiled(stack, base, scopes.get(&name));
            if policy.is_loosened() {
                loosened.push((name.clone(), policy.loosened().to_vec()));
            }
            policies.insert(name, policy);
        }
        if self.overrides == Overrides::TightenOnly && !loosened.is_empty() {
            return Err(PolicyError::Loosened(loosened));
        }

        // A scope alone doesn't list a template.
        let unlisted = |scope| compiled(global, global, scope).unlisted(self.unknown_templates);
        for (name, scope) in &scopes {
            let policy = || unlisted(Some(scope));
            policies.entry(name.clone()).or_insert_with(policy);
        }
        let unlisted = unlisted(Some(&ScopeTemplate::default()));
        let digest = digest(&policies, &unlisted, &break_glass);
        let policies = policies.into_iter();
        Ok(Policies {
            templates: policies
                .map(|(name, policy)| (name, Shared::new(policy)))
                .collect(),
            unlisted: Shared::new(unlisted),
            break_glass,
            digest,
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

fn digest(
    policies: &BTreeMap<AccordTemplate, EffectivePolicy>,
    unlisted: &EffectivePolicy,
    break_glass: &[BreakGlass],
) -> String {
    let mut text = format!("compliance-gate policies 1\n{}\n", unlisted.digest());
    for (name, policy) in policies {
        let scope = serde_json::to_string(policy.delegation_scope()).unwrap_or_default();
        // Writing to a `String` can't fail.
        let _ = writeln!(text, "{name} {} {scope}", policy.digest());
    }
    for entry in break_glass {
        let entry = serde_json::to_string(entry).unwrap_or_default();
        let _ = writeln!(text, "{entry}");
    }
    sha256(&text)
}
