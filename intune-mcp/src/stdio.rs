//! One caller, on standard input and output.

use rmcp::{
    ServiceExt as _,
    transport::{async_rw::AsyncRwTransport, stdio},
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{Caller, IntuneTools, server::Server};

/// The longest line that is read: longer ones are dropped.
const MAX_LINE: usize = 64 * 1024;

/// Serves the tools to `caller` on standard input and output, until the input ends.
///
/// Who the caller is, the host has found out beforehand, from credentials in its environment. Nothing else may
/// be written to standard output meanwhile: send logs to standard error.
///
/// # Errors
///
/// [`StdioError`]
///
/// # Cancel safety
///
/// Calls under way are carried out all the same; nobody gets their answers.
pub async fn serve_stdio(tools: IntuneTools, caller: Caller) -> Result<(), StdioError> {
    let (input, output) = stdio();
    serve_on(tools, caller, input, output).await
}

/// As [`serve_stdio`], on any two streams.
///
/// # Errors
///
/// As [`serve_stdio`].
///
/// # Cancel safety
///
/// As [`serve_stdio`].
pub async fn serve_on<R, W>(
    tools: IntuneTools,
    caller: Caller,
    input: R,
    output: W,
) -> Result<(), StdioError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(MAX_LINE);
    let server = Server::new(tools, Some(caller));
    let running = server.serve(transport).await;
    let running = running.map_err(|error| StdioError(error.to_string()))?;
    let ended = running.waiting().await;
    ended.map_err(|error| StdioError(error.to_string()))?;
    Ok(())
}

/// The client didn't speak MCP, or the session broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the MCP session failed: {0}")]
pub struct StdioError(String);
