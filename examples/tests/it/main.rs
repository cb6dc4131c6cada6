//! The reference host over a tenant of its own making: what the contract says, seen from outside.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic, its helpers too"
)]

mod answer;
mod audit;
mod binary;
mod break_glass;
mod cache;
mod ceremonies;
mod check;
mod chronicle_file;
mod credentials;
mod crowds;
mod delegator;
mod desk;
mod forms;
mod graph;
mod health;
mod identity;
mod issuer_keys;
mod keys;
mod look_ups;
mod mcp;
mod memory;
mod operations;
mod outage;
mod patience;
mod policy;
mod raw;
mod running;
mod scenario;
mod shapes;
mod simulated;
mod stdio;
mod table;
mod tenant;
mod throttled;
mod tokens;
mod wipe;
