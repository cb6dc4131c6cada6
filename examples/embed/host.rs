//! What the examples share: a gate over a simulated tenant, and authentication.

use std::sync::Arc;

use authorize_host::{
    args::Args,
    bearer::{Rejection, Verifier},
    setup,
};
use compliance_gate::{
    CachedCompliance, Gate, IdentityRules, Policies, PolicyLayer, VerifiedCaller,
};
use http::{HeaderMap, header::AUTHORIZATION};
use intune_sim::{Device, Sim, SimConfig, UserToken};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A tenant, and a gate that its devices must pass.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) tenant: Sim,
    pub(crate) gate: Gate,
    /// Where the gate looks first.
    pub(crate) cache: Option<CachedCompliance>,
    pub(crate) authentication: Authentication,
    /// Where the Chronicle is, until the example ends.
    _folder: tempfile::TempDir,
}

impl Host {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let tenant = Sim::start(SimConfig::default()).await?;
        let folder = tempfile::tempdir()?;
        let args = Args {
            chronicle: Some(folder.path().join("chronicle.jsonl")),
            ..Args::default()
        };
        let strict = PolicyLayer::new().required(true).strict(true);
        let policies = Policies::builder().global(strict).build()?;
        let host = setup::with_policies(&tenant, &args, policies)?.host;
        Ok(Self {
            tenant,
            gate: host.gate,
            cache: host.cache,
            authentication: Authentication {
                verifier: host.verifier,
                identity: Arc::new(host.identity),
            },
            _folder: folder,
        })
    }

    /// The token of somebody on a device in this state.
    pub(crate) fn token_on(&self, state: &str) -> String {
        let device = Device::new(format!("LAPTOP-{state}")).compliance_state(state);
        let token = UserToken::entra().device(device.entra_device_id());
        self.tenant.put_device(device);
        self.tenant.mint(token)
    }

    /// The token of somebody on a device that the tenant doesn't know to be one.
    pub(crate) fn token_on_none(&self) -> String {
        self.tenant.mint(UserToken::entra())
    }
}

/// Yours may be another; the gate only sees what it makes of a request.
#[derive(Clone, Debug)]
pub(crate) struct Authentication {
    verifier: Arc<Verifier>,
    identity: Arc<IdentityRules>,
}

impl Authentication {
    /// The caller, by the bearer token: first it is verified, then it is asked for the device.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<VerifiedCaller, Rejection> {
        let header = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
        let token = header.and_then(|header| header.strip_prefix("Bearer "));
        let token = token.ok_or(Rejection::Invalid("a bearer token is needed"))?;
        let verified = self.verifier.verify(token).await?;
        let device = self.identity.identify(&verified.claims);
        Ok(VerifiedCaller::new(verified.principal, device))
    }
}
