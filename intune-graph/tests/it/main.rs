//! The crate through its public surface, against tenants on loopback that share no code with it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod canary;
mod config;
mod device;
mod endless;
mod failures;
mod hostile;
mod links;
mod list;
mod properties;
mod records;
mod requests;
mod rows;
mod simulator;
mod support;
mod tokens;
