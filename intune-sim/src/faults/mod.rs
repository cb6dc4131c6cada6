//! Faults: what is injected, and which request it meets.

pub(crate) mod apply;
mod build;
mod entra;
mod gzip;
mod kind;
mod oversize;
mod refusal;
mod slow;

use std::collections::BTreeSet;

use http::HeaderMap;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use entra::EntraFault;
pub use kind::{FaultKind, Layer};

use crate::{log::LoggedAuthorization, route::Route};

/// A fault to inject: which requests it meets, how often, and what it does.
///
/// ```
/// use intune_sim::{Fault, FaultKind, Route};
///
/// let throttled = Fault::new(Route::ListDevices, FaultKind::status(429).retry_after("2")).times(3);
/// let outage = Fault::new(Route::Any, FaultKind::CutConnection).always();
/// # let _ = (throttled, outage);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fault {
    /// Which calls it meets.
    pub route: Route,
    /// A text that the path and query, as sent, must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// How many more requests it meets; one unless said otherwise.
    #[serde(default)]
    pub count: Count,
    /// What happens to them.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault that meets the next request of a route.
    #[must_use]
    pub fn new(route: Route, kind: FaultKind) -> Self {
        Self {
            route,
            contains: None,
            count: Count::default(),
            kind,
        }
    }

    /// Meets this many requests.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = Count::Times(count);
        self
    }

    /// Meets every request until the faults are cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.count = Count::Always;
        self
    }

    /// Meets only requests whose path and query, as sent, contain this text.
    #[must_use]
    pub fn containing(mut self, text: impl Into<String>) -> Self {
        self.contains = Some(text.into());
        self
    }

    fn meets(&self, route: Route, target: &str) -> bool {
        self.route.covers(route)
            && self.count != Count::Times(0)
            && self
                .contains
                .as_ref()
                .is_none_or(|text| target.contains(text.as_str()))
            && (!self.kind.needs_list() || route == Route::ListDevices)
    }
}

/// How many requests a fault meets: in JSON a number, or `"always"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CountText", into = "CountText")]
pub enum Count {
    /// This many.
    Times(u32),
    /// Every one until the faults are cleared.
    Always,
}

impl Default for Count {
    fn default() -> Self {
        Count::Times(1)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum CountText {
    Number(u32),
    Word(String),
}

impl TryFrom<CountText> for Count {
    type Error = String;

    fn try_from(text: CountText) -> Result<Self, String> {
        match text {
            CountText::Number(count) => Ok(Count::Times(count)),
            CountText::Word(word) if word == "always" => Ok(Count::Always),
            CountText::Word(word) => Err(format!("`{word}` is not a count: a number or `always`")),
        }
    }
}

impl From<Count> for CountText {
    fn from(count: Count) -> Self {
        match count {
            Count::Times(count) => CountText::Number(count),
            Count::Always => CountText::Word("always".to_owned()),
        }
    }
}

/// The injected faults, oldest first.
#[derive(Debug)]
pub(crate) struct FaultBook {
    faults: Vec<Fault>,
    releases: watch::Sender<u64>,
    /// Digests of the tokens that Graph has been told to reject.
    rejected: BTreeSet<String>,
}

impl Default for FaultBook {
    fn default() -> Self {
        Self {
            faults: Vec::new(),
            releases: watch::Sender::new(0),
            rejected: BTreeSet::new(),
        }
    }
}

impl FaultBook {
    pub(crate) fn inject(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.faults.clone()
    }

    /// The oldest fault that meets the request. The receiver sees every release from now on.
    pub(crate) fn take(
        &mut self,
        route: Route,
        target: &str,
    ) -> Option<(FaultKind, watch::Receiver<u64>)> {
        let fault = self
            .faults
            .iter_mut()
            .find(|fault| fault.meets(route, target))?;
        let kind = fault.kind.clone();
        if let Count::Times(left) = &mut fault.count {
            *left -= 1;
        }
        self.faults.retain(|fault| fault.count != Count::Times(0));
        Some((kind, self.releases.subscribe()))
    }

    /// Rejects the token of a request from now on.
    fn reject_token(&mut self, headers: &HeaderMap) {
        let authorization = LoggedAuthorization::of(headers);
        self.rejected
            .extend(authorization.map(|presented| presented.sha256));
    }

    /// Whether the token of a request is to be rejected.
    pub(crate) fn rejects(&self, headers: &HeaderMap) -> bool {
        !self.rejected.is_empty()
            && LoggedAuthorization::of(headers)
                .is_some_and(|presented| self.rejected.contains(&presented.sha256))
    }

    /// Lets held answers go, and holds no further ones.
    pub(crate) fn release(&mut self) {
        self.faults
            .retain(|fault| *fault.kind.innermost() != FaultKind::Hold);
        self.releases.send_modify(|releases| *releases += 1);
    }

    /// Forgets all faults, and lets held answers go.
    pub(crate) fn clear(&mut self) {
        self.release();
        self.faults.clear();
        self.rejected.clear();
    }
}
