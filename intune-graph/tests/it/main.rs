//! The crate through its public surface, against tenants on loopback that share no code with it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod canary;
mod config;
mod crowds;
mod deadlines;
mod device;
mod endless;
mod failures;
mod hostile;
mod links;
mod list;
mod memory;
mod properties;
mod records;
mod requests;
mod retries;
mod rows;
mod simulator;
mod support;
mod throttling;
mod tokens;
