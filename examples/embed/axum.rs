//! Routes of an axum server behind the gate, each by its accord template.
//!
//! `cargo run --example gate-axum` sends it a few requests, and prints what they get.
#![expect(clippy::print_stdout, reason = "a program talks")]

#[expect(dead_code, reason = "this example shows no counters")]
mod host;

use authorize_host::bearer::Rejection;
use axum::{
    Extension, Json, Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use compliance_gate::{Decision, Gate, GateLayer};
use host::{Authentication, Failure, Host};
use http::{StatusCode, header::WWW_AUTHENTICATE};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Each router has its template. Wiping asks Intune, and not what is cached.
fn app(gate: Gate, authentication: Authentication) -> Result<Router, Failure> {
    let reading = GateLayer::new(gate.clone(), "read-only".parse()?);
    let wiping = GateLayer::new(gate, "device-management".parse()?).live();
    Ok(Router::new()
        .route("/devices", get(devices))
        .route_layer(reading)
        .merge(
            Router::new()
                .route("/devices/wipe", post(wipe))
                .route_layer(wiping),
        )
        // Added last, it runs first.
        .layer(middleware::from_fn_with_state(authentication, authenticate)))
}

async fn authenticate(
    State(authentication): State<Authentication>,
    mut request: Request,
    next: Next,
) -> Response {
    match authentication.caller(request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(rejection @ Rejection::Invalid(_)) => {
            let challenge = [(WWW_AUTHENTICATE, "Bearer realm=\"gate-axum\"")];
            (StatusCode::UNAUTHORIZED, challenge, rejection.to_string()).into_response()
        }
        Err(rejection @ Rejection::KeysUnavailable) => {
            (StatusCode::SERVICE_UNAVAILABLE, rejection.to_string()).into_response()
        }
    }
}

async fn devices(Extension(decision): Extension<Decision>) -> Json<Value> {
    // What goes onto authority that is issued, or into this service's own records.
    Json(json!({"evidence": decision.evidence()}))
}

async fn wipe(Extension(decision): Extension<Decision>) -> Result<&'static str, StatusCode> {
    // An allow may be limited: broken glass never gives MUTATE.
    match decision.capability_limit() {
        None => Ok("as you say"),
        Some(_) => Err(StatusCode::FORBIDDEN),
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let host = Host::start().await?;
    let app = app(host.gate.clone(), host.authentication.clone())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(axum::serve(listener, app).into_future());

    let compliant = host.token_on("compliant");
    let client = reqwest::Client::new();
    for (who, token, wanted) in [
        ("a compliant device", compliant.clone(), 200),
        ("a noncompliant device", host.token_on("noncompliant"), 403),
        ("no device", host.token_on_none(), 403),
        ("nobody", String::new(), 401),
    ] {
        let request = client.get(format!("http://{address}/devices"));
        let response = request.bearer_auth(token).send().await?;
        let status = response.status();
        println!(
            "GET  /devices       {who}: {status}\n  {}",
            response.text().await?
        );
        if status != wanted {
            return Err(format!("{who} should get {wanted}").into());
        }
    }
    let request = client.post(format!("http://{address}/devices/wipe"));
    let response = request.bearer_auth(compliant).send().await?;
    println!(
        "POST /devices/wipe  a compliant device: {}",
        response.status()
    );
    serving.abort();
    Ok(())
}
