//! Actions on the device that the tests ask for.

use std::sync::Arc;

use clock::Clock as _;
use entra_auth::TokenProvider;
use intune_core::{
    ActionOutcome, DeviceAction, DeviceActions as _, InvocationId, ManagedDevice, SourceFailure,
    Target, WipeOptions,
};
use intune_graph::{GraphActions, GraphClient};
use tokio::task::JoinHandle;

use super::{Tokens, client, noon, record_id};

/// The power to act, with everything else as the tests of reads have it.
pub(crate) fn actions(graph: &str) -> GraphActions {
    acting_as(&client(graph), &Tokens::default())
}

pub(crate) fn acting_as(
    client: &GraphClient,
    tokens: &(impl TokenProvider + Clone + 'static),
) -> GraphActions {
    client.actions(Arc::new(tokens.clone()))
}

pub(crate) fn every_action() -> [DeviceAction; 4] {
    [
        DeviceAction::Sync,
        DeviceAction::RemoteLock,
        DeviceAction::Retire,
        DeviceAction::Wipe(WipeOptions::new()),
    ]
}

pub(crate) fn target() -> Target {
    Target::of(&ManagedDevice::new(record_id()))
}

pub(crate) fn invocation() -> InvocationId {
    InvocationId::generate(noon().now().wall)
}

/// What comes of an action with an invocation of its own.
pub(crate) async fn perform(actions: &GraphActions, action: &DeviceAction) -> ActionOutcome {
    actions.perform(action, &target(), invocation()).await
}

pub(crate) async fn lock(actions: &GraphActions) -> ActionOutcome {
    perform(actions, &DeviceAction::RemoteLock).await
}

pub(crate) fn start_lock(actions: &GraphActions) -> JoinHandle<ActionOutcome> {
    let actions = actions.clone();
    tokio::spawn(async move { lock(&actions).await })
}

#[track_caller]
pub(crate) fn rejection(outcome: ActionOutcome) -> SourceFailure {
    assert_eq!(outcome.as_str(), "rejected", "{outcome:?}");
    outcome.failure().unwrap().clone()
}

#[track_caller]
pub(crate) fn doubt(outcome: ActionOutcome) -> SourceFailure {
    assert_eq!(outcome.as_str(), "unknown", "{outcome:?}");
    outcome.failure().unwrap().clone()
}
