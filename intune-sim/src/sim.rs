//! Starting and stopping.

use std::{ops::Deref, time::SystemTime};

use chrono::{DateTime, Utc};
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

use crate::{
    SimConfig, StartError, Tenant,
    entra::keys::KeyRing,
    server,
    tenant::{
        State,
        clock::SimClock,
        device::is_guid,
        seed::{self, Identity},
    },
    time, tls,
};

/// A running simulator: it serves until it's stopped or dropped.
///
/// Dereferences to the [`Tenant`] it plays. Signing keys are fresh at every start, also with the same seed:
/// a published key would sign tokens that somebody trusts.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use intune_sim::{Device, Sim, SimConfig};
///
/// let sim = Sim::start(SimConfig::default().seed(7)).await?;
/// sim.put_device(Device::new("LAPTOP-1").compliance_state("noncompliant"));
/// assert_eq!(sim.devices().len(), 13);
/// sim.stop().await;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sim {
    tenant: Tenant,
    serving: Option<JoinHandle<()>>,
}

impl Sim {
    /// Listens, and serves in a task of its own, on the Tokio runtime that calls it.
    ///
    /// # Errors
    ///
    /// An address that isn't loopback or can't be listened on, an id that is no GUID, or a certificate that
    /// can't be made or written.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops listening.
    pub async fn start(config: SimConfig) -> Result<Self, StartError> {
        if !config.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(config.listen));
        }
        let identity = identity(&config)?;
        let cannot_listen = |source| StartError::Listen {
            listen: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let tls = config.tls.as_deref().map(tls::prepare).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let base = Url::parse(&format!("{scheme}://{address}/"))
            .map_err(|error| StartError::Crypto(error.into()))?;

        let (acceptor, ca) = tls.map_or((None, None), |tls| (Some(tls.acceptor), Some(tls.ca)));
        let now: DateTime<Utc> = config
            .start_time
            .map_or_else(time::now, |start: SystemTime| start.into());
        let clock = SimClock::starting_at(now);
        let devices = seed::devices(config.seed, config.devices, identity.realm, now);
        let keys = tokio::task::spawn_blocking(KeyRing::generate)
            .await
            .map_err(|error| StartError::Crypto(error.into()))?
            .map_err(StartError::Crypto)?;
        let tenant = Tenant::new(identity, base, ca, keys, State::new(&config, clock));
        devices
            .into_iter()
            .for_each(|device| tenant.put_device(device));
        let serving = tokio::spawn(server::serve(listener, acceptor, tenant.clone()));
        Ok(Self {
            tenant,
            serving: Some(serving),
        })
    }

    /// Stops listening, cuts the requests under way, and waits until all is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future still stops the simulator, without waiting for the end.
    pub async fn stop(mut self) {
        self.tenant.0.stopped.send_replace(true);
        if let Some(serving) = self.serving.take() {
            // A serving task that panicked has stopped as well.
            let _ = serving.await;
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.tenant.0.stopped.send_replace(true);
    }
}

impl Deref for Sim {
    type Target = Tenant;

    fn deref(&self) -> &Tenant {
        &self.tenant
    }
}

fn identity(config: &SimConfig) -> Result<Identity, StartError> {
    let mut identity = Identity::grow(config.seed);
    if let Some(tenant) = &config.tenant {
        identity.tenant = guid("tenant", tenant)?;
    }
    if let Some(client_id) = &config.client_id {
        identity.client_id = guid("client id", client_id)?;
    }
    if let Some(secret) = &config.client_secret {
        identity.client_secret.clone_from(secret);
    }
    Ok(identity)
}

fn guid(what: &'static str, value: &str) -> Result<String, StartError> {
    if is_guid(value) {
        Ok(value.to_ascii_lowercase())
    } else {
        Err(StartError::NotAGuid {
            what,
            value: value.to_owned(),
        })
    }
}
