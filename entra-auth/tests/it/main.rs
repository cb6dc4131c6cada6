//! The crate through its public surface, against servers on loopback that share no code with it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod cache;
mod canary;
mod concurrency;
mod config;
mod names;
mod support;
mod transport;
