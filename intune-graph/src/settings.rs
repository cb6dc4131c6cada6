use intune_core::SourceFailure;
use serde::Deserialize;

use crate::{object::Object, request, wire::Wire};

/// What the tenant decides about compliance as a whole:
/// [`deviceManagementSettings`](https://learn.microsoft.com/graph/api/resources/intune-deviceconfig-devicemanagementsettings).
#[derive(Debug)]
pub(crate) struct Settings {
    /// Whether a device without a policy is noncompliant.
    pub(crate) secure_by_default: Option<bool>,
}

#[derive(Deserialize)]
struct DeviceManagement {
    #[serde(default)]
    settings: Option<Object<Wanted>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    #[serde(default)]
    secure_by_default: Option<bool>,
}

impl Settings {
    pub(crate) async fn read(wire: &Wire) -> Result<Self, SourceFailure> {
        let url = request::settings(wire.root()).map_err(|_| request::unsendable())?;
        let answer = wire.call().read(&url).await?;
        let Object::<DeviceManagement>(found) = answer.decode(std::marker::PhantomData)?;
        Ok(Self {
            secure_by_default: found
                .settings
                .and_then(|Object(wanted)| wanted.secure_by_default),
        })
    }
}
