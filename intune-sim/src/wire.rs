//! Which call of the played services a request is.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::{Action, Route};

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
    ClusterConfiguration,
    ClusterKeys,
    ListDevices,
    CountDevices,
    GetDevice {
        id: String,
    },
    DeviceManagement,
    Act {
        id: String,
        action: Action,
    },
    /// An action asked for with another method than POST.
    NotAllowed,
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
            ["v1.0", rest @ ..] => Self::of_graph(method, rest),
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
            ["kubernetes", ".well-known", "openid-configuration"] if get => {
                Call::ClusterConfiguration
            }
            ["kubernetes", "openid", "v1", "jwks"] if get => Call::ClusterKeys,
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

    fn of_graph(method: &Method, segments: &[&str]) -> Self {
        let get = *method == Method::GET;
        match segments {
            ["deviceManagement"] if get => Call::DeviceManagement,
            ["deviceManagement", "managedDevices"] if get => Call::ListDevices,
            ["deviceManagement", "managedDevices", "$count"] if get => Call::CountDevices,
            ["deviceManagement", "managedDevices", id] if get => Call::GetDevice {
                id: (*id).to_owned(),
            },
            ["deviceManagement", call] if get && keyed(call).is_some() => Call::GetDevice {
                id: keyed(call).unwrap_or_default().to_owned(),
            },
            ["deviceManagement", "managedDevices", id, action]
                if Action::named(action).is_some() =>
            {
                Self::of_action(method, id, action)
            }
            ["deviceManagement", call, action]
                if keyed(call).is_some() && Action::named(action).is_some() =>
            {
                Self::of_action(method, keyed(call).unwrap_or_default(), action)
            }
            _ => Call::UnknownGraph {
                segment: segments.last().copied().unwrap_or_default().into(),
            },
        }
    }

    fn of_action(method: &Method, id: &str, action: &str) -> Self {
        match Action::named(action) {
            Some(action) if *method == Method::POST => Call::Act {
                id: id.to_owned(),
                action,
            },
            _ => Call::NotAllowed,
        }
    }

    pub(crate) fn route(&self) -> Route {
        match self {
            Call::Token { .. } => Route::Token,
            Call::OpenIdConfiguration { .. }
            | Call::Instance
            | Call::RealmConfiguration { .. }
            | Call::ClusterConfiguration => Route::Discovery,
            Call::TenantKeys { .. } | Call::RealmKeys { .. } | Call::ClusterKeys => Route::Keys,
            Call::ListDevices => Route::ListDevices,
            Call::CountDevices => Route::CountDevices,
            Call::GetDevice { .. } => Route::GetDevice,
            Call::DeviceManagement => Route::DeviceManagement,
            Call::Act { action, .. } => match action {
                Action::SyncDevice => Route::SyncDevice,
                Action::RemoteLock => Route::RemoteLock,
                Action::Retire => Route::Retire,
                Action::Wipe => Route::Wipe,
            },
            Call::NotAllowed | Call::UnknownGraph { .. } | Call::Unknown => Route::Other,
        }
    }
}

/// The key in `managedDevices('…')`.
fn keyed(segment: &str) -> Option<&str> {
    segment.strip_prefix("managedDevices('")?.strip_suffix("')")
}
