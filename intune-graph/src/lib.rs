#![doc = include_str!("../README.md")]

mod actions;
mod answer;
mod builder;
mod client;
mod config;
mod endpoint;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod listing;
mod object;
mod odata;
mod operations_config;
mod page;
mod preflight;
mod request;
mod row;
mod settings;
mod wire;

pub use actions::GraphActions;
pub use builder::GraphClientBuilder;
pub use client::GraphClient;
pub use config::GraphConfig;
pub use endpoint::GraphEndpoint;
pub use odata::string_literal;
pub use operations_config::OperationsConfig;
pub use preflight::{Check, Preflight, Verdict};
pub use wire::RequestBudget;
