use std::{collections::HashMap, sync::Arc};

use clock::Timestamp;
use foldhash::fast::RandomState;
use intune_core::{AccordTemplate, ScopeTemplate};

use super::{
    BreakGlass, EffectivePolicy, Explanation, Layer, Mode, PoliciesBuilder, PolicyLayer,
    PolicyWarning, held::Shared, settings::Stack, warnings,
};

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
///
/// [`Overrides::TightenOnly`]: super::Overrides::TightenOnly
#[derive(Clone, Debug)]
pub struct Policies {
    pub(super) templates: HashMap<AccordTemplate, Shared, RandomState>,
    pub(super) unlisted: Shared,
    pub(super) break_glass: Arc<[BreakGlass]>,
    pub(super) digest: String,
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
        let off = EffectivePolicy::new(off, off.policy).unlisted(Default::default());
        Self {
            templates: HashMap::default(),
            digest: off.digest().to_owned(),
            unlisted: Shared::new(off),
            break_glass: Arc::default(),
        }
    }

    /// The policy under which `template` is issued.
    #[must_use]
    pub fn for_template(&self, template: &AccordTemplate) -> &Arc<EffectivePolicy> {
        self.shared(template).policy()
    }

    /// The policy under which `template` is issued, to be held.
    #[inline]
    pub(crate) fn shared(&self, template: &AccordTemplate) -> &Shared {
        self.templates.get(template).unwrap_or(&self.unlisted)
    }

    /// The policy of templates that nobody listed: the global layer over the built-in one.
    #[must_use]
    pub fn unlisted(&self) -> &EffectivePolicy {
        self.unlisted.policy()
    }

    /// The delegation scope that `template` gives by default: what was set for it, everything with approvals for
    /// `device-management`, and `READ` for other templates that are listed. One that nobody listed gives nothing.
    ///
    /// To go with a decision, take [`Decision::delegation_scope`](crate::Decision::delegation_scope): the policy may
    /// have been replaced since.
    #[must_use]
    pub fn delegation_scope(&self, template: &AccordTemplate) -> &ScopeTemplate {
        self.for_template(template).delegation_scope()
    }

    /// What holds for `template`, setting by setting, and which layer says so.
    #[must_use]
    pub fn explain(&self, template: &AccordTemplate) -> Explanation {
        Explanation::new(template, self.for_template(template))
    }

    /// What an operator should be told: settings without effect, checks that a caller can skip.
    #[must_use]
    pub fn warnings(&self, now: Timestamp) -> Vec<PolicyWarning> {
        warnings::of(self, now)
    }

    /// SHA-256, in hexadecimal, over everything: all templates, their scopes, and break-glass entries.
    ///
    /// Equal digests of one version of this crate mean equal policies.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Those listed, in order.
    pub(super) fn listed(&self) -> Vec<(&AccordTemplate, &EffectivePolicy)> {
        let listed = self
            .templates
            .iter()
            .map(|(name, shared)| (name, &**shared.policy()))
            .filter(|(_, policy)| policy.is_listed());
        let mut listed: Vec<_> = listed.collect();
        listed.sort_by_key(|(name, _)| *name);
        listed
    }
}
