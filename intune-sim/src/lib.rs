#![doc = include_str!("../README.md")]

mod actions;
mod body;
mod config;
mod control;
mod entra;
mod faults;
mod graph;
mod log;
mod route;
mod server;
mod service;
mod sim;
mod tenant;
mod throttle;
mod time;
mod tls;
mod wire;

pub use actions::{Action, PerformedAction};
pub use config::{SimConfig, StartError};
pub use entra::mint::{KeyChoice, KidChoice, TokenKind, UserToken};
pub use faults::{Count, EntraFault, Fault, FaultKind, Layer};
pub use log::{LoggedAuthorization, LoggedRequest};
pub use route::Route;
pub use sim::Sim;
pub use tenant::{Tenant, apps::RegistrationError, device::Device};
pub use throttle::{Limits, Throttling};
