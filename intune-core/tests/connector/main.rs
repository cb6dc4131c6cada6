//! The governed connector, from the outside.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod actions;
mod actions_lost;
mod at_most_once;
mod canaries;
mod ceremonies;
mod ceremony_rules;
mod in_memory;
mod people;
mod reads;
mod scope;
mod values;
mod world;
