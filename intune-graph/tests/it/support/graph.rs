//! A Graph on loopback, with a log of what it received.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::Request,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use intune_core::{Cursor, DeviceDirectory as _, DeviceQuery, ManagedDevice, Page, SourceFailure};
use intune_graph::GraphClient;
use serde_json::Value;

use super::{client, device_id, page, page_link, record_id};

/// A request as Graph saw it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    /// Path and query, as they were on the wire.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    /// A query option, read as RFC 3986 has it: `+` is a plus.
    pub(crate) fn option(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut options = query.split('&').filter_map(|option| option.split_once('='));
        let (_, value) = options.find(|(key, _)| decode(key) == name)?;
        Some(decode(value))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }
}

fn decode(text: &str) -> String {
    let decoded = percent_encoding::percent_decode_str(text);
    decoded.decode_utf8().unwrap().into_owned()
}

/// A Graph with a log of what it received.
pub(crate) struct Graph {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Graph {
    /// A Graph that answers by a function of the request and of its own address.
    pub(crate) async fn start(
        answer: impl Fn(&Received, &str) -> Response + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (log, own) = (Arc::clone(&received), url.clone());
        let handler = move |request: Request| {
            let (answer, own, log) = (answer.clone(), own.clone(), Arc::clone(&log));
            async move {
                let (parts, body) = request.into_parts();
                let request = Received {
                    method: parts.method.to_string(),
                    target: parts.uri.to_string(),
                    headers: parts.headers,
                    body: axum::body::to_bytes(body, 64 * 1024).await.unwrap(),
                };
                let response = answer(&request, &own);
                log.lock().unwrap().push(request);
                response
            }
        };
        tokio::spawn(axum::serve(listener, Router::new().fallback(handler)).into_future());
        Self { url, received }
    }

    /// A Graph that always answers alike.
    pub(crate) async fn saying(
        status: u16,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> Self {
        let headers: Vec<_> = headers.iter().map(|&(n, v)| (n, v.to_owned())).collect();
        let body = body.into();
        Self::start(move |_, _| response(status, &headers, body.clone())).await
    }

    /// A Graph whose every list has these rows, on one page.
    pub(crate) async fn of(rows: Vec<Value>) -> Self {
        Self::saying(200, &[], page(&rows, None)).await
    }

    /// A Graph with these pages, whatever it is asked.
    pub(crate) async fn pages(pages: Vec<Vec<Value>>) -> Self {
        Self::start(move |request, own| {
            let number: usize = request
                .option("$skiptoken")
                .map_or(0, |number| number.parse().unwrap());
            let next = (number + 1 < pages.len()).then(|| page_link(own, number + 1));
            ok(page(pages.get(number).unwrap(), next.map(Value::from)))
        })
        .await
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.received.lock().unwrap().len()
    }

    pub(crate) fn client(&self) -> GraphClient {
        client(&self.url)
    }

    pub(crate) async fn records(&self) -> Result<Vec<ManagedDevice>, SourceFailure> {
        self.client().records(device_id()).await
    }

    pub(crate) async fn device(&self) -> Result<Option<ManagedDevice>, SourceFailure> {
        self.client().device(record_id()).await
    }

    pub(crate) async fn page(
        &self,
        cursor: Option<Cursor>,
    ) -> Result<Page<ManagedDevice>, SourceFailure> {
        self.client().page(&DeviceQuery::new(), cursor).await
    }

    /// How the look-up of a device's records fails.
    pub(crate) async fn failure(&self) -> SourceFailure {
        self.records().await.unwrap_err()
    }
}

pub(crate) fn ok(body: String) -> Response {
    response(200, &[], body.into())
}

pub(crate) fn response(status: u16, headers: &[(&'static str, String)], body: Bytes) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}
