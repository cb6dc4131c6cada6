//! From what a caller sends to what is asked of the connector.

use intune_core::{
    CeremonyId, ComplianceState, DeviceQuery, EntraDeviceId, ManagedDeviceId, Principal,
};
use serde_json::{Map, Value};

use super::{ToolError, ToolKind, schema::STATES, text::shown};

pub(super) const DEFAULT_LIMIT: usize = 25;
pub(super) const MAX_LIMIT: usize = 100;
pub(super) const MAX_SYSTEM: usize = 64;

/// The arguments of a call.
#[derive(Debug)]
pub(super) enum Arguments {
    List(List),
    Compliance {
        device: EntraDeviceId,
    },
    Sync {
        device: ManagedDeviceId,
        ceremony: Option<CeremonyId>,
    },
    Lock {
        device: ManagedDeviceId,
        ceremony: Option<CeremonyId>,
    },
}

/// What to list.
#[derive(Debug)]
pub(super) struct List {
    compliance_state: Option<ComplianceState>,
    operating_system: Option<String>,
    pub(super) limit: usize,
    pub(super) cursor: Option<String>,
}

impl List {
    pub(super) fn query(&self) -> DeviceQuery {
        let mut query = DeviceQuery::new();
        if let Some(state) = self.compliance_state {
            query = query.compliance_state(state);
        }
        if let Some(system) = &self.operating_system {
            query = query.operating_system(system);
        }
        query.page_size(u16::try_from(self.limit).unwrap_or(u16::MAX))
    }

    /// What a cursor of this listing is bound to: who lists, and which devices.
    pub(super) fn binding(&self, principal: &Principal) -> String {
        let parts = (
            principal.issuer(),
            principal.subject(),
            principal.delegate(),
            self.compliance_state.map(|state| state.to_string()),
            &self.operating_system,
        );
        // As JSON, since none of the parts can end itself there.
        serde_json::to_string(&parts).unwrap_or_default()
    }
}

impl Arguments {
    pub(super) fn parse(tool: ToolKind, given: Map<String, Value>) -> Result<Self, ToolError> {
        let mut given = Given(given);
        let arguments = match tool {
            ToolKind::ListDevices => Self::List(List {
                compliance_state: given.state("compliance_state")?,
                operating_system: given.system("operating_system")?,
                limit: given.limit("limit")?,
                cursor: given.text("cursor")?,
            }),
            ToolKind::GetDeviceCompliance => Self::Compliance {
                device: given.id("entra_device_id")?,
            },
            ToolKind::SyncDevice => Self::Sync {
                device: given.id("managed_device_id")?,
                ceremony: given.optional_id("ceremony_id")?,
            },
            ToolKind::RemoteLock => Self::Lock {
                device: given.id("managed_device_id")?,
                ceremony: given.optional_id("ceremony_id")?,
            },
        };
        given.nothing_else()?;
        Ok(arguments)
    }
}

/// What is still to be read. An argument that is `null` is not given.
struct Given(Map<String, Value>);

impl Given {
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, ToolError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ToolError::invalid(format!("`{name}` must be a string"))),
        }
    }

    fn optional_id<T>(&mut self, name: &str) -> Result<Option<T>, ToolError>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        let text = self.text(name)?;
        let id = text.map(|text| text.parse()).transpose();
        id.map_err(|error| ToolError::invalid(format!("`{name}` {error}")))
    }

    fn id<T>(&mut self, name: &str) -> Result<T, ToolError>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        let id = self.optional_id(name)?;
        id.ok_or_else(|| ToolError::invalid(format!("`{name}` is required")))
    }

    fn state(&mut self, name: &str) -> Result<Option<ComplianceState>, ToolError> {
        match self.text(name)? {
            None => Ok(None),
            Some(state) if STATES.contains(&state.as_str()) => {
                Ok(Some(ComplianceState::from_wire(&state)))
            }
            Some(_) => {
                let known = STATES.join("`, `");
                Err(ToolError::invalid(format!(
                    "`{name}` must be one of `{known}`"
                )))
            }
        }
    }

    fn system(&mut self, name: &str) -> Result<Option<String>, ToolError> {
        let text = self.text(name)?;
        let is_name = |text: &String| {
            (1..=MAX_SYSTEM).contains(&text.chars().count()) && !text.chars().any(char::is_control)
        };
        match text {
            Some(text) if !is_name(&text) => Err(ToolError::invalid(format!(
                "`{name}` must have 1 to {MAX_SYSTEM} characters, such as `Windows`"
            ))),
            text => Ok(text),
        }
    }

    fn limit(&mut self, name: &str) -> Result<usize, ToolError> {
        let Some(value) = self.take(name) else {
            return Ok(DEFAULT_LIMIT);
        };
        let limit = value.as_u64().and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit));
        limit.ok_or_else(|| {
            ToolError::invalid(format!(
                "`{name}` must be a whole number from 1 to {MAX_LIMIT}"
            ))
        })
    }

    fn nothing_else(self) -> Result<(), ToolError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(ToolError::invalid(format!(
                "there is no argument `{}`",
                shown(name)
            ))),
        }
    }
}
