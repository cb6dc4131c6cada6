//! The simulator from outside: over HTTP, as any client sees it, and through its handle.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod client;
mod control;
mod devices;
mod discovery;
mod faults;
mod filter;
mod paging;
mod program;
mod seed;
mod token;
