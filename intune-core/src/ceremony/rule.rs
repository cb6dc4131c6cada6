use std::{collections::BTreeSet, fmt::Debug, num::NonZeroU8, time::Duration};

use clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Approver, CeremonyRequest, DecideError};
use crate::Principal;

/// How far apart the clocks of an issuer and of this host may be.
const LEEWAY: Duration = Duration::from_secs(60);
const DEFAULT_AGE: u32 = 15 * 60;

/// Who may approve, and how many must.
///
/// A person of one of these issuers with this role, who signed in not long ago, by themselves: not through an
/// agent, not as an application, and not who asks.
///
/// ```
/// use intune_core::ApprovalRule;
///
/// let rule: ApprovalRule = serde_json::from_str(
///     r#"{
///         "issuers": ["https://login.example/t1/v2.0"],
///         "role": "device-approver",
///         "approvals": 2
///     }"#,
/// )?;
/// # let _ = rule;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    /// Whose people may approve: `iss` of their token.
    issuers: BTreeSet<String>,
    /// The role that they need.
    role: String,
    /// How many different people must approve.
    #[serde(default = "one")]
    approvals: NonZeroU8,
    /// How long ago they may have signed in, in seconds.
    #[serde(default = "default_age")]
    max_authentication_age: u32,
}

const fn one() -> NonZeroU8 {
    NonZeroU8::MIN
}

const fn default_age() -> u32 {
    DEFAULT_AGE
}

impl ApprovalRule {
    /// One person of this issuer with this role, who signed in within the last 15 minutes.
    #[must_use]
    pub fn new(issuer: impl Into<String>, role: impl Into<String>) -> Self {
        Self {
            issuers: BTreeSet::from([issuer.into()]),
            role: role.into(),
            approvals: one(),
            max_authentication_age: DEFAULT_AGE,
        }
    }

    /// Lets people of another issuer approve, too.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.insert(issuer.into());
        self
    }

    /// Sets how many different people must approve.
    #[must_use]
    pub const fn approvals(mut self, people: NonZeroU8) -> Self {
        self.approvals = people;
        self
    }

    /// Sets how long ago an approver may have signed in, in seconds; 900 by default.
    #[must_use]
    pub const fn max_authentication_age(mut self, seconds: u32) -> Self {
        self.max_authentication_age = seconds;
        self
    }

    /// How many different people must approve.
    #[must_use]
    pub const fn needed(&self) -> NonZeroU8 {
        self.approvals
    }

    /// Whether somebody may decide about requests of others now, and so see what waits.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn knows(&self, approver: &Approver, now: Timestamp) -> Result<(), DecideError> {
        let principal = approver.principal();
        if principal.delegate().is_some() {
            return Err(DecideError::Delegate);
        }
        if approver.is_application {
            return Err(DecideError::Application);
        }
        let is_of_issuer = self.issuers.contains(principal.issuer());
        if !is_of_issuer || !approver.roles.contains(self.role.as_str()) {
            return Err(DecideError::NotApprover);
        }
        let age = now.since(approver.authenticated_at);
        let ahead = approver.authenticated_at.since(now);
        let oldest = Duration::from_secs(self.max_authentication_age.into());
        if age > oldest.saturating_add(LEEWAY) || ahead > LEEWAY {
            return Err(DecideError::AuthenticationTooOld);
        }
        Ok(())
    }

    /// Whether this person may decide about this request now.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn admits(
        &self,
        approver: &Approver,
        request: &CeremonyRequest,
        people: &dyn People,
        now: Timestamp,
    ) -> Result<(), DecideError> {
        let principal = approver.principal();
        // What is said to somebody who asks for themselves doesn't depend on their role.
        let is_person = principal.delegate().is_none() && !approver.is_application;
        if is_person && people.are_same(principal, &request.requester) {
            return Err(DecideError::Requester);
        }
        self.knows(approver, now)
    }
}

/// Who is whom: whether two principals are one person.
///
/// Implemented by hosts that know more than tokens say, such as that somebody has an administrator's account
/// besides their own.
pub trait People: Debug + Send + Sync {
    /// Whether both are the same person. In doubt, say so: that refuses an approval.
    fn are_same(&self, one: &Principal, other: &Principal) -> bool;
}

/// Goes by the tokens alone: [`Principal::is_same_person`].
#[derive(Clone, Copy, Debug, Default)]
pub struct AsTokensSay;

impl People for AsTokensSay {
    fn are_same(&self, one: &Principal, other: &Principal) -> bool {
        one.is_same_person(other)
    }
}
