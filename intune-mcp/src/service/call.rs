//! Tool calls that go beyond their caller's scope: seen before MCP sees them, since only here there is a status.

use intune_core::{Capability, Operation};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Refusal;
use crate::{Caller, IntuneTools};

/// As much of a message as tells a tool call from others.
#[derive(Deserialize)]
struct Message {
    method: String,
    params: Call,
}

#[derive(Deserialize)]
struct Call {
    name: String,
    #[serde(default)]
    arguments: Option<Map<String, Value>>,
}

/// Refuses a call of a tool that the caller's scope doesn't allow, and has the refusal recorded.
///
/// What isn't plainly such a call goes on: the tool itself refuses what isn't allowed.
pub(super) async fn within_scope(
    tools: &IntuneTools,
    caller: &Caller,
    body: &[u8],
) -> Result<(), Refusal> {
    let Ok(Message { method, params }) = serde_json::from_slice(body) else {
        return Ok(());
    };
    let tool = tools.offered().find(|tool| tool.name() == params.name);
    let Some(tool) = tool.filter(|_| method == "tools/call") else {
        return Ok(());
    };
    let scope = caller.context().scope();
    if scope.allows(tool.operation()) {
        return Ok(());
    }
    let has = |capability: Capability| {
        let mut operations = Operation::ALL.into_iter();
        operations.any(|operation| operation.capability() == capability && scope.allows(operation))
    };
    let needed = tool.operation().capability();
    if has(needed) {
        // The scope leaves the operation out by name: a token with more capabilities would be no help.
        return Ok(());
    }
    let arguments = params.arguments.unwrap_or_default();
    tools.call(caller, tool, arguments).await;
    // With what the caller has already, lest it lose that with its next token.
    let enough = Capability::ALL.into_iter();
    let enough = enough.filter(|capability| *capability == needed || has(*capability));
    Err(Refusal::Scope(tool.operation(), enough.collect()))
}
