//! What the host does beside answering requests, until it ends.

use std::future::pending;

use crate::host::Host;

/// Keeps tokens and hot devices fresh, so that no request waits for them, and reads the policy file again on SIGHUP.
pub(crate) async fn work(host: Host) {
    tokio::join!(tokens(&host), devices(&host), policy(&host));
}

async fn tokens(host: &Host) {
    if let Some((tokens, _)) = &host.graph {
        tokens.keep_fresh(pending()).await;
    }
}

async fn devices(host: &Host) {
    if let Some(cache) = &host.cache {
        cache.refresh_until(pending()).await;
    }
}

#[cfg(unix)]
async fn policy(host: &Host) {
    use tokio::signal::unix::{SignalKind, signal};

    let (Some(config), Ok(mut hangup)) = (&host.policy, signal(SignalKind::hangup())) else {
        return;
    };
    while hangup.recv().await.is_some() {
        match config.reload_file(&host.gate, "SIGHUP").await {
            Ok(reloaded) => tracing::warn!(?reloaded, "the policy file was read again"),
            Err(error) => tracing::error!(%error, "the policy in force stays"),
        }
    }
}

#[cfg(not(unix))]
async fn policy(_: &Host) {}
