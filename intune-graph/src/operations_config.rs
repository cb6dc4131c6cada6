use entra_auth::{ClientId, Credential, EntraConfig};
use env_config::{ConfigError, Environment, Reader};

/// Whether a host can act on devices, and as which application, from the environment.
///
/// | variable | default | |
/// | --- | --- | --- |
/// | `INTUNE_OPERATIONS` | `on` | `off`: nothing that the host holds can act |
/// | `INTUNE_OPERATIONS_CLIENT_ID` | the application that reads | another one, of the same tenant, for actions |
/// | `INTUNE_OPERATIONS_CLIENT_SECRET` | – | its secret; required with the former |
///
/// ```
/// use env_config::Environment;
/// use intune_graph::OperationsConfig;
/// # use entra_auth::EntraConfig;
///
/// # let variables = [
/// #     ("ENTRA_TENANT_ID", "contoso.onmicrosoft.com"),
/// #     ("ENTRA_CLIENT_ID", "6731de76-14a6-49ae-97bc-6eba6914391e"),
/// #     ("ENTRA_CLIENT_SECRET", "8fQ~…"),
/// #     ("INTUNE_OPERATIONS", "off"),
/// # ];
/// let environment = Environment::from_pairs(variables);
/// let entra = EntraConfig::from_env(&environment)?;
/// let operations = OperationsConfig::from_env(&environment)?;
/// assert!(operations.application(&entra).is_none());
/// # Ok::<(), env_config::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OperationsConfig {
    is_on: bool,
    application: Option<(ClientId, Credential)>,
}

impl OperationsConfig {
    /// Reads the settings. What an operation that is off would need is not asked for.
    ///
    /// # Errors
    ///
    /// The variables that can't be used. No value is repeated.
    pub fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        const CLIENT_ID: &str = "INTUNE_OPERATIONS_CLIENT_ID";
        const CLIENT_SECRET: &str = "INTUNE_OPERATIONS_CLIENT_SECRET";

        let mut reader = Reader::new(environment);
        let is_on = reader.boolean("INTUNE_OPERATIONS").unwrap_or(true);
        let is_apart = environment.is_set(CLIENT_ID) || environment.is_set(CLIENT_SECRET);
        let application = if is_on && is_apart {
            let client_id = reader.required(CLIENT_ID, str::parse);
            client_id.zip(reader.required_secret(CLIENT_SECRET))
        } else {
            None
        };
        reader.finish()?;
        Ok(Self {
            is_on,
            application: application.map(|(id, secret)| (id, Credential::secret(secret))),
        })
    }

    /// Who signs in to act: `None` if operations are off, else `reader` or the application kept for this.
    #[must_use]
    pub fn application(&self, reader: &EntraConfig) -> Option<EntraConfig> {
        self.is_on.then(|| match &self.application {
            Some((id, credential)) => reader.with_application(id.clone(), credential.clone()),
            None => reader.clone(),
        })
    }

    /// Whether actions sign in as an application of their own.
    #[must_use]
    pub const fn is_apart(&self) -> bool {
        self.application.is_some()
    }
}
