use chronicle::TraceParent;

use crate::{AccordTemplate, AuthorizationContextId, DelegationScope, EntraDeviceId, Principal};

/// On whose behalf, under which grant, and within what scope an operation is invoked.
///
/// The host fills it from what it has verified, such as an Authorization Context, and never from what the
/// caller says of itself.
///
/// ```
/// use clock::Timestamp;
/// use intune_core::{Capability, DelegationScope, InvocationContext, Principal};
///
/// let adele = Principal::new("https://login.example/t1/v2.0", "adele").with_delegate("agent-7");
/// let until: Timestamp = "2026-11-23T07:00:00Z".parse()?;
/// let scope = DelegationScope::until(until).capability(Capability::Read);
/// let context = InvocationContext::new(adele, scope)
///     .authorized_by("infrastructure-operations".parse()?, "0199b3a4-6f0e-7c61".parse()?);
/// # let _ = context;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct InvocationContext {
    pub(crate) principal: Principal,
    pub(crate) scope: DelegationScope,
    pub(crate) accord_template: Option<AccordTemplate>,
    pub(crate) authorization_context: Option<AuthorizationContextId>,
    pub(crate) device: Option<EntraDeviceId>,
    pub(crate) traceparent: Option<TraceParent>,
}

impl InvocationContext {
    /// A caller, and what it may do.
    #[must_use]
    pub const fn new(principal: Principal, scope: DelegationScope) -> Self {
        Self {
            principal,
            scope,
            accord_template: None,
            authorization_context: None,
            device: None,
            traceparent: None,
        }
    }

    /// Adds the Authorization Context under which the caller acts, and the accord it was issued under.
    #[must_use]
    pub fn authorized_by(mut self, template: AccordTemplate, id: AuthorizationContextId) -> Self {
        self.accord_template = Some(template);
        self.authorization_context = Some(id);
        self
    }

    /// Takes away what `wanted` doesn't give: the least of both, as by
    /// [`DelegationScope::narrowed_to`].
    #[must_use]
    pub fn narrowed_to(mut self, wanted: &DelegationScope) -> Self {
        self.scope = self.scope.narrowed_to(wanted);
        self
    }

    /// Adds the device that the caller acts from, as the grant names it.
    #[must_use]
    pub const fn from_device(mut self, device: Option<EntraDeviceId>) -> Self {
        self.device = device;
        self
    }

    /// Adds the trace that the request belongs to.
    #[must_use]
    pub fn with_traceparent(mut self, traceparent: Option<TraceParent>) -> Self {
        self.traceparent = traceparent;
        self
    }

    /// Who asks.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What the caller may do.
    #[must_use]
    pub const fn scope(&self) -> &DelegationScope {
        &self.scope
    }
}
