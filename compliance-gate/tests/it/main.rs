//! The crate through its public surface, by a clock that only the test moves.

mod break_glass;
mod break_glass_exact;
mod cache;
mod common;
mod config;
mod counters;
mod decision_table;
mod events;
mod executor;
mod file;
mod freshness;
mod gate;
mod identity;
mod interleavings;
mod late_refusal;
mod layer;
mod layered_sources;
mod layers;
mod policy_edges;
mod reasons;
mod refreshed_once;
mod reload;
mod replay;
mod replay_reported;
mod schema;
mod tighten;
