use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Principal;
use crate::{Event, EventType};

/// `CONNECTOR_INVOKED`: an operation on an external system, before, after, or refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorInvoked {
    /// The invocation's id, the same in its intent and its outcome.
    pub invocation_id: String,
    /// `intent`, `outcome` or `refused`. An intent without an outcome reads as `unknown`; one that a refusal
    /// follows was not carried out.
    pub phase: Cow<'static, str>,
    /// The connector's name.
    pub connector: Cow<'static, str>,
    /// The operation's name.
    pub operation: Cow<'static, str>,
    /// What the operation takes: `READ`, `PROPOSE` or `MUTATE`.
    pub capability: Cow<'static, str>,
    /// Who asked.
    pub principal: Principal,
    /// The named policy that the grant was issued under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accord_template: Option<String>,
    /// The grant's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_context: Option<String>,
    /// The device operated on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// A digest of the parameters, which themselves stay out of the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters_digest: Option<String>,
    /// The approval, or the ceremony that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ceremony: Option<Ceremony>,
    /// How it ended: `succeeded`, `accepted`, `rejected` or `unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Cow<'static, str>>,
    /// Why it was refused or did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'static, str>>,
    /// The HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's own id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How long the call took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// How many items a read returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<u64>,
}

impl Event for ConnectorInvoked {
    const TYPE: EventType = EventType::new("CONNECTOR_INVOKED");
}

/// The device operated on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The management service's own id.
    pub managed_device_id: String,
    /// The directory's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entra_device_id: Option<String>,
}

/// An approval by someone other than the requester.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceremony {
    /// The approval's id.
    pub id: String,
    /// Who approved: nobody, if the operation was refused for want of an approval.
    pub approvers: Vec<Principal>,
}
