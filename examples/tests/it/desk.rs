//! Adele's agent at a host's connector, and Megan, who approves what needs approval.

use std::time::Duration;

use authorize_host::host::Operations;
use intune_core::{
    Approvals as _, Approver, Capability, CeremonyId, DelegationScope, InvocationContext, Invoked,
    ManagedDeviceId, Operation, OperationError, OperationErrorKind, Principal, WipeOptions,
};
use serde_json::{Value, json};

use crate::{
    running::Running,
    tenant::{RECORD, now},
};

pub(crate) const ACTIONS: [(Operation, &str); 4] = [
    (Operation::SyncDevice, "syncDevice"),
    (Operation::RemoteLock, "remoteLock"),
    (Operation::RetireDevice, "retire"),
    (Operation::WipeDevice, "wipe"),
];

pub(crate) struct Desk {
    operations: Operations,
    device: ManagedDeviceId,
    options: WipeOptions,
}

impl Desk {
    /// A desk for the tenant's one device.
    pub(crate) fn at(host: &Running) -> Self {
        Self::for_device(host, RECORD)
    }

    pub(crate) fn for_device(host: &Running, device: &str) -> Self {
        Self {
            operations: host.operations.clone().unwrap(),
            device: device.parse().unwrap(),
            options: WipeOptions::new(),
        }
    }

    /// With these parameters, where the action is a wipe.
    pub(crate) fn with(self, options: WipeOptions) -> Self {
        Self { options, ..self }
    }

    /// Tries once, with the approval or without.
    pub(crate) async fn tries(
        &self,
        operation: Operation,
        ceremony: Option<CeremonyId>,
    ) -> Result<Invoked, OperationError> {
        let (desk, device, context) = (&self.operations.connector, self.device, &context());
        match operation {
            Operation::SyncDevice => desk.sync_device(context, device, ceremony).await,
            Operation::RemoteLock => desk.remote_lock(context, device, ceremony).await,
            Operation::RetireDevice => desk.retire_device(context, device, ceremony).await,
            Operation::WipeDevice => {
                let options = self.options.clone();
                desk.wipe_device(context, device, options, ceremony).await
            }
            read => panic!("{read} is no action"),
        }
    }

    /// Asks, has it approved where that is needed, and does it.
    pub(crate) async fn invokes(&self, operation: Operation) -> Invoked {
        self.attempts(operation).await.unwrap()
    }

    /// As [`invokes`](Self::invokes), if nothing refuses it.
    pub(crate) async fn attempts(&self, operation: Operation) -> Result<Invoked, OperationError> {
        let asked = self.tries(operation, None).await;
        match asked.as_ref().map_err(OperationError::kind) {
            Err(OperationErrorKind::CeremonyRequired(open)) => {
                self.approve(open.id).await;
                self.tries(operation, Some(open.id)).await
            }
            _ => asked,
        }
    }

    /// Megan, whom the host takes for an approver, has signed in, and approves.
    pub(crate) async fn approve(&self, ceremony: CeremonyId) {
        let rule = json!(self.operations.approvers);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let megan = Principal::new(text(&rule["issuers"][0]), "megan");
        let megan = Approver::new(megan, now()).role(text(&rule["role"]));
        let ceremonies = &self.operations.ceremonies;
        ceremonies.approve(ceremony, &megan, "").await.unwrap();
    }
}

fn context() -> InvocationContext {
    let until = now().saturating_add(Duration::from_secs(3_600));
    let scope = Capability::ALL
        .into_iter()
        .fold(DelegationScope::until(until), DelegationScope::capability);
    let agent = Principal::new("https://sso.example", "adele").with_delegate("agent-7");
    InvocationContext::new(agent, scope).authorized_by(
        "device-management".parse().unwrap(),
        "ac-1".parse().unwrap(),
    )
}
