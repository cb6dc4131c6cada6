//! What a setting can be set to, and how it is written.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Outcome;

/// How a policy takes effect. The later ones are the tighter ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing is evaluated; everything is allowed.
    Off,
    /// Everything is evaluated and recorded; everything is allowed.
    ReportOnly,
    /// Decisions bind.
    Enforce,
}

impl Mode {
    /// The name in policy files and records: `off`, `report_only`, `enforce`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::ReportOnly => "report_only",
            Self::Enforce => "enforce",
        }
    }
}

/// What a grace period is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// The device counts until so long before its grace period expires.
    UntilExpiry {
        /// How much of the grace period must be left.
        min_remaining: Duration,
    },
    /// Nothing: a device in grace is denied.
    Deny,
}

impl Default for Grace {
    fn default() -> Self {
        Self::UNTIL_EXPIRY
    }
}

impl Grace {
    /// The whole grace period counts.
    pub(super) const UNTIL_EXPIRY: Self = Self::UntilExpiry {
        min_remaining: Duration::ZERO,
    };
}

/// What happens when the source can't answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnOutage {
    /// Deny.
    #[default]
    Deny,
    /// Decide by the last observation, if the source is down, slow or busy. A source that refuses us, or
    /// answers nonsense, is no outage.
    LastKnownGood {
        /// An observation older than this won't do.
        max_age: Duration,
    },
}

/// What happens when a decision can't be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnAuditFailure {
    /// Deny, to be tried again.
    #[default]
    Deny,
    /// Let the decision stand without a record.
    BestEffort,
}

/// By whose device an agent is judged that has none of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delegates {
    /// By its own, that is by none.
    #[default]
    OwnDevice,
    /// By that of whoever it acts for, which the host takes from a token of theirs
    /// ([`GateRequest::delegator`](crate::GateRequest::delegator)). An agent whose own device is there, or is
    /// invalid, is judged by its own.
    DelegatorDevice,
}

/// A value as a TOML policy file writes it; a number of seconds with a fraction as a file couldn't.
pub(super) trait Written {
    fn written(&self) -> String;
}

impl Written for bool {
    fn written(&self) -> String {
        self.to_string()
    }
}

impl Written for Mode {
    fn written(&self) -> String {
        quoted(self.as_str())
    }
}

impl Written for Outcome {
    fn written(&self) -> String {
        quoted(self.as_str())
    }
}

impl Written for Duration {
    fn written(&self) -> String {
        let (seconds, nanos) = (self.as_secs(), self.subsec_nanos());
        match nanos {
            0 => seconds.to_string(),
            // Exact, as a binary fraction isn't: a digest is over this.
            _ => format!("{seconds}.{nanos:09}")
                .trim_end_matches('0')
                .to_owned(),
        }
    }
}

impl Written for Option<Duration> {
    fn written(&self) -> String {
        self.map_or_else(|| quoted("unlimited"), |age| age.written())
    }
}

impl Written for Grace {
    fn written(&self) -> String {
        match self {
            Self::Deny => quoted("deny"),
            Self::UntilExpiry { min_remaining } if min_remaining.is_zero() => {
                quoted("until_expiry")
            }
            Self::UntilExpiry { min_remaining } => {
                format!("{{ min_remaining_seconds = {} }}", min_remaining.written())
            }
        }
    }
}

impl Written for OnOutage {
    fn written(&self) -> String {
        match self {
            Self::Deny => quoted("deny"),
            Self::LastKnownGood { max_age } => {
                format!("{{ last_known_good_seconds = {} }}", max_age.written())
            }
        }
    }
}

impl Written for OnAuditFailure {
    fn written(&self) -> String {
        quoted(match self {
            Self::Deny => "deny",
            Self::BestEffort => "best_effort",
        })
    }
}

impl Written for Delegates {
    fn written(&self) -> String {
        quoted(match self {
            Self::OwnDevice => "own_device",
            Self::DelegatorDevice => "delegator_device",
        })
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
