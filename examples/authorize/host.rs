//! The host: what its requests share, and serving them.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use clock::Clock;
use compliance_gate::{CachedCompliance, Gate, GateConfig, IdentityRules};
use entra_auth::{EntraClient, Scope};
use intune_core::{ApprovalRule, InMemoryCeremonies, IntuneConnector};
use tokio::{net::TcpListener, sync::oneshot};
use url::Url;

use crate::{ac::Issuer, background, bearer::Verifier, mcp, routes, watched::WatchedSink};

/// How long requests under way have once the host is told to end: as long as the slowest decision.
const LAST_REQUESTS: Duration = Duration::from_secs(20);

/// What every request needs.
#[derive(Clone, Debug)]
pub struct Host {
    /// Whose tokens are accepted.
    pub verifier: Arc<Verifier>,
    /// Which device a token names.
    pub identity: IdentityRules,
    /// Whether authority may be issued.
    pub gate: Gate,
    /// Where it looks first, if it is on.
    pub cache: Option<CachedCompliance>,
    /// Where its policy comes from, if it can be read again.
    pub policy: Option<Arc<GateConfig>>,
    /// What is issued.
    pub issuer: Arc<Issuer>,
    /// What looks devices up, if the gate is on; asked for by `/readyz`.
    pub graph: Option<(EntraClient, Scope)>,
    /// What operates devices, if the gate is on.
    pub operations: Option<Operations>,
    /// Where decisions and invocations are recorded; asked for by `/readyz`.
    pub chronicle: Arc<WatchedSink>,
    /// Where clients reach it, if not where it listens.
    pub public_url: Option<Url>,
    /// The host's time.
    pub clock: Arc<dyn Clock>,
}

/// The governed way to the tenant's devices.
#[derive(Clone, Debug)]
pub struct Operations {
    /// The seven operations.
    pub connector: IntuneConnector,
    /// What of them waits for approval.
    pub ceremonies: InMemoryCeremonies,
    /// Who may approve.
    pub approvers: ApprovalRule,
}

/// Serves `host` until the process is told to end; `listening` is told where.
///
/// # Errors
///
/// The address can't be listened on.
pub async fn serve(
    host: Host,
    address: SocketAddr,
    listening: impl FnOnce(SocketAddr),
) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    listening(listener.local_addr()?);
    serve_on(host, listener, ended()).await
}

/// Serves `host` on a listener until `end`; requests under way are answered, for 20 seconds.
///
/// # Errors
///
/// The tools at `/mcp` can't be set up.
pub async fn serve_on(
    host: Host,
    listener: TcpListener,
    end: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let clock = Arc::clone(&host.clock);
    let resource = match &host.public_url {
        Some(url) => Url::parse(&format!("{}/mcp", url.as_str().trim_end_matches('/'))),
        None => Url::parse(&format!("http://{}/mcp", listener.local_addr()?)),
    };
    let resource = resource.map_err(std::io::Error::other)?;
    let mcp = mcp::service(&host, resource).map_err(std::io::Error::other)?;
    let background = background::work(host.clone());
    let (ending, told) = oneshot::channel();
    let served = axum::serve(listener, routes::router(host, mcp)).with_graceful_shutdown(async {
        end.await;
        let _ = ending.send(());
    });
    // A client that never finishes its request must not keep the host from ending.
    let out_of_time = async {
        match told.await {
            Ok(()) => clock.sleep(LAST_REQUESTS).await,
            Err(_) => std::future::pending().await,
        }
    };
    let background = async {
        background.await;
        std::future::pending().await
    };
    tokio::select! {
        ended = served.into_future() => ended,
        ended = background => ended,
        () = out_of_time => {
            tracing::warn!("ended without clients that hold their connection open");
            Ok(())
        }
    }
}

/// Completes on Ctrl-C, and on SIGTERM where there is one.
async fn ended() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
