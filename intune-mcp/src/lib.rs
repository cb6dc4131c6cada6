#![doc = include_str!("../README.md")]

mod caller;
mod cursor;
mod deadline;

mod rate;
mod readmission;
mod server;
mod service;
mod stdio;
mod tools;

pub use caller::{Caller, CallerVerifier, VerifyError};
pub use rate::RateLimit;
pub use readmission::{Admission, Liveness, Readmission};
pub use service::{
    BuildServiceError, McpBody, McpService, McpServiceBuilder, ProtectedResourceMetadata,
};
pub use stdio::{StdioError, serve_on, serve_stdio};
pub use tools::{BuildToolsError, IntuneTools, IntuneToolsBuilder};
