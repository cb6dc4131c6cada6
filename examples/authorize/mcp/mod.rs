//! The tools for agents, at `/mcp`: their bearer is an Authorization Context, and nothing else.

mod callers;
mod one_caller;

use std::sync::Arc;

use clock::Clock;
use intune_mcp::{BuildServiceError, BuildToolsError, IntuneTools, McpService};
use url::Url;

pub use callers::{AskGate, AuthorizationContexts};
pub use one_caller::{NoContext, caller};

use crate::host::Host;

/// The tools can't be offered.
#[derive(Debug, thiserror::Error)]
pub enum McpError {
    /// The tools themselves.
    #[error("the tools can't be set up")]
    Tools(#[from] BuildToolsError),
    /// The service that offers them.
    #[error("the MCP service can't be set up")]
    Service(#[from] BuildServiceError),
}

/// The four tools of a host; none, if Intune is not enabled.
///
/// # Errors
///
/// There is no randomness for cursors.
pub fn tools(host: &Host) -> Result<IntuneTools, McpError> {
    let connector = host.operations.as_ref();
    let connector = connector.map(|operations| operations.connector.clone());
    let clock: Arc<dyn Clock> = Arc::clone(&host.clock);
    Ok(IntuneTools::builder(connector, clock).build()?)
}

/// The tools over HTTP, as the resource at `url`.
///
/// # Errors
///
/// As [`tools`]; or the URL can't be a resource.
pub fn service(host: &Host, url: Url) -> Result<McpService, McpError> {
    let callers = Arc::new(AuthorizationContexts::of(host));
    // It names no authorization server: what this host issues isn't had by OAuth, and an issuer's token is refused.
    Ok(McpService::builder(tools(host)?, callers, url).build()?)
}
