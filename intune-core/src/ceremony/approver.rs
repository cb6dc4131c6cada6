use std::{collections::BTreeSet, sync::Arc};

use clock::Timestamp;

use crate::Principal;

/// Who decides about a ceremony, as the host has authenticated them for this very request.
///
/// ```
/// use intune_core::{Approver, Principal};
///
/// let megan = Principal::new("https://login.example/t1/v2.0", "megan");
/// let signed_in = "2026-11-23T06:58:00Z".parse()?;
/// let approver = Approver::new(megan, signed_in).role("device-approver");
/// # let _ = approver;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Approver {
    pub(super) principal: Principal,
    pub(super) authenticated_at: Timestamp,
    pub(super) roles: BTreeSet<Arc<str>>,
    pub(super) is_application: bool,
}

impl Approver {
    /// A person who signed in at this time: `auth_time` of the token, not its issuance.
    #[must_use]
    pub const fn new(principal: Principal, authenticated_at: Timestamp) -> Self {
        Self {
            principal,
            authenticated_at,
            roles: BTreeSet::new(),
            is_application: false,
        }
    }

    /// Adds a role that the issuer says they have.
    #[must_use]
    pub fn role(mut self, role: impl Into<Arc<str>>) -> Self {
        self.roles.insert(role.into());
        self
    }

    /// Says that the token is an application's own, with no person behind it.
    #[must_use]
    pub const fn application(mut self) -> Self {
        self.is_application = true;
        self
    }

    /// Who it is.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }
}
