//! The simulator from outside: over HTTP, as any client sees it, and through its handle.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod action_refusals;
mod actions;
mod apps;
mod assertion;
mod client;
mod control;
mod control_apps;
mod control_tenant;
mod devices;
mod discovery;
mod entra_faults;
mod fault_json;
mod faults;
mod federated;
mod filter;
mod forge;
mod grants;
mod hostile;
mod lost;
mod paging;
mod program;
mod refusals;
mod secrets;
mod seed;
mod settings;
mod subject_name;
mod throttling;
mod token;
mod wipe;
