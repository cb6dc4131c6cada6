//! Who and what the tests are about.

use std::time::Duration;

use clock::Timestamp;
use intune_core::{
    ApprovalRule, Approvals as _, Approver, Capability, CeremonyId, DecideError, DelegationScope,
    EntraDeviceId, InMemoryCeremonies, IntuneConnector, InvocationContext, Invoked, ManagedDevice,
    ManagedDeviceId, Operation, OperationError, PendingCeremony, Principal, WipeOptions,
};

use crate::world::run;

pub(crate) const ROLE: &str = "device-approver";
pub(crate) const ISSUER: &str = "https://login.example/t1/v2.0";
pub(crate) const LAPTOP: &str = "11111111-2222-4333-8444-555555555555";
pub(crate) const OTHER: &str = "11111111-2222-4333-8444-666666666666";
pub(crate) const ENTRA: &str = "33333333-4444-4555-8666-777777777777";
pub(crate) const AC: &str = "0199b3a4-6f0e-7c61";
pub(crate) const ACTIONS: [Operation; 4] = [
    Operation::SyncDevice,
    Operation::RemoteLock,
    Operation::RetireDevice,
    Operation::WipeDevice,
];
pub(crate) const READS: [Operation; 3] = [
    Operation::ListDevices,
    Operation::GetDevice,
    Operation::GetCompliance,
];

pub(crate) fn start() -> Timestamp {
    "2026-11-23T06:00:00Z".parse().unwrap()
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) fn laptop_id() -> ManagedDeviceId {
    LAPTOP.parse().unwrap()
}

pub(crate) fn entra_id() -> EntraDeviceId {
    ENTRA.parse().unwrap()
}

pub(crate) fn device(id: &str) -> ManagedDevice {
    let mut device = ManagedDevice::new(id.parse().unwrap());
    device.azure_ad_device_id = Some(entra_id());
    device
}

pub(crate) fn adele() -> Principal {
    Principal::new(ISSUER, "adele").with_delegate("agent-7")
}

pub(crate) fn megan() -> Principal {
    Principal::new(ISSUER, "megan")
}

/// Approvers of two issuers, who signed in within a day.
pub(crate) fn rule() -> ApprovalRule {
    let rule = ApprovalRule::new(ISSUER, ROLE).issuer("https://idp.example");
    rule.max_authentication_age(24 * 60 * 60)
}

/// This principal, with the role, and signed in at the start.
pub(crate) fn approver(principal: Principal) -> Approver {
    Approver::new(principal, start()).role(ROLE)
}

pub(crate) fn approve(
    ceremonies: &InMemoryCeremonies,
    id: CeremonyId,
    who: &Principal,
) -> Result<(), DecideError> {
    run(ceremonies.approve(id, &approver(who.clone()), "")).map(drop)
}

pub(crate) fn deny(
    ceremonies: &InMemoryCeremonies,
    id: CeremonyId,
    who: &Principal,
) -> Result<(), DecideError> {
    run(ceremonies.deny(id, &approver(who.clone()), "")).map(drop)
}

pub(crate) fn pending(ceremonies: &InMemoryCeremonies) -> Vec<PendingCeremony> {
    run(ceremonies.pending()).unwrap()
}

/// Everything, for an hour.
pub(crate) fn full_scope() -> DelegationScope {
    let until = start().saturating_add(seconds(3600));
    let scope = DelegationScope::until(until);
    Capability::ALL
        .into_iter()
        .fold(scope, DelegationScope::capability)
}

/// Adele through her agent, under an Authorization Context, with this scope.
pub(crate) fn within(scope: DelegationScope) -> InvocationContext {
    InvocationContext::new(adele(), scope).authorized_by(
        "infrastructure-operations".parse().unwrap(),
        AC.parse().unwrap(),
    )
}

pub(crate) fn context() -> InvocationContext {
    within(full_scope())
}

/// Invokes an action on the laptop.
pub(crate) async fn act(
    connector: &IntuneConnector,
    context: &InvocationContext,
    action: Operation,
    ceremony: Option<CeremonyId>,
) -> Result<Invoked, OperationError> {
    let id = laptop_id();
    match action {
        Operation::SyncDevice => connector.sync_device(context, id, ceremony).await,
        Operation::RemoteLock => connector.remote_lock(context, id, ceremony).await,
        Operation::RetireDevice => connector.retire_device(context, id, ceremony).await,
        Operation::WipeDevice => {
            let options = WipeOptions::new();
            connector.wipe_device(context, id, options, ceremony).await
        }
        other => panic!("{other} is not an action"),
    }
}

/// Invokes any operation and forgets what a read returned.
pub(crate) async fn invoke(
    connector: &IntuneConnector,
    context: &InvocationContext,
    operation: Operation,
) -> Result<(), OperationError> {
    match operation {
        Operation::ListDevices => {
            let all = intune_core::DeviceQuery::new();
            connector.list_devices(context, &all, None).await.map(drop)
        }
        Operation::GetDevice => {
            let found = connector.get_device(context, laptop_id()).await;
            found.map(drop)
        }
        Operation::GetCompliance => {
            let found = connector.get_compliance(context, entra_id()).await;
            found.map(drop)
        }
        action => act(connector, context, action, None).await.map(drop),
    }
}
