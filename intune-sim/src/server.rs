//! From the socket to the call: log, fault, answer.

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::{
    Tenant, body, control, faults::apply, graph::ListQuirk, service::Received, tls::TlsListener,
    wire::Call,
};

/// The largest request body read; a token request is far smaller.
const MAX_BODY: usize = 1 << 20;

/// Serves until the tenant is stopped.
pub(crate) async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, tenant: Tenant) {
    let mut stopped = tenant.0.stopped.subscribe();
    let stop = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let app = Router::new()
        .nest("/_sim", control::router())
        .fallback(answer)
        .with_state(tenant);
    let served = match acceptor {
        None => {
            axum::serve(listener, app)
                .with_graceful_shutdown(stop)
                .await
        }
        Some(acceptor) => {
            axum::serve(TlsListener::new(listener, acceptor), app)
                .with_graceful_shutdown(stop)
                .await
        }
    };
    if let Err(error) = served {
        tracing::error!(%error, "stopped serving");
    }
}

async fn answer(State(tenant): State<Tenant>, request: Request) -> Response {
    let mut stopped = tenant.0.stopped.subscribe();
    tokio::select! {
        // In this order: nothing is answered once the tenant is stopped.
        biased;
        _ = stopped.wait_for(|stopped| *stopped) => Response::new(body::cut_at_once()),
        mut answer = faulty_answer(&tenant, request) => {
            let date = tenant.state().clock.date();
            if let Ok(date) = HeaderValue::from_str(&date) {
                answer.headers_mut().insert(header::DATE, date);
            }
            answer
        }
    }
}

async fn faulty_answer(tenant: &Tenant, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let call = Call::of(&parts.method, parts.uri.path());
    let route = call.route();
    let (order, fault) = {
        let mut state = tenant.state();
        let order = state
            .log
            .arrive(route, &parts.method, &parts.uri, &parts.headers);
        let target = parts
            .uri
            .path_and_query()
            .map_or("", |target| target.as_str());
        let fault = state.faults.take(route, target);
        if let Some((kind, _)) = &fault {
            state
                .log
                .amend(order, |request| request.fault = Some(kind.name()));
        }
        (order, fault)
    };
    tenant.0.arrivals.send_modify(|arrivals| *arrivals += 1);
    let cut = matches!(&fault, Some((kind, _)) if kind.cuts_before_answer());
    let response = match (to_bytes(body, MAX_BODY).await, fault) {
        (Err(_), _) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        (Ok(body), None) => Received { parts, body, call }.perform(tenant, &ListQuirk::None),
        (Ok(body), Some((kind, releases))) => {
            let received = Received { parts, body, call };
            apply::apply(tenant, &received, kind, releases).await
        }
    };
    if !cut {
        let status = response.status().as_u16();
        tenant
            .state()
            .log
            .amend(order, |request| request.status = Some(status));
    }
    response
}
