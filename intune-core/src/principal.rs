use std::sync::Arc;

use chronicle::events;

use crate::UserId;

/// Who asks: a human or a workload, as its token says, and the agent that acts on its behalf, if any.
///
/// ```
/// use intune_core::Principal;
///
/// let principal = Principal::new("https://login.example/t1/v2.0", "adele");
/// assert_eq!(principal.subject(), "adele");
/// assert_eq!(principal.delegate(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    issuer: Arc<str>,
    subject: Arc<str>,
    delegate: Option<Arc<str>>,
    object_id: Option<UserId>,
}

impl Principal {
    /// The subject `sub` of a token of the issuer `iss`. A subject means nothing without its issuer.
    #[must_use]
    pub fn new(issuer: impl Into<Arc<str>>, subject: impl Into<Arc<str>>) -> Self {
        Self {
            issuer: issuer.into(),
            subject: subject.into(),
            delegate: None,
            object_id: None,
        }
    }

    /// Adds the agent that acts on the principal's behalf.
    #[must_use]
    pub fn with_delegate(mut self, delegate: impl Into<Arc<str>>) -> Self {
        self.delegate = Some(delegate.into());
        self
    }

    /// Adds the directory object id, `oid`, by which a device's user is known.
    #[must_use]
    pub fn with_object_id(mut self, object_id: UserId) -> Self {
        self.object_id = Some(object_id);
        self
    }

    /// Whether both are known to be one person: the same subject of the same issuer, or the same directory
    /// object. Who their agents are doesn't matter.
    ///
    /// Entra ID calls one person by another `sub` at each application, so give its principals their `oid`.
    #[must_use]
    pub fn is_same_person(&self, other: &Self) -> bool {
        let same_subject = self.issuer == other.issuer && self.subject == other.subject;
        let same_object = self.object_id.is_some() && self.object_id == other.object_id;
        same_subject || same_object
    }

    /// The issuer, `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The subject, `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The agent that acts on the principal's behalf.
    #[must_use]
    pub fn delegate(&self) -> Option<&str> {
        self.delegate.as_deref()
    }

    /// The directory object id, `oid`.
    #[must_use]
    pub const fn object_id(&self) -> Option<UserId> {
        self.object_id
    }
}

/// As it stands in records.
impl From<&Principal> for events::Principal {
    fn from(principal: &Principal) -> Self {
        Self {
            issuer: principal.issuer().to_owned(),
            subject: principal.subject().to_owned(),
            delegate: principal.delegate().map(str::to_owned),
        }
    }
}
