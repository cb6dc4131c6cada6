//! Application registrations, each with its secret and roles.

use std::fmt;

use thiserror::Error;

use super::{Tenant, device::is_guid};

/// An application that may ask for app-only tokens.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) roles: Vec<String>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("client_id", &self.client_id)
            .field("client_secret", &"[redacted]")
            .field("roles", &self.roles)
            .finish()
    }
}

/// Why an application was not registered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// The client id is not a GUID.
    #[error("the client id `{0}` is not a GUID")]
    NotAGuid(String),
    /// The client id is the first application's.
    #[error("the client id `{0}` belongs to the first application: grant it roles instead")]
    Taken(String),
}

impl Tenant {
    /// Registers a further application, or replaces the one with its client id.
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
        let app = App {
            client_id: client_id.to_ascii_lowercase(),
            client_secret: client_secret.into(),
            roles: roles.into_iter().map(Into::into).collect(),
        };
        let mut state = self.state();
        state.apps.retain(|other| other.client_id != app.client_id);
        state.apps.push(app);
        Ok(())
    }

    /// Sets the first application's roles, in app-only tokens issued from now on.
    pub fn grant_roles<R: Into<String>>(&self, roles: impl IntoIterator<Item = R>) {
        self.state().roles = roles.into_iter().map(Into::into).collect();
    }

    /// The first application's roles.
    #[must_use]
    pub fn roles(&self) -> Vec<String> {
        self.state().roles.clone()
    }

    /// The application with this client id, in any case.
    pub(crate) fn app(&self, client_id: &str) -> Option<App> {
        if client_id.eq_ignore_ascii_case(self.client_id()) {
            return Some(App {
                client_id: self.client_id().to_owned(),
                client_secret: self.client_secret().to_owned(),
                roles: self.roles(),
            });
        }
        let state = self.state();
        let mut apps = state.apps.iter();
        apps.find(|app| app.client_id.eq_ignore_ascii_case(client_id))
            .cloned()
    }
}
