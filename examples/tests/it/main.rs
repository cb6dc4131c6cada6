//! The reference host over a tenant of its own making: what the contract says, seen from outside.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic, its helpers too"
)]

mod audit;
mod binary;
mod cache;
mod chronicle_file;
mod forms;
mod graph;
mod health;
mod identity;
mod issuer_keys;
mod keys;
mod outage;
mod policy;
mod raw;
mod running;
mod table;
mod tenant;
mod tokens;
