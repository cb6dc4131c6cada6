//! Application registrations, each with its credentials and roles.

use std::{collections::BTreeSet, fmt};

use thiserror::Error;

use super::{Tenant, device::is_guid, seed::Identity};
use crate::entra::{certificate::Certificate, federated::Federated};

/// An application that may ask for app-only tokens.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) client_id: String,
    pub(crate) secrets: Vec<Secret>,
    pub(crate) certificates: Vec<Certificate>,
    /// The SHA-256 of certificates that may no longer be used.
    pub(crate) revoked: BTreeSet<Vec<u8>>,
    pub(crate) subject_name_issuers: Vec<SubjectNameIssuer>,
    pub(crate) federated: Vec<Federated>,
    pub(crate) roles: Vec<String>,
}

/// A client secret.
#[derive(Clone)]
pub(crate) struct Secret {
    pub(crate) value: String,
    pub(crate) expired: bool,
}

impl Secret {
    pub(crate) fn new(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            expired: false,
        }
    }
}

/// An issuer whose certificates for a subject stand for the application.
#[derive(Clone)]
pub(crate) struct SubjectNameIssuer {
    pub(crate) issuer: Certificate,
    pub(crate) subject: String,
}

impl App {
    fn new(client_id: &str, secret: impl Into<String>, roles: Vec<String>) -> Self {
        Self {
            client_id: client_id.to_ascii_lowercase(),
            secrets: vec![Secret::new(secret)],
            certificates: Vec::new(),
            revoked: BTreeSet::new(),
            subject_name_issuers: Vec::new(),
            federated: Vec::new(),
            roles,
        }
    }

    /// The application that a tenant starts with.
    pub(crate) fn first(identity: &Identity) -> Self {
        let roles = [
            "DeviceManagementManagedDevices.Read.All",
            "DeviceManagementManagedDevices.PrivilegedOperations.All",
        ];
        let roles = roles.map(str::to_owned).to_vec();
        Self::new(&identity.client_id, &identity.client_secret, roles)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("client_id", &self.client_id)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// Why an application or its credential was not registered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// The client id is not a GUID.
    #[error("the client id `{0}` is not a GUID")]
    NotAGuid(String),
    /// The client id is the first application's.
    #[error("the client id `{0}` belongs to the first application: grant it roles instead")]
    Taken(String),
    /// No application has the client id.
    #[error("no application has the client id `{0}`: register it first")]
    UnknownApp(String),
    /// The certificate can't be read.
    #[error(
        "not an X.509 certificate with an RSA key of at least 2048 bits: give it as PEM or DER"
    )]
    Certificate,
    /// The application has no such secret or certificate.
    #[error("the application has no such {0}")]
    UnknownCredential(&'static str),
}

impl Tenant {
    /// Registers a further application, or replaces the one with its client id, credentials and all.
    ///
    /// Reads and privileged operations can then use separate credentials.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sim = intune_sim::Sim::start(intune_sim::SimConfig::default()).await?;
    /// sim.grant_roles(["DeviceManagementManagedDevices.Read.All"]);
    /// let (id, secret) = ("7a1c7a3e-5f0c-4c3e-9a61-2f6f1a0b9d11", "Xy8Q~operator");
    /// sim.register_app(id, secret, ["DeviceManagementManagedDevices.PrivilegedOperations.All"])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A client id that is no GUID, or the first application's.
    pub fn register_app<R: Into<String>>(
        &self,
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
        roles: impl IntoIterator<Item = R>,
    ) -> Result<(), RegistrationError> {
        let client_id = client_id.into();
        if !is_guid(&client_id) {
            return Err(RegistrationError::NotAGuid(client_id));
        }
        if client_id.eq_ignore_ascii_case(self.client_id()) {
            return Err(RegistrationError::Taken(client_id));
        }
        let roles = roles.into_iter().map(Into::into).collect();
        let app = App::new(&client_id, client_secret, roles);
        let mut state = self.state();
        state.apps.retain(|other| other.client_id != app.client_id);
        state.apps.push(app);
        Ok(())
    }

    /// Sets the first application's roles, in app-only tokens issued from now on.
    pub fn grant_roles<R: Into<String>>(&self, roles: impl IntoIterator<Item = R>) {
        let roles = roles.into_iter().map(Into::into).collect();
        if let Some(first) = self.state().apps.first_mut() {
            first.roles = roles;
        }
    }

    /// The first application's roles.
    #[must_use]
    pub fn roles(&self) -> Vec<String> {
        let state = self.state();
        state
            .apps
            .first()
            .map_or_else(Vec::new, |first| first.roles.clone())
    }

    /// The application with this client id, in any case.
    pub(crate) fn app(&self, client_id: &str) -> Option<App> {
        let state = self.state();
        let mut apps = state.apps.iter();
        apps.find(|app| app.client_id.eq_ignore_ascii_case(client_id))
            .cloned()
    }
}
