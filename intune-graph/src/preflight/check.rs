use std::{borrow::Cow, fmt};

/// What a preflight found. Displayed, it is a table with a line for each check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    checks: Vec<Check>,
}

impl Preflight {
    pub(super) const fn new(checks: Vec<Check>) -> Self {
        Self { checks }
    }

    /// The checks, in the order in which they were made.
    #[must_use]
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Whether none failed. Warnings don't count.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        let mut checks = self.checks.iter();
        checks.all(|check| check.verdict != Verdict::Failed)
    }
}

impl fmt::Display for Preflight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.checks
            .iter()
            .try_for_each(|check| writeln!(f, "{check}"))
    }
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// What was checked: `token`, an operation's name, `read`, …
    pub name: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was found and, where it isn't well, what to do.
    pub detail: Cow<'static, str>,
}

/// How a checked thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// As it must be.
    Passed,
    /// It works, but its operator should know something; or it can't be told.
    Warning,
    /// Something won't work.
    Failed,
}

impl Check {
    pub(super) fn passed(name: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, Verdict::Passed, detail)
    }

    pub(super) fn warning(name: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, Verdict::Warning, detail)
    }

    pub(super) fn failed(name: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(name, Verdict::Failed, detail)
    }

    fn new(name: &'static str, verdict: Verdict, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name,
            verdict,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Passed => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "FAILED",
        };
        write!(f, "{verdict:<8} {:<25} {}", self.name, self.detail)
    }
}
