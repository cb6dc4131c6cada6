use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use crate::{AppendError, Receipt, Record, Sink, line};

/// A sink that keeps records in memory. Clones share the records.
///
/// ```
/// # use chronicle::{MemorySink, Record, RecordId, Sink, Source};
/// # #[derive(serde::Serialize)]
/// # struct DoorOpened;
/// # impl chronicle::Event for DoorOpened {
/// #     const TYPE: chronicle::EventType = chronicle::EventType::new("DOOR_OPENED");
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let source: Source = "urn:house".parse()?;
/// # let now = clock::Timestamp::MIN;
/// # let record = Record::new(&DoorOpened, &source, RecordId::generate(now), now)?;
/// let sink = MemorySink::new();
/// sink.append(record).await?;
/// assert_eq!(sink.records().len(), 1);
/// assert_eq!(chronicle::verify(sink.to_jsonl().as_slice())?.records, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemorySink {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    records: VecDeque<StoredRecord>,
    keep: Option<usize>,
    head: Option<Receipt>,
    #[cfg(feature = "test-util")]
    refuses: bool,
}

impl MemorySink {
    /// Makes a sink that keeps every record.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a sink that keeps the newest `count` records and forgets the others.
    ///
    /// Sequence and chain go on as if nothing had been forgotten.
    #[must_use]
    pub fn keep_last(count: usize) -> Self {
        let sink = Self::default();
        sink.lock().keep = Some(count);
        sink
    }

    /// The records, oldest first.
    #[must_use]
    pub fn records(&self) -> Vec<StoredRecord> {
        self.lock().records.iter().cloned().collect()
    }

    /// The bytes that a [`JsonlSink`](crate::JsonlSink) would have written.
    ///
    /// [`verify`](crate::verify()) accepts them if no record has been forgotten.
    #[must_use]
    pub fn to_jsonl(&self) -> Vec<u8> {
        let state = self.lock();
        let lines = state.records.iter().map(|stored| stored.line.as_ref());
        lines.collect::<Vec<_>>().concat()
    }

    /// Makes every later append fail as unavailable, or work again.
    #[cfg(feature = "test-util")]
    pub fn refuse_appends(&self, refuse: bool) {
        self.lock().refuses = refuse;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for MemorySink {
    async fn append(&self, record: Record) -> Result<Receipt, AppendError> {
        let mut state = self.lock();
        #[cfg(feature = "test-util")]
        if state.refuses {
            return Err(AppendError::new(crate::AppendErrorKind::Unavailable));
        }
        let (receipt, line) = line::write(&record, state.head)?;
        let line = line.into();
        state.records.push_back(StoredRecord {
            record,
            receipt,
            line,
        });
        state.head = Some(receipt);
        if state.keep.is_some_and(|keep| state.records.len() > keep) {
            state.records.pop_front();
        }
        Ok(receipt)
    }
}

/// A record that a [`MemorySink`] holds.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    record: Record,
    receipt: Receipt,
    line: Arc<[u8]>,
}

impl StoredRecord {
    /// The record as it was appended.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// What the append returned.
    #[must_use]
    pub const fn receipt(&self) -> Receipt {
        self.receipt
    }

    /// Its line, newline included.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.line
    }
}
