//! A Chronicle that remembers whether it works.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chronicle::{AppendError, Receipt, Record, Sink};
use clock::{Clock, Moment};

/// After this long a refused record says nothing any more. Whoever isn't ready gets no requests, and so no chance
/// to append one and be ready again.
const REMEMBERED: Duration = Duration::from_secs(30);

/// A sink around another one, of which `/readyz` can ask whether records are taken.
#[derive(Debug)]
pub struct WatchedSink {
    sink: Arc<dyn Sink>,
    clock: Arc<dyn Clock>,
    refused_at: Mutex<Option<Moment>>,
}

impl WatchedSink {
    /// Watches `sink`.
    #[must_use]
    pub fn new(sink: Arc<dyn Sink>, clock: Arc<dyn Clock>) -> Self {
        Self {
            sink,
            clock,
            refused_at: Mutex::default(),
        }
    }

    /// Whether the last record was taken, or refused long ago.
    #[must_use]
    pub fn works(&self) -> bool {
        let refused_at = *self
            .refused_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        refused_at.is_none_or(|refused_at| self.clock.now().since(refused_at) >= REMEMBERED)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sink for WatchedSink {
    async fn append(&self, record: Record) -> Result<Receipt, AppendError> {
        let appended = self.sink.append(record).await;
        let refused_at = appended.is_err().then(|| self.clock.now());
        *self
            .refused_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = refused_at;
        appended
    }
}
