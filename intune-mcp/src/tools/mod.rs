//! The tools themselves, which know nothing of how MCP is spoken.

mod answer;
mod arguments;
mod builder;
mod compliance;
mod device;
mod error;
mod kind;
mod schema;
mod text;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use clock::Clock;
use futures_util::FutureExt as _;
use intune_core::{Capability, IntuneConnector, InvocationContext, Operation};
use serde_json::{Map, Value};

pub(crate) use answer::Answer;
use answer::{ActionResult, DeviceList};
use arguments::{Arguments, List};
pub use builder::{BuildToolsError, IntuneToolsBuilder};
use compliance::ComplianceAnswer;
use device::Device;
pub(crate) use error::ToolError;
pub(crate) use kind::ToolKind;
pub(crate) use schema::{input_schema, output_schema};

use crate::{
    Admission, Caller, Liveness,
    cursor::{CursorSeal, Place},
    deadline::within,
    rate::Pace,
};

/// How long to wait for the gate, which has its own deadlines for what it waits for.
const GATE_DEADLINE: Duration = Duration::from_secs(30);

/// Intune's devices as tools, through the governed connector. Clones share everything.
///
/// A caller sees the tools that its scope allows. Before each call, the gate is asked about the caller again;
/// then the connector does what it does for everybody: scope, ceremony, records.
///
/// | tool | takes | the gate is asked |
/// | --- | --- | --- |
/// | `list_devices`, `get_device_compliance` | `READ` | cached |
/// | `sync_device` | `PROPOSE` | cached |
/// | `remote_lock` | `MUTATE`, and a ceremony unless the host opted out | live |
#[derive(Clone, Debug)]
pub struct IntuneTools {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    connector: Option<IntuneConnector>,
    clock: Arc<dyn Clock>,
    cursors: CursorSeal,
    pace: Pace,
}

impl IntuneTools {
    /// Starts tools that go through `connector`. Without one, as when Intune isn't enabled, there are none.
    pub fn builder(
        connector: impl Into<Option<IntuneConnector>>,
        clock: Arc<dyn Clock>,
    ) -> IntuneToolsBuilder {
        IntuneToolsBuilder::new(connector.into(), clock)
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.inner.pace
    }

    /// The tools of this host, whoever asks, always in the same order.
    pub(crate) fn offered(&self) -> impl Iterator<Item = ToolKind> {
        let connector = self.inner.connector.as_ref();
        let reads = connector.is_some();
        let acts = connector.is_some_and(IntuneConnector::has_actions);
        ToolKind::ALL
            .into_iter()
            .filter(move |tool| match tool.operation().capability() {
                Capability::Read => reads,
                Capability::Propose | Capability::Mutate => acts,
            })
    }

    /// Calls a tool that is offered.
    pub(crate) async fn call(
        &self,
        caller: &Caller,
        tool: ToolKind,
        arguments: Map<String, Value>,
    ) -> Answer {
        // What a host plugged in may panic, and a caller must hear of it.
        let called = AssertUnwindSafe(self.try_call(caller, tool, arguments)).catch_unwind();
        let answer = called.await.unwrap_or_else(|_| {
            tracing::error!(tool = tool.name(), "a tool panicked");
            Err(ToolError::interrupted())
        });
        answer.unwrap_or_else(|error| {
            tracing::info!(
                tool = tool.name(),
                reason = error.reason(),
                "a tool call failed"
            );
            Answer::from(error)
        })
    }

    async fn try_call(
        &self,
        caller: &Caller,
        tool: ToolKind,
        arguments: Map<String, Value>,
    ) -> Result<Answer, ToolError> {
        let arguments = Arguments::parse(tool, arguments)?;
        let connector = self.inner.connector.as_ref();
        let connector = connector.ok_or_else(|| ToolError::unavailable("operations_off", None))?;
        self.readmit(caller, tool.operation()).await?;
        let context = caller.context();
        match arguments {
            Arguments::List(list) => self.list(connector, context, list).await,
            Arguments::Compliance { device } => {
                let observation = connector.get_compliance(context, device).await?;
                Ok(ComplianceAnswer::new(device, &observation).into())
            }
            Arguments::Sync { device, ceremony } => {
                let invoked = connector.sync_device(context, device, ceremony).await?;
                Ok(ActionResult::new(invoked).into())
            }
            Arguments::Lock { device, ceremony } => {
                let invoked = connector.remote_lock(context, device, ceremony).await?;
                Ok(ActionResult::new(invoked).into())
            }
        }
    }

    /// Asks the gate again. Not about who may not do this at any time: the connector refuses that, and records it.
    async fn readmit(&self, caller: &Caller, operation: Operation) -> Result<(), ToolError> {
        if !caller.context().scope().allows(operation) {
            return Ok(());
        }
        let liveness = match operation.capability() {
            Capability::Read | Capability::Propose => Liveness::Cached,
            Capability::Mutate => Liveness::Live,
        };
        let asked = caller.readmission().readmit(liveness);
        match within(&self.inner.clock, GATE_DEADLINE, asked).await {
            Some(Admission::Allowed) => Ok(()),
            Some(Admission::Denied {
                reason,
                retry_after,
            }) => Err(ToolError::not_readmitted(&reason, retry_after)),
            None => Err(ToolError::unavailable("timed_out", None)),
        }
    }

    async fn list(
        &self,
        connector: &IntuneConnector,
        context: &InvocationContext,
        list: List,
    ) -> Result<Answer, ToolError> {
        let binding = list.binding(context.principal());
        let Place { page: start, skip } = match &list.cursor {
            None => Place {
                page: None,
                skip: 0,
            },
            Some(cursor) => {
                let place = self.inner.cursors.open(cursor, &binding);
                place.ok_or_else(ToolError::foreign_cursor)?
            }
        };
        let page = connector
            .list_devices(context, &list.query(), start.clone())
            .await?;
        // A directory may put more on a page than it was asked for. What has no room comes next.
        let shown = skip.saturating_add(list.limit);
        let next = if shown < page.items.len() {
            Some(Place {
                page: start,
                skip: shown,
            })
        } else {
            page.next.map(|next| Place {
                page: Some(next),
                skip: 0,
            })
        };
        let next_cursor = match next {
            None => None,
            Some(place) => {
                let cursor = self.inner.cursors.seal(&place, &binding);
                Some(cursor.ok_or_else(|| ToolError::unavailable("cursor_too_long", None))?)
            }
        };
        let devices = page.items.iter().skip(skip).take(list.limit);
        Ok(DeviceList::new(devices.map(Device::new).collect(), next_cursor).into())
    }
}
