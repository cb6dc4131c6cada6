use std::{convert::Infallible, sync::Arc};

use clock::Clock;
use env_config::{ConfigError, Environment, Reader};

use crate::{
    BuildEntraClientError, CertificateError, CertificateFile, ClientId, Cloud, Credential,
    EntraClient, EntraClientBuilder, TenantId, http::ServiceUrl,
};

/// Who signs in, where, and with what, as the environment says.
///
/// | variable | |
/// | --- | --- |
/// | `ENTRA_TENANT_ID` | required; a GUID or a domain |
/// | `ENTRA_CLIENT_ID` | required; a GUID |
/// | `ENTRA_CLIENT_SECRET` | this or one of the next two; the secret's value |
/// | `ENTRA_CLIENT_CERTIFICATE_PATH` | PEM with key and chain; read anew as [`CertificateFile`] says |
/// | `ENTRA_FEDERATED_TOKEN_FILE` | another issuer's token; read anew at every token request |
/// | `ENTRA_CLIENT_SEND_CERTIFICATE_CHAIN` | `false` (default); `true` signs in by subject name and issuer |
/// | `ENTRA_CLOUD` | `global` (default), `us-gov-high`, `us-gov-dod`, `china` |
/// | `ENTRA_AUTHORITY_HOST` | URL in place of the cloud's; plain `http` for loopback only |
///
/// ```
/// use entra_auth::EntraConfig;
/// use env_config::Environment;
///
/// let config = EntraConfig::from_env(&Environment::from_pairs([
///     ("ENTRA_TENANT_ID", "contoso.onmicrosoft.com"),
///     ("ENTRA_CLIENT_ID", "6731de76-14a6-49ae-97bc-6eba6914391e"),
///     ("ENTRA_CLIENT_SECRET", "8fQ~…"),
///     ("ENTRA_CLOUD", "us-gov-high"),
/// ]))?;
/// assert_eq!(config.authority().to_string(), "https://login.microsoftonline.us/");
/// # Ok::<(), env_config::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EntraConfig {
    tenant: TenantId,
    client_id: ClientId,
    credential: Credential,
    cloud: Cloud,
    authority: ServiceUrl,
}

impl EntraConfig {
    /// Reads the `ENTRA_*` variables.
    ///
    /// # Errors
    ///
    /// Every variable that is missing or can't be used. No value is repeated.
    pub fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(environment);
        let tenant = reader.required("ENTRA_TENANT_ID", str::parse);
        let client_id = reader.required("ENTRA_CLIENT_ID", str::parse);
        let credential = credential(&mut reader, environment);
        let cloud: Option<Cloud> = reader.optional("ENTRA_CLOUD", str::parse);
        let authority = reader.optional("ENTRA_AUTHORITY_HOST", str::parse);
        let problems = reader.finish();
        let (Some(tenant), Some(client_id), Some(credential)) = (tenant, client_id, credential)
        else {
            #[expect(
                clippy::expect_used,
                reason = "the reader has no value exactly where it has a problem"
            )]
            return Err(problems.expect_err("a required variable is missing"));
        };
        problems?;

        let cloud = cloud.unwrap_or_default();
        Ok(Self {
            tenant,
            client_id,
            credential,
            cloud,
            authority: authority.unwrap_or_else(|| cloud.authority()),
        })
    }

    /// The tenant to sign in to.
    #[must_use]
    pub const fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The application that signs in.
    #[must_use]
    pub const fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// The cloud, from which other services' addresses follow.
    #[must_use]
    pub const fn cloud(&self) -> Cloud {
        self.cloud
    }

    /// Where to sign in: the cloud's authority, unless overridden.
    #[must_use]
    pub const fn authority(&self) -> &ServiceUrl {
        &self.authority
    }

    /// The same tenant and cloud, signed in to by another application.
    ///
    /// For hosts that keep the power to change things apart from the leave to look.
    ///
    /// ```
    /// # use entra_auth::EntraConfig;
    /// # use env_config::Environment;
    /// use entra_auth::Credential;
    ///
    /// # let reader = EntraConfig::from_env(&Environment::from_pairs([
    /// #     ("ENTRA_TENANT_ID", "contoso.onmicrosoft.com"),
    /// #     ("ENTRA_CLIENT_ID", "6731de76-14a6-49ae-97bc-6eba6914391e"),
    /// #     ("ENTRA_CLIENT_SECRET", "8fQ~…"),
    /// # ]))?;
    /// let id = "0f0d6e9c-6a3c-4b9b-8e1c-3c1c3a2d9a11".parse()?;
    /// let operator = reader.with_application(id, Credential::secret("k3Q~…".into()));
    /// assert_eq!(operator.tenant(), reader.tenant());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_application(&self, client_id: ClientId, credential: Credential) -> Self {
        Self {
            client_id,
            credential,
            ..self.clone()
        }
    }

    /// Starts a client with these settings, for a host with its own HTTP client.
    pub fn builder(&self) -> EntraClientBuilder {
        EntraClient::builder(
            self.tenant.clone(),
            self.client_id.clone(),
            self.credential.clone(),
        )
        .authority(self.authority.clone())
    }

    /// Makes a client with these settings.
    ///
    /// # Errors
    ///
    /// As [`EntraClientBuilder::build`].
    pub fn client(&self, clock: Arc<dyn Clock>) -> Result<EntraClient, BuildEntraClientError> {
        self.builder().clock(clock).build()
    }
}

const SECRET: &str = "ENTRA_CLIENT_SECRET";
const CERTIFICATE: &str = "ENTRA_CLIENT_CERTIFICATE_PATH";
const TOKEN_FILE: &str = "ENTRA_FEDERATED_TOKEN_FILE";
const SEND_CHAIN: &str = "ENTRA_CLIENT_SEND_CERTIFICATE_CHAIN";

/// The credential of exactly one variable, or a problem.
fn credential(reader: &mut Reader<'_>, environment: &Environment) -> Option<Credential> {
    let sends_chain = reader.boolean(SEND_CHAIN);
    let ways = [SECRET, CERTIFICATE, TOKEN_FILE].into_iter();
    let mut set = ways.filter(|name| environment.is_set(name));
    let chosen = set.next();
    let others = set.collect::<Vec<_>>().join(" and ");
    if let Some(first) = chosen.filter(|_| !others.is_empty()) {
        reader.problem(
            first,
            format!("is set beside {others}: keep one way to sign in, and unset the others"),
        );
        return None;
    }
    if environment.is_set(SEND_CHAIN) && matches!(chosen, Some(SECRET | TOKEN_FILE)) {
        reader.problem(SEND_CHAIN, format!("is for {CERTIFICATE} only: unset it"));
    }
    match chosen {
        Some(SECRET) => reader.required_secret(SECRET).map(Credential::secret),
        Some(CERTIFICATE) => reader.optional(CERTIFICATE, |path| {
            let file = CertificateFile::open(path)?;
            let file = match sends_chain {
                Some(true) => file.with_subject_name_issuer(),
                _ => file,
            };
            Ok::<_, CertificateError>(Credential::from_source(Arc::new(file)))
        }),
        Some(_) => reader.optional(TOKEN_FILE, |path| {
            Ok::<_, Infallible>(Credential::federated_token_file(path))
        }),
        None => {
            reader.problem(
                SECRET,
                format!(
                    "is not set, and neither is {CERTIFICATE} or {TOKEN_FILE}: set one of them"
                ),
            );
            None
        }
    }
}
