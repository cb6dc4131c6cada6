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
mod budget;
mod budget_model;
mod canaries;
mod ceremonies;
mod ceremony_rules;
mod delegation;
mod dry_run;
mod in_memory;
mod own_device;
mod people;
mod reads;
mod schemas;
mod scope;
mod switch;
mod values;
mod world;
