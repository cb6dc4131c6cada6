use std::{collections::BTreeSet, time::Duration};

use clock::Timestamp;
use intune_core::{AccordTemplate, Principal};
use serde::{Deserialize, Serialize};

/// The longest that an entry can be in force.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
const MAX_TEXT: usize = 512;

/// Leave for one person to get in, for a while, although their device doesn't fulfil the policy.
///
/// For the day on which Intune is down or a device is broken, and somebody must. It turns a deny into an allow
/// with the reason [`BreakGlass`](crate::Reason::BreakGlass), that gives `READ` and `PROPOSE` and nothing else, ends
/// with the entry, and leaves a `BREAK_GLASS_USED` record before it is given; if that can't be kept, or records are
/// not kept at all, the deny stands. It is for the named person alone, not for agents that act for them, and not for
/// denials that tell of a token or device in wrong hands ([`Reason::yields_to_break_glass`]).
///
/// [`Reason::yields_to_break_glass`]: crate::Reason::yields_to_break_glass
///
/// ```
/// use compliance_gate::BreakGlass;
///
/// let entry = BreakGlass::new(
///     "https://login.example/t1/v2.0",
///     "adele",
///     "2026-11-23T06:00:00Z".parse()?,
///     "2026-11-23T18:00:00Z".parse()?,
///     "Graph is down, INC-4711",
/// )?;
/// # let _ = entry;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Text")]
pub struct BreakGlass {
    issuer: String,
    subject: String,
    starts_at: Timestamp,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    templates: Option<BTreeSet<AccordTemplate>>,
    reason: String,
}

impl BreakGlass {
    /// Lets the subject `sub` of tokens of the issuer `iss` in, from `starts_at` until just before `expires_at`.
    /// The reason goes into the records.
    ///
    /// # Errors
    ///
    /// It doesn't expire after it starts, or later than 24 hours after; a text is empty, or longer than 512 bytes.
    pub fn new(
        issuer: impl Into<String>,
        subject: impl Into<String>,
        starts_at: Timestamp,
        expires_at: Timestamp,
        reason: impl Into<String>,
    ) -> Result<Self, BreakGlassError> {
        let (issuer, subject, reason) = (issuer.into(), subject.into(), reason.into());
        if expires_at <= starts_at || expires_at.since(starts_at) > LONGEST {
            return Err(BreakGlassError(
                "`expires_at` must be after `starts_at`, and at most 24 hours after",
            ));
        }
        for text in [&issuer, &subject, &reason] {
            if text.trim().is_empty() || text.len() > MAX_TEXT {
                return Err(BreakGlassError(
                    "`issuer`, `subject` and `reason` must be texts of 1 to 512 bytes",
                ));
            }
        }
        Ok(Self {
            issuer,
            subject,
            starts_at,
            expires_at,
            templates: None,
            reason,
        })
    }

    /// Restricts it to these accord templates. By default it is for all.
    #[must_use]
    pub fn templates(mut self, only: impl IntoIterator<Item = AccordTemplate>) -> Self {
        self.templates.get_or_insert_default().extend(only);
        self
    }

    /// Whose it is: issuer and subject.
    #[must_use]
    pub fn principal(&self) -> (&str, &str) {
        (&self.issuer, &self.subject)
    }

    /// When it starts.
    #[must_use]
    pub const fn starts_at(&self) -> Timestamp {
        self.starts_at
    }

    /// When it ends: the first instant at which it is no leave any more.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Why it was made.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Which templates it names, if it isn't for all.
    pub(super) const fn only(&self) -> Option<&BTreeSet<AccordTemplate>> {
        self.templates.as_ref()
    }

    /// Whether it lets `principal` in under `template` at `now`.
    #[must_use]
    pub fn applies(
        &self,
        principal: &Principal,
        template: &AccordTemplate,
        now: Timestamp,
    ) -> bool {
        let is_for_template = match &self.templates {
            Some(only) => only.contains(template),
            None => true,
        };
        principal.delegate().is_none()
            && principal.issuer() == self.issuer
            && principal.subject() == self.subject
            && is_for_template
            && (self.starts_at..self.expires_at).contains(&now)
    }
}

/// A break-glass entry that can't be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BreakGlassError(&'static str);

/// As a policy file writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    issuer: String,
    subject: String,
    starts_at: Timestamp,
    expires_at: Timestamp,
    #[serde(default, deserialize_with = "super::file::given")]
    templates: Option<BTreeSet<AccordTemplate>>,
    reason: String,
}

impl TryFrom<Text> for BreakGlass {
    type Error = BreakGlassError;

    fn try_from(text: Text) -> Result<Self, BreakGlassError> {
        if text.templates.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err(BreakGlassError(
                "`templates` names none: leave it out for all",
            ));
        }
        let entry = Self::new(
            text.issuer,
            text.subject,
            text.starts_at,
            text.expires_at,
            text.reason,
        )?;
        Ok(Self {
            templates: text.templates,
            ..entry
        })
    }
}
