//! The requests seen, and how many there were.

use std::collections::{BTreeMap, VecDeque};

use aws_lc_rs::digest;
use http::{HeaderMap, Method, Uri, header::AUTHORIZATION};
use serde::Serialize;

use crate::route::Route;

/// How many requests the log keeps; older ones are forgotten, and still counted.
const KEPT: usize = 10_000;

/// A request that the simulator has seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The order of arrival, from 1; never given twice.
    pub order: u64,
    /// Which call it was.
    pub route: Route,
    /// The HTTP method.
    pub method: String,
    /// The path, as sent.
    pub path: String,
    /// The query without `?`, as sent.
    pub query: Option<String>,
    /// The `client-request-id` header.
    pub client_request_id: Option<String>,
    /// The `user-agent` header.
    pub user_agent: Option<String>,
    /// What the `authorization` header held.
    pub authorization: Option<LoggedAuthorization>,
    /// The status answered; none while unanswered, or cut before an answer.
    pub status: Option<u16>,
    /// The fault that the answer suffered, as in [`FaultKind::name`](crate::FaultKind::name).
    pub fault: Option<&'static str>,
}

/// An `authorization` header, without the credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoggedAuthorization {
    /// `Bearer`, `Basic`, or whatever else was sent.
    pub scheme: String,
    /// The SHA-256 of the credential in lower-case hex: tells two tokens apart.
    pub sha256: String,
}

impl LoggedAuthorization {
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = String::from_utf8_lossy(headers.get(AUTHORIZATION)?.as_bytes()).into_owned();
        let (scheme, credential) = value.split_once(' ').unwrap_or(("", &value));
        let digest = digest::digest(&digest::SHA256, credential.trim().as_bytes());
        let sha256 = digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Some(Self {
            scheme: scheme.to_owned(),
            sha256,
        })
    }
}

/// The log and its counters.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    last: u64,
    requests: VecDeque<LoggedRequest>,
    counts: BTreeMap<Route, u64>,
}

impl RequestLog {
    /// Notes a request, and gives its order.
    pub(crate) fn arrive(
        &mut self,
        route: Route,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> u64 {
        let text = |name| {
            let value: Option<&http::HeaderValue> = headers.get(name);
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        self.last += 1;
        *self.counts.entry(route).or_default() += 1;
        if self.requests.len() == KEPT {
            self.requests.pop_front();
        }
        self.requests.push_back(LoggedRequest {
            order: self.last,
            route,
            method: method.to_string(),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
            client_request_id: text("client-request-id"),
            user_agent: text("user-agent"),
            authorization: LoggedAuthorization::of(headers),
            status: None,
            fault: None,
        });
        self.last
    }

    /// Changes the entry of that order, unless it's forgotten.
    pub(crate) fn amend(&mut self, order: u64, change: impl FnOnce(&mut LoggedRequest)) {
        if let Ok(index) = self
            .requests
            .binary_search_by_key(&order, |request| request.order)
            && let Some(request) = self.requests.get_mut(index)
        {
            change(request);
        }
    }

    pub(crate) fn requests(&self) -> Vec<LoggedRequest> {
        self.requests.iter().cloned().collect()
    }

    pub(crate) fn counts(&self) -> BTreeMap<Route, u64> {
        self.counts.clone()
    }

    pub(crate) fn count(&self, route: Route) -> u64 {
        self.counts
            .iter()
            .filter(|(seen, _)| route.covers(**seen))
            .map(|(_, count)| count)
            .sum()
    }

    /// Forgets the requests and their counts; the order goes on.
    pub(crate) fn clear(&mut self) {
        self.requests.clear();
        self.counts.clear();
    }
}
