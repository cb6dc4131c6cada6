//! A tonic server behind the gate; the health service stands for yours.
//!
//! `cargo run --example gate-tonic` makes a few calls, and prints what they get.
#![expect(clippy::print_stdout, reason = "a program talks")]

#[expect(dead_code, reason = "this example shows no counters")]
mod host;

use authorize_host::bearer::Rejection;
use compliance_gate::{Gate, GateLayer, GrpcRefusals};
use host::{Authentication, Failure, Host};
use http::{Request, request::Parts};
use intune_core::AccordTemplate;
use tokio::net::TcpListener;
use tonic::{
    Code, Status,
    body::Body,
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::filter::AsyncFilterLayer;

/// The template by method. What isn't listed is refused.
fn template(request: &Parts) -> Option<AccordTemplate> {
    match request.uri.path() {
        "/grpc.health.v1.Health/Check" => "read-only".parse().ok(),
        _ => None,
    }
}

async fn authenticate(
    authentication: Authentication,
    mut request: Request<Body>,
) -> Result<Request<Body>, Failure> {
    // tonic makes an answer of a status that is given as an error.
    let caller = match authentication.caller(request.headers()).await {
        Ok(caller) => caller,
        Err(rejection @ Rejection::Invalid(_)) => {
            return Err(Status::unauthenticated(rejection.to_string()).into());
        }
        Err(rejection @ Rejection::KeysUnavailable) => {
            return Err(Status::unavailable(rejection.to_string()).into());
        }
    };
    request.extensions_mut().insert(caller);
    Ok(request)
}

async fn serve(
    gate: Gate,
    authentication: Authentication,
    listener: TcpListener,
) -> Result<(), tonic::transport::Error> {
    let (_reporter, health) = tonic_health::server::health_reporter();
    Server::builder()
        // Added first, it runs first.
        .layer(AsyncFilterLayer::new(move |request| {
            authenticate(authentication.clone(), request)
        }))
        .layer(GateLayer::by_request(gate, template).refuse_with(GrpcRefusals))
        .add_service(health)
        .serve_with_incoming(TcpIncoming::from(listener))
        .await
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let host = Host::start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let gate = host.gate.clone();
    let serving = tokio::spawn(serve(gate, host.authentication.clone(), listener));

    let channel = Endpoint::from_shared(address)?.connect().await?;
    let mut client = HealthClient::new(channel);
    for (who, token, wanted) in [
        ("a compliant device", host.token_on("compliant"), Code::Ok),
        (
            "a noncompliant device",
            host.token_on("noncompliant"),
            Code::PermissionDenied,
        ),
        ("no device", host.token_on_none(), Code::PermissionDenied),
        ("nobody", String::new(), Code::Unauthenticated),
    ] {
        let mut request = tonic::Request::new(HealthCheckRequest::default());
        let bearer = format!("Bearer {token}").parse()?;
        request.metadata_mut().insert("authorization", bearer);
        let (code, message) = match client.check(request).await {
            Ok(answer) => (Code::Ok, format!("{:?}", answer.get_ref().status())),
            Err(status) => (status.code(), status.message().to_owned()),
        };
        println!("Check  {who}: {code:?}\n  {message}");
        if code != wanted {
            return Err(format!("{who} should get {wanted:?}").into());
        }
    }
    serving.abort();
    Ok(())
}
