use std::{error::Error, fmt, fmt::Debug, sync::Arc};

use async_trait::async_trait;

use crate::{Receipt, Record};

/// Where records go.
///
/// A sink gives each record that it takes the next [`Sequence`](crate::Sequence), with no gap after one
/// that it refused. `Arc<dyn Sink>` and `Box<dyn Sink>` are sinks.
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// Stores `record` after all records that were stored before.
    ///
    /// # Errors
    ///
    /// [`AppendError`], if the record is not stored. A caller for whom an event without a record must
    /// not happen refuses the action then.
    ///
    /// # Cancel safety
    ///
    /// The sinks of this crate do all the work when first polled: a future that was polled once has
    /// stored the record or refused it.
    async fn append(&self, record: Record) -> Result<Receipt, AppendError>;
}

#[async_trait]
impl<S: Sink + ?Sized> Sink for Arc<S> {
    async fn append(&self, record: Record) -> Result<Receipt, AppendError> {
        (**self).append(record).await
    }
}

#[async_trait]
impl<S: Sink + ?Sized> Sink for Box<S> {
    async fn append(&self, record: Record) -> Result<Receipt, AppendError> {
        (**self).append(record).await
    }
}

/// A record was not stored.
#[derive(Clone, Debug)]
pub struct AppendError {
    kind: AppendErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// Why a record was not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AppendErrorKind {
    /// The store can't be written now; the same record may be taken later.
    Unavailable,
    /// The record's line would exceed [`MAX_LINE_BYTES`](crate::MAX_LINE_BYTES).
    TooLong,
    /// The sink takes no more records until it is opened anew.
    Closed,
}

impl AppendError {
    /// Makes an error without a cause, for sinks of your own.
    #[must_use]
    pub const fn new(kind: AppendErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// Makes an error that `source` caused.
    #[must_use]
    pub fn with_source(
        kind: AppendErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            source: Some(source.into().into()),
        }
    }

    /// Why the record was not stored.
    #[must_use]
    pub const fn kind(&self) -> AppendErrorKind {
        self.kind
    }
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            AppendErrorKind::Unavailable => "the record can't be stored now, try again later",
            AppendErrorKind::TooLong => "the record's line exceeds 1 MiB, put less data into it",
            AppendErrorKind::Closed => "the sink is closed after a failure, open it anew",
        })
    }
}

impl Error for AppendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
