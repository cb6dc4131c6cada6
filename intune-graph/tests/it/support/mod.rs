//! A Graph on loopback that says what a test tells it to, what it may say, and tokens for it.

mod actions;
mod bodies;
mod graph;
mod held;
mod preflights;
mod raw;
mod time;
mod tokens;

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
};

use clock::ManualClock;
use entra_auth::{Cloud, TokenProvider, http::HttpClient};
use intune_core::{EntraDeviceId, ManagedDeviceId, SourceFailure, SourceFailureKind};
use intune_graph::{GraphClient, GraphClientBuilder, GraphEndpoint};

pub(crate) use self::{
    actions::*, bodies::*, graph::*, held::*, preflights::*, raw::*, time::*, tokens::*,
};

pub(crate) const DEVICE: &str = "33333333-4444-4555-8666-7777777777ab";
pub(crate) const OTHER: &str = "33333333-4444-4555-8666-888888888888";
pub(crate) const RECORD: &str = "11111111-2222-4333-8444-5555555555cd";
pub(crate) const SECOND_RECORD: &str = "11111111-2222-4333-8444-666666666666";
pub(crate) const LIST: &str = "/v1.0/deviceManagement/managedDevices";

/// A client with the limits that the crate sets itself, but for the time: it never has to wait, and has enough.
pub(crate) fn client(graph: &str) -> GraphClient {
    hurried(graph, Tokens::default(), &Hurried::new())
        .build()
        .unwrap()
}

/// A client with other limits, or with other tokens.
pub(crate) fn client_with(
    graph: &str,
    tokens: impl TokenProvider + 'static,
    http: HttpClient,
) -> GraphClient {
    let client = hurried(graph, tokens, &Hurried::new()).http(http);
    client.build().unwrap()
}

/// A client whose waits are over at once, and add up on the clock.
pub(crate) fn hurried(
    graph: &str,
    tokens: impl TokenProvider + 'static,
    clock: &Hurried,
) -> GraphClientBuilder {
    GraphClient::builder(endpoint(graph), Arc::new(tokens))
        .clock(Arc::new(clock.clone()))
        .deadline(Hurried::DEADLINE)
}

/// A client with all the limits that the crate sets itself, on a clock that stands still.
pub(crate) fn timed(graph: &str, clock: &ManualClock) -> GraphClient {
    let client = GraphClient::builder(endpoint(graph), Arc::new(Tokens::default()));
    client.clock(Arc::new(clock.clone())).build().unwrap()
}

pub(crate) fn noon() -> ManualClock {
    ManualClock::new("2026-11-23T12:00:00Z".parse().unwrap())
}

pub(crate) fn endpoint(graph: &str) -> GraphEndpoint {
    GraphEndpoint::of(Cloud::Global).at(graph.parse().unwrap())
}

pub(crate) fn device_id() -> EntraDeviceId {
    DEVICE.parse().unwrap()
}

pub(crate) fn record_id() -> ManagedDeviceId {
    RECORD.parse().unwrap()
}

/// A listener that nobody should talk to. It answers nothing, and the system keeps whoever calls.
pub(crate) struct Bystander(TcpListener);

impl Bystander {
    pub(crate) fn new() -> Self {
        Self::at(Ipv4Addr::LOCALHOST)
    }

    pub(crate) fn at(host: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub(crate) fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// That nobody has so much as connected.
    pub(crate) fn assert_left_alone(&self) {
        let error = self.0.accept().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}

#[track_caller]
pub(crate) fn assert_malformed(failure: &SourceFailure, code: Option<&str>) {
    assert_eq!(
        (failure.kind(), failure.code()),
        (SourceFailureKind::MalformedAnswer, code)
    );
}
