//! The host under test, driven as a library, and what it answers.

use std::{path::PathBuf, sync::Arc, time::Duration};

use authorize_host::{
    args::Args,
    host::{self, Host, Operations},
    setup,
    watched::WatchedSink,
};
use chronicle::{JsonlSink, Sink};
use clock::{Clock, SystemClock};
use compliance_gate::{CachedCompliance, Gate, GateBuilder, Policies, PolicyLayer};
use entra_auth::EntraConfig;
use env_config::Environment;
use http::{HeaderMap, Method, StatusCode};
use intune_core::DirectoryCompliance;
use intune_graph::{GraphClient, GraphConfig};
use intune_sim::Sim;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot};

use crate::tenant::{CLIENT, SECRET, TENANT, Tenant};

/// The environment that names a tenant, and more, or other, variables.
pub(crate) fn variables(tenant: &Tenant, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let base = tenant.base();
    let graph = format!("{base}/v1.0");
    let named = [
        ("INTUNE_ENABLED", "true"),
        ("ENTRA_TENANT_ID", TENANT),
        ("ENTRA_CLIENT_ID", CLIENT),
        ("ENTRA_CLIENT_SECRET", SECRET),
        ("ENTRA_AUTHORITY_HOST", base),
        ("INTUNE_GRAPH_ENDPOINT", &graph),
    ];
    let kept = named
        .iter()
        .filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    kept.chain(more).map(owned).collect()
}

/// A host that serves on loopback until it is dropped.
pub(crate) struct Running {
    base: String,
    http: reqwest::Client,
    files: TempDir,
    chronicle: PathBuf,
    pub(crate) gate: Gate,
    /// What operates devices, if the gate is on.
    pub(crate) operations: Option<Operations>,
    _end: oneshot::Sender<()>,
}

/// What the host answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answered {
    /// Status, reason and `served` (or `-`), as a line.
    pub(crate) fn line(&self) -> String {
        let text = |name| self.body["decision"][name].as_str().unwrap_or("-");
        let (reason, served) = (text("reason"), text("served"));
        format!("{} {reason} {served}", self.status.as_u16())
    }
}

impl Running {
    /// Starts a host over `tenant` with its ordinary settings.
    pub(crate) async fn over(tenant: &Tenant) -> Self {
        Self::with(tenant, &[], &[]).await
    }

    /// Starts a host with other variables, and issuers.
    pub(crate) async fn with(tenant: &Tenant, more: &[(&str, &str)], issuers: &[String]) -> Self {
        let environment = Environment::from_pairs(variables(tenant, more));
        Self::configured(&environment, issuers, Some(CLIENT)).await
    }

    /// Starts a host over a simulated tenant.
    pub(crate) async fn over_sim(sim: &Sim) -> Self {
        Self::configured(&setup::environment_of(sim), &[], None).await
    }

    async fn configured(
        environment: &Environment,
        issuers: &[String],
        audience: Option<&str>,
    ) -> Self {
        let files = TempDir::new().unwrap();
        let chronicle = files.path().join("chronicle.jsonl");
        let args = Args {
            chronicle: Some(chronicle.clone()),
            issuers: issuers.iter().map(|text| text.parse().unwrap()).collect(),
            audience: audience.map(str::to_owned),
            ..Args::default()
        };
        let host = setup::from_env(environment, &args).unwrap().host;
        Self::serving(host, files, chronicle).await
    }

    /// Starts a host with a policy file.
    pub(crate) async fn under(tenant: &Tenant, policy: &str, more: &[(&str, &str)]) -> Self {
        let files = TempDir::new().unwrap();
        let path = files.path().join("policy.toml");
        std::fs::write(&path, policy).unwrap();
        let mut more = more.to_vec();
        more.push(("INTUNE_ACCORD_POLICIES", path.to_str().unwrap()));
        Self::with(tenant, &more, &[]).await
    }

    /// Starts a host whose gate has these policies and this deadline, which no variable sets.
    pub(crate) async fn decided_by(
        tenant: &Tenant,
        policies: Policies,
        deadline: Duration,
    ) -> Self {
        let (host, files) = Self::unserved(tenant);
        let chronicle = files.path().join("decisions.jsonl");
        let sink = Arc::new(JsonlSink::open(&chronicle).unwrap());
        let gate = gate(tenant, policies, sink, Arc::new(SystemClock::new()));
        let gate = gate.deadline(deadline).build().unwrap();
        Self::serving(Host { gate, ..host }, files, chronicle).await
    }

