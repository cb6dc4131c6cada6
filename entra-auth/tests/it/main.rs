//! The crate through its public surface, against servers on loopback that share no code with it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod background;
mod cache;
mod cae;
mod canary;
mod concurrency;
mod config;
mod credential;
mod credential_canary;
mod credential_pem;
mod credential_rotation;
mod credential_support;
mod drive;
mod names;
mod options;
mod peer_defects;
mod retry;
mod simulator;
mod status;
mod support;
mod throttle;
mod transport;
mod wrong_cloud;
