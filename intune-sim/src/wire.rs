//! Which call of the played services a request is.

use std::fmt;

use http::Method;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// A call of the played services: for faults, counters and the request log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Route {
    /// `POST /{tenant}/oauth2/v2.0/token`.
    Token,
    /// OpenID configuration of the tenant or of the realm, and instance discovery.
    Discovery,
    /// The signing keys of the tenant or of the realm.
    Keys,
    /// `GET /v1.0/deviceManagement/managedDevices`, every page of it.
    ListDevices,
    /// `GET /v1.0/deviceManagement/managedDevices/$count`.
    CountDevices,
    /// `GET /v1.0/deviceManagement/managedDevices/{id}`.
    GetDevice,
    /// A call that isn't played.
    Other,
    /// All of them: for faults and counters, never in the log.
    Any,
}

impl Route {
    /// Whether a call of `route` is meant by this one.
    pub(crate) fn covers(self, route: Route) -> bool {
        self == Route::Any || self == route
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
            Route::Other => "other",
            Route::Any => "any",
        })
    }
}

/// A request, recognised.
#[derive(Debug)]
pub(crate) enum Call {
    Token {
        tenant: String,
    },
    OpenIdConfiguration {
        tenant: String,
    },
    TenantKeys {
        tenant: String,
    },
    Instance,
    RealmConfiguration {
        realm: String,
    },
    RealmKeys {
        realm: String,
    },
    ListDevices,
    CountDevices,
    GetDevice {
        id: String,
    },
    /// A Graph path or method that isn't played; holds the last segment.
    UnknownGraph {
        segment: String,
    },
    Unknown,
}

impl Call {
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let decoded: Vec<String> = path
            .trim_start_matches('/')
            .split('/')
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        let get = *method == Method::GET;
        match segments.as_slice() {
            ["v1.0", rest @ ..] => Self::of_graph(get, rest),
            [tenant, "oauth2", "v2.0", "token"] if *method == Method::POST => Call::Token {
                tenant: (*tenant).to_owned(),
            },
            ["common", "discovery", "instance"] if get => Call::Instance,
            ["realms", realm, ".well-known", "openid-configuration"] if get => {
                Call::RealmConfiguration {
                    realm: (*realm).to_owned(),
                }
            }
            ["realms", realm, "protocol", "openid-connect", "certs"] if get => Call::RealmKeys {
                realm: (*realm).to_owned(),
            },
            [tenant, "v2.0", ".well-known", "openid-configuration"] if get => {
                Call::OpenIdConfiguration {
                    tenant: (*tenant).to_owned(),
                }
            }
            [tenant, "discovery", "v2.0", "keys"] if get => Call::TenantKeys {
                tenant: (*tenant).to_owned(),
            },
            _ => Call::Unknown,
        }
    }

    fn of_graph(get: bool, segments: &[&str]) -> Self {
        match segments {
            ["deviceManagement", "managedDevices"] if get => Call::ListDevices,
            ["deviceManagement", "managedDevices", "$count"] if get => Call::CountDevices,
            ["deviceManagement", "managedDevices", id] if get => Call::GetDevice {
                id: (*id).to_owned(),
            },
            ["deviceManagement", call] if get && keyed(call).is_some() => Call::GetDevice {
                id: keyed(call).unwrap_or_default().to_owned(),
            },
            _ => Call::UnknownGraph {
                segment: segments.last().copied().unwrap_or_default().into(),
            },
        }
    }

    pub(crate) fn route(&self) -> Route {
        match self {
            Call::Token { .. } => Route::Token,
            Call::OpenIdConfiguration { .. } | Call::Instance | Call::RealmConfiguration { .. } => {
                Route::Discovery
            }
            Call::TenantKeys { .. } | Call::RealmKeys { .. } => Route::Keys,
            Call::ListDevices => Route::ListDevices,
            Call::CountDevices => Route::CountDevices,
            Call::GetDevice { .. } => Route::GetDevice,
            Call::UnknownGraph { .. } | Call::Unknown => Route::Other,
        }
    }
}

/// The key in `managedDevices('…')`.
fn keyed(segment: &str) -> Option<&str> {
    segment.strip_prefix("managedDevices('")?.strip_suffix("')")
}
