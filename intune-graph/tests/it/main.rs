//! The crate through its public surface, against tenants on loopback that share no code with it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod action_gate;
mod action_once;
mod action_outcomes;
mod action_requests;
mod action_simulator;
mod action_turns;
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
mod operations_config;
mod preflight;
mod preflight_clock;
mod properties;
mod records;
mod requests;
mod retries;
mod rows;
mod simulator;
mod support;
mod throttling;
mod tokens;
