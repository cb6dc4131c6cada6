#![doc = include_str!("../README.md")]

mod chain;
mod event;
pub mod events;
mod id;
mod jsonl;
mod line;
mod memory;
mod record;
mod sink;
mod source;
mod trace;
mod verify;

pub use chain::{Hash, Receipt, Sequence};
pub use event::{Event, EventType};
pub use id::RecordId;
pub use jsonl::{Durability, JsonlBuilder, JsonlSink, OpenError, OpenErrorKind, Recovered};
pub use line::MAX_LINE_BYTES;
pub use memory::{MemorySink, StoredRecord};
pub use record::{Record, RecordError};
pub use sink::{AppendError, AppendErrorKind, Sink};
pub use source::{ParseSourceError, Source};
pub use trace::{ParseTraceParentError, TraceParent};
pub use verify::{Verified, VerifyError, VerifyErrorKind, verify, verify_file};
