use std::{fmt, sync::Arc};

use clock::Clock;
use intune_core::IntuneConnector;

use super::{Inner, IntuneTools};
use crate::{RateLimit, cursor::CursorSeal, rate::Pace};

/// Puts [`IntuneTools`] together.
#[must_use]
pub struct IntuneToolsBuilder {
    connector: Option<IntuneConnector>,
    clock: Arc<dyn Clock>,
    cursor_key: Option<[u8; 32]>,
    rate_limit: RateLimit,
}

impl IntuneToolsBuilder {
    pub(super) fn new(connector: Option<IntuneConnector>, clock: Arc<dyn Clock>) -> Self {
        Self {
            connector,
            clock,
            cursor_key: None,
            rate_limit: RateLimit::default(),
        }
    }

    /// Sets how often one caller may come.
    pub const fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = limit;
        self
    }

    /// Sets the key that cursors are sealed with, for replicas that must read each other's. By default it is
    /// made at random, and cursors end with the process.
    pub const fn cursor_key(mut self, key: [u8; 32]) -> Self {
        self.cursor_key = Some(key);
        self
    }

    /// Makes the tools.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub fn build(self) -> Result<IntuneTools, BuildToolsError> {
        let cursors = CursorSeal::new(self.cursor_key).ok_or(BuildToolsError(()))?;
        Ok(IntuneTools {
            inner: Arc::new(Inner {
                connector: self.connector,
                cursors,
                pace: Pace::new(self.rate_limit, Arc::clone(&self.clock)),
                clock: self.clock,
            }),
        })
    }
}

/// Leaves the key out.
impl fmt::Debug for IntuneToolsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntuneToolsBuilder")
            .field("connector", &self.connector)
            .field("rate_limit", &self.rate_limit)
            .finish_non_exhaustive()
    }
}

/// No key for cursors could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key for cursors could be made: the system has no randomness")]
pub struct BuildToolsError(());
