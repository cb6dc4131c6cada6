//! The tools as clients meet them: over both transports, with what a host provides played by one object.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod actions;
mod bearer;
mod clients;
mod crowd;
mod front;
mod host;
mod listing;
mod logs;
mod reads;
mod scopes;
mod simulated;
mod surface;
mod versions;
mod waits;
mod wire;
mod world;
