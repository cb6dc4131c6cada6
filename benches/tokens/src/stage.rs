//! Two processes: one plays the tenant, and the other measures.
//!
//! The peers sign in to `https://login.microsoftonline.com` and nowhere else, or to https at least. So they are given
//! a proxy and an authority to believe, which is up to the environment: it is set for the process that measures.

use std::{
    env,
    error::Error,
    net::SocketAddr,
    process::{ExitCode, ExitStatus},
    sync::Arc,
};

use env_config::Environment;
use intune_sim::{Route, Sim, SimConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    process::Command,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

pub(crate) const SCOPE: &str = "https://graph.microsoft.com/.default";

const IS_SET: &str = "TOKENS_STAGE_IS_SET";
const HOST: &str = "login.microsoftonline.com";
/// One for each client: whatever was timed was cached.
const TOKENS: u64 = 3;

type Failure = Box<dyn Error + Send + Sync>;

/// Runs `measure` in a process of its own, where each client can sign in.
pub fn with_tenant(measure: impl FnOnce()) -> ExitCode {
    if Environment::process().is_set(IS_SET) {
        measure();
        return ExitCode::SUCCESS;
    }
    match crate::wait_for(play_tenant()) {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Who signs in.
pub(crate) struct Application {
    pub(crate) tenant: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

impl Application {
    #[expect(
        clippy::disallowed_methods,
        reason = "the stage has set these for the peers, too"
    )]
    pub(crate) fn of_the_stage() -> Self {
        let read = |name| env::var(name).expect("the stage is set");
        Self {
            tenant: read("ENTRA_TENANT_ID"),
            client_id: read("ENTRA_CLIENT_ID"),
            client_secret: read("ENTRA_CLIENT_SECRET"),
        }
    }
}

async fn play_tenant() -> Result<ExitStatus, Failure> {
    let sim = Sim::start(SimConfig::default()).await?;
    let upstream = sim.base_url().socket_addrs(|| None)?;
    let upstream = *upstream.first().ok_or("the tenant has no address")?;

    let (authority, acceptor) = tls()?;
    let directory = tempfile::tempdir()?;
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, authority)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let proxy = listener.local_addr()?;
    tokio::spawn(serve(listener, acceptor, upstream));

    let mut measuring = Command::new(env::current_exe()?);
    for (name, _) in env::vars_os() {
        // Who is reached, and how, is for the stage to say.
        let name = name.to_string_lossy();
        let upper = name.to_ascii_uppercase();
        if upper.ends_with("_PROXY") || upper.starts_with("ENTRA_") || upper.starts_with("AZURE_") {
            measuring.env_remove(&*name);
        }
    }
    let status = measuring
        .args(env::args_os().skip(1))
        .env(IS_SET, "yes")
        .env("ENTRA_TENANT_ID", sim.tenant())
        .env("ENTRA_CLIENT_ID", sim.client_id())
        .env("ENTRA_CLIENT_SECRET", sim.client_secret())
        .env("ENTRA_AUTHORITY_HOST", sim.authority().as_str())
        .env("HTTPS_PROXY", format!("http://{proxy}"))
        .env("SSL_CERT_FILE", &ca)
        .env_remove("SSL_CERT_DIR")
        .status()
        .await?;
    let asked = sim.count(Route::Token);
    if status.success() && asked != TOKENS {
        return Err(
            format!("{asked} tokens were asked for, and {TOKENS} clients signed in").into(),
        );
    }
    Ok(status)
}

/// A proxy that is itself what it should connect to, and hands requests to `upstream` over plain HTTP.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, upstream: SocketAddr) {
    while let Ok((connection, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Err(error) = connect(connection, &acceptor, upstream).await {
                eprintln!("warning: a connection through the proxy failed: {error}");
            }
        });
    }
}

async fn connect(
    connection: TcpStream,
    acceptor: &TlsAcceptor,
    upstream: SocketAddr,
) -> Result<(), Failure> {
    let mut connection = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if connection.read_line(&mut head).await? == 0 {
            return Err("it ended early".into());
        }
    }
    if !head.starts_with(&format!("CONNECT {HOST}:443 ")) {
        return Err("it leads elsewhere".into());
    }
    connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let mut connection = acceptor.accept(connection).await?;
    let mut upstream = TcpStream::connect(upstream).await?;
    // Clients go without closing.
    let _ = copy_bidirectional(&mut connection, &mut upstream).await;
    Ok(())
}

/// The certificate of an authority, and a server that it vouches for.
fn tls() -> Result<(String, TlsAcceptor), Failure> {
    let mut authority = CertificateParams::new([])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new([HOST.to_owned()])?.signed_by(&key, &authority)?;

    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((authority.pem(), TlsAcceptor::from(Arc::new(config))))
}
