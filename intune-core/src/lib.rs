#![doc = include_str!("../README.md")]

mod actions;
mod ceremony;
mod compliance_state;
#[cfg(feature = "test-util")]
pub mod conformance;
mod connector;
mod delegation;
mod device;
mod directory_compliance;
mod failure;
mod ids;
mod observation;
mod operation;
mod ports;
mod principal;
mod records;

pub use actions::{
    Acceptance, ActionOutcome, DeviceAction, MacOsUnlockCode, ParametersDigest,
    ParseUnlockCodeError, Target, WipeOptions,
};
pub use ceremony::{
    Approval, ApprovalRule, Approver, AsTokensSay, CeremonyRefusal, CeremonyRequest, CeremonyVote,
    DecideError, InMemoryCeremonies, Mismatch, OpenCeremony, PendingCeremony, People,
};
pub use compliance_state::{ComplianceState, UnrecognizedState};
pub use connector::{
    BuildConnectorError, DryRun, IntuneConnector, IntuneConnectorBuilder, Invoked, MutationBudget,
    OperationError, OperationErrorKind, OperationsSwitch,
};
pub use delegation::{
    CeremonyRule, DelegationError, DelegationScope, InvocationContext, ParseCeremonyRuleError,
    ScopeTemplate,
};
pub use device::{ManagedDevice, ManagedDeviceOwnerType, ManagementAgent, ManagementState};
pub use directory_compliance::DirectoryCompliance;
pub use failure::{SourceFailure, SourceFailureKind};
pub use ids::{
    AccordTemplate, AuthorizationContextId, CeremonyId, EntraDeviceId, InvocationId,
    ManagedDeviceId, ParseIdError, UserId,
};
pub use observation::{DeviceCompliance, Finding, Observation, Served};
pub use operation::{Capability, Operation, ParseOperationError};
pub use ports::{
    Approvals, Ceremonies, ComplianceSource, Cursor, DeviceActions, DeviceDirectory, DeviceQuery,
    Freshness, Invalidation, Page,
};
#[cfg(feature = "test-util")]
pub use ports::{MockCeremonies, MockComplianceSource, MockDeviceActions, MockDeviceDirectory};
pub use principal::Principal;
pub use records::resolve_records;
