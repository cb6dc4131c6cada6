#![doc = include_str!("../README.md")]

mod body;
mod config;
mod control;
mod entra;
mod faults;
mod graph;
mod log;
mod server;
mod service;
mod sim;
mod tenant;
mod time;
mod tls;
mod wire;

pub use config::{SimConfig, StartError};
pub use entra::mint::{KeyChoice, KidChoice, TokenKind, UserToken};
pub use faults::{Count, Fault, FaultKind};
pub use log::{LoggedAuthorization, LoggedRequest};
pub use sim::Sim;
pub use tenant::{Tenant, device::Device};
pub use wire::Route;
