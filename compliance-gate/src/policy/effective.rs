use std::{fmt::Write as _, sync::Arc};

use clock::Timestamp;
use intune_core::{AccordTemplate, Principal, ScopeTemplate};
use sha2::{Digest, Sha256};

use super::{BreakGlass, Policy, Provenance, Setting, UnknownTemplates, settings::Stack};

/// What all layers come to for one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectivePolicy {
    policy: Policy,
    provenance: Provenance,
    loosened: Box<[Setting]>,
    denied: bool,
    listed: bool,
    delegation_scope: ScopeTemplate,
    break_glass: Arc<[BreakGlass]>,
    digest: String,
}

impl EffectivePolicy {
    /// `stack` over `below`, which is what the template is measured against.
    pub(super) fn new(stack: Stack, below: Policy) -> Self {
        Self {
            policy: stack.policy,
            provenance: stack.provenance,
            loosened: stack.policy.loosened(below).collect(),
            denied: false,
            listed: true,
            delegation_scope: ScopeTemplate::default(),
            break_glass: Arc::default(),
            digest: digest_of(stack.policy, false),
        }
    }

    pub(super) fn unlisted(mut self, rule: UnknownTemplates) -> Self {
        self.listed = false;
        self.denied = rule == UnknownTemplates::Deny;
        self.digest = digest_of(self.policy, self.denied);
        self
    }

    pub(super) fn giving(mut self, scope: ScopeTemplate) -> Self {
        self.delegation_scope = scope;
        self
    }

    pub(super) fn broken_by(mut self, entries: &Arc<[BreakGlass]>) -> Self {
        self.break_glass = Arc::clone(entries);
        self
    }

    /// The settings.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Which layer made each setting.
    #[must_use]
    pub const fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Whether the template loosened what the layers below it ask for.
    #[must_use]
    pub fn is_loosened(&self) -> bool {
        !self.loosened.is_empty()
    }

    /// The settings that the template loosened.
    #[must_use]
    pub fn loosened(&self) -> &[Setting] {
        &self.loosened
    }

    /// Whether a layer lists the template, the built-in one included.
    #[must_use]
    pub const fn is_listed(&self) -> bool {
        self.listed
    }

    /// Whether it is the policy for templates that aren't listed, and they are denied.
    #[must_use]
    pub const fn denies_unknown_template(&self) -> bool {
        self.denied
    }

    /// The delegation scope that the template gives by default.
    #[must_use]
    pub const fn delegation_scope(&self) -> &ScopeTemplate {
        &self.delegation_scope
    }

    /// The first break-glass entry that applies.
    pub(crate) fn break_glass(
        &self,
        principal: &Principal,
        template: &AccordTemplate,
        now: Timestamp,
    ) -> Option<&BreakGlass> {
        let mut entries = self.break_glass.iter();
        entries.find(|entry| entry.applies(principal, template, now))
    }

    /// SHA-256, in hexadecimal, over the settings and whether it denies because the template is unlisted.
    ///
    /// Equal digests of one version of this crate mean equal settings. What else a policy has, its delegation
    /// scopes and break-glass entries, is in [`Policies::digest`](super::Policies::digest).
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

fn digest_of(policy: Policy, denied: bool) -> String {
    let mut text = format!("compliance-gate policy 2\nunlisted and denied = {denied}\n");
    for setting in Setting::ALL {
        // Writing to a `String` can't fail.
        let _ = writeln!(text, "{} = {}", setting.key(), policy.written(*setting));
    }
    sha256(&text)
}

/// SHA-256, in hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    Sha256::digest(text)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
