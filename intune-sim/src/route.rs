//! The calls of the played services, by name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A call of the played services: for faults, counters and the request log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Route {
    /// `POST /{tenant}/oauth2/v2.0/token`.
    Token,
    /// OpenID configuration of the tenant, realm or cluster, and instance discovery.
    Discovery,
    /// The signing keys of the tenant, realm or cluster.
    Keys,
    /// `GET /v1.0/deviceManagement/managedDevices`, every page of it.
    ListDevices,
    /// `GET /v1.0/deviceManagement/managedDevices/$count`.
    CountDevices,
    /// `GET /v1.0/deviceManagement/managedDevices/{id}`.
    GetDevice,
    /// `GET /v1.0/deviceManagement`.
    DeviceManagement,
    /// `POST …/managedDevices/{id}/syncDevice`.
    SyncDevice,
    /// `POST …/managedDevices/{id}/remoteLock`.
    RemoteLock,
    /// `POST …/managedDevices/{id}/retire`.
    Retire,
    /// `POST …/managedDevices/{id}/wipe`.
    Wipe,
    /// A call that isn't played.
    Other,
    /// The four actions: for faults and counters, never in the log.
    Action,
    /// All of them: for faults and counters, never in the log.
    Any,
}

impl Route {
    /// Whether a call of `route` is meant by this one.
    pub(crate) fn covers(self, route: Route) -> bool {
        match self {
            Route::Any => true,
            Route::Action => route.is_action(),
            _ => self == route,
        }
    }

    fn is_action(self) -> bool {
        matches!(
            self,
            Route::SyncDevice | Route::RemoteLock | Route::Retire | Route::Wipe
        )
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Route::Token => "token",
            Route::Discovery => "discovery",
            Route::Keys => "keys",
            Route::ListDevices => "list_devices",
            Route::CountDevices => "count_devices",
            Route::GetDevice => "get_device",
            Route::DeviceManagement => "device_management",
            Route::SyncDevice => "sync_device",
            Route::RemoteLock => "remote_lock",
            Route::Retire => "retire",
            Route::Wipe => "wipe",
            Route::Other => "other",
            Route::Action => "action",
            Route::Any => "any",
        })
    }
}
