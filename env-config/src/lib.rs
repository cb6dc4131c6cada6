#![doc = include_str!("../README.md")]

mod environment;
mod error;
mod reader;

pub use environment::Environment;
pub use error::{ConfigError, Problem};
pub use reader::{Reader, parse_boolean};
