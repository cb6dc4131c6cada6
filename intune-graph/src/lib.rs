#![doc = include_str!("../README.md")]

mod answer;
mod client;
mod config;
mod endpoint;
mod next_link;
mod object;
mod odata;
mod page;
mod request;
mod row;

pub use client::GraphClient;
pub use config::GraphConfig;
pub use endpoint::GraphEndpoint;
pub use odata::string_literal;
