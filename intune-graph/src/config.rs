use entra_auth::Cloud;
use env_config::{ConfigError, Environment, Reader};

use crate::GraphEndpoint;

/// The Graph client's settings, from the environment.
///
/// | variable | default | |
/// | --- | --- | --- |
/// | `ENTRA_CLOUD` | `global` | `global`, `us-gov-high`, `us-gov-dod`, `china` |
/// | `INTUNE_GRAPH_ENDPOINT` | by cloud | another address; `http` for loopback only |
///
/// ```
/// use env_config::Environment;
/// use intune_graph::GraphConfig;
///
/// let environment = Environment::from_pairs([("ENTRA_CLOUD", "us-gov-dod")]);
/// let config = GraphConfig::from_env(&environment)?;
/// assert_eq!(config.endpoint().root().to_string(), "https://dod-graph.microsoft.us/v1.0/");
/// # Ok::<(), env_config::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphConfig {
    endpoint: GraphEndpoint,
}

impl GraphConfig {
    /// Reads the settings.
    ///
    /// # Errors
    ///
    /// The variables that can't be used. No value is repeated.
    pub fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let cloud = reader.optional("ENTRA_CLOUD", str::parse::<Cloud>);
        let root = reader.optional("INTUNE_GRAPH_ENDPOINT", str::parse);
        reader.finish()?;
        let endpoint = GraphEndpoint::of(cloud.unwrap_or_default());
        let endpoint = match root {
            Some(root) => endpoint.at(root),
            None => endpoint,
        };
        Ok(Self { endpoint })
    }

    /// Where Graph is.
    #[must_use]
    pub const fn endpoint(&self) -> &GraphEndpoint {
        &self.endpoint
    }
}
