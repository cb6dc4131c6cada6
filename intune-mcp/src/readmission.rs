use std::{borrow::Cow, fmt::Debug, time::Duration};

use async_trait::async_trait;

/// Asks the gate about one caller again, under the template of its Authorization Context. The host implements it.
///
/// A device can turn noncompliant while an Authorization Context lives, so it is asked before every tool call.
#[async_trait]
pub trait Readmission: Debug + Send + Sync {
    /// Says whether the caller would be let in now.
    ///
    /// What can't be found out is [`Admission::Denied`], as with the gate.
    ///
    /// # Cancel safety
    ///
    /// As that of the gate: a record of the decision may or may not have been made.
    async fn readmit(&self, liveness: Liveness) -> Admission;
}

/// Where the state of the caller's device is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Liveness {
    /// From the cache, if the policy lets it.
    Cached,
    /// From the service, now: for what takes `MUTATE`. Neither a cache nor a last known state will do.
    Live,
}

/// Whether a caller would be let in now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It would.
    Allowed,
    /// It would not.
    Denied {
        /// The gate's code for why, such as `noncompliant`. The caller sees it.
        reason: Cow<'static, str>,
        /// How long to wait before it may turn out otherwise; `None` if waiting alone won't help.
        retry_after: Option<Duration>,
    },
}