    /// Starts a host that records its decisions, if it can, in `sink`.
    pub(crate) async fn recording_in(
        tenant: &Tenant,
        policies: Policies,
        sink: Arc<dyn Sink>,
    ) -> Self {
        let (host, files) = Self::unserved(tenant);
        let chronicle = files.path().join("decisions.jsonl");
        let watched = Arc::new(WatchedSink::new(sink, Arc::clone(&host.clock)));
        let gate = gate(tenant, policies, watched.clone(), Arc::clone(&host.clock));
        let gate = gate.deadline(Duration::from_secs(3)).build().unwrap();
        let host = Host {
            gate,
            chronicle: watched,
            ..host
        };
        Self::serving(host, files, chronicle).await
    }

    /// Starts a host whose gate goes by this clock, and looks nothing up twice within a day.
    pub(crate) async fn timed_by(tenant: &Tenant, clock: Arc<dyn Clock>) -> Self {
        let (host, files) = Self::unserved(tenant);
        let chronicle = files.path().join("decisions.jsonl");
        let sink = Arc::new(JsonlSink::open(&chronicle).unwrap());
        let day = PolicyLayer::new().max_age(Duration::from_secs(86_400));
        let policies = Policies::builder().global(day).build().unwrap();
        let gate = gate(tenant, policies, sink, clock).build().unwrap();
        Self::serving(Host { gate, ..host }, files, chronicle).await
    }

    /// A host that is ready to be served, and where its files are.
    pub(crate) fn unserved(tenant: &Tenant) -> (Host, TempDir) {
        let files = TempDir::new().unwrap();
        let args = Args {
            chronicle: Some(files.path().join("chronicle.jsonl")),
            ..Args::default()
        };
        let environment = Environment::from_pairs(variables(tenant, &[]));
        let host = setup::from_env(&environment, &args).unwrap().host;
        (host, files)
    }

    /// Serves a host that records in `chronicle`, among `files`.
    pub(crate) async fn serving(host: Host, files: TempDir, chronicle: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (gate, operations) = (host.gate.clone(), host.operations.clone());
        let (end, ended) = oneshot::channel::<()>();
        tokio::spawn(host::serve_on(host, listener, async {
            let _ = ended.await;
        }));
        Self {
            base,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            files,
            chronicle,
            gate,
            operations,
            _end: end,
        }
    }

    /// Asks for an Authorization Context.
    pub(crate) async fn authorize(&self, token: &str, template: &str) -> Answered {
        let body = json!({"accord_template": template}).to_string();
        self.post(Some(&format!("Bearer {token}")), body).await
    }

    /// Posts any body, with any `Authorization`.
    pub(crate) async fn post(
        &self,
        authorization: Option<&str>,
        body: impl Into<reqwest::Body>,
    ) -> Answered {
        let url = format!("{}/governance/authorize/", self.base);
        let mut request = self.http.post(url).body(body);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        answered(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        answered(self.http.get(format!("{}{path}", self.base))).await
    }

    /// A request that is yet to be sent.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub(crate) fn address(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }

    pub(crate) fn chronicle(&self) -> &PathBuf {
        &self.chronicle
    }

    pub(crate) fn files(&self) -> &std::path::Path {
        self.files.path()
    }

    /// The records so far.
    pub(crate) fn records(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.chronicle).unwrap();
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// A gate over the tenant, put together as a host does it.
fn gate(
    tenant: &Tenant,
    policies: Policies,
    sink: Arc<dyn Sink>,
    clock: Arc<dyn Clock>,
) -> GateBuilder {
    let environment = Environment::from_pairs(variables(tenant, &[]));
    let tokens = EntraConfig::from_env(&environment).unwrap();
    let tokens = Arc::new(tokens.client(clock.clone()).unwrap());
    let graph = GraphConfig::from_env(&environment).unwrap();
    let graph = GraphClient::builder(graph.endpoint().clone(), tokens);
    let graph = graph.clock(clock.clone()).build().unwrap();
    let live = Arc::new(DirectoryCompliance::new(Arc::new(graph)));
    Gate::builder(policies, Arc::new(CachedCompliance::new(live)), clock)
        .chronicle(sink, "urn:broker:test".parse().unwrap())
}

/// Sends a request.
pub(crate) async fn answered(request: reqwest::RequestBuilder) -> Answered {
    let mut response = request.send().await.unwrap();
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or_default();
    Answered {
        status,
        headers,
        body,
    }
}
