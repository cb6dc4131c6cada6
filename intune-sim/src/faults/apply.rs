//! What a fault makes of an answer.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    response::Response,
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::FaultKind;
use crate::{
    Tenant,
    body::{self, typed},
    graph::{self, ListQuirk},
    service::Received,
    time,
    wire::Route,
};

const JSON: &str = "application/json; charset=utf-8";
const WEB_PAGE: &str = "<!DOCTYPE html><html><head><title>Service Unavailable</title></head>\
     <body><h2>Service Unavailable</h2><hr><p>HTTP Error 503. The service is unavailable.</p></body></html>";

pub(crate) async fn apply(
    tenant: &Tenant,
    received: &Received,
    kind: FaultKind,
    mut releases: watch::Receiver<u64>,
) -> Response {
    let perform = |quirk: &ListQuirk| received.perform(tenant, quirk);
    match kind {
        FaultKind::Status {
            status,
            body,
            retry_after,
        } => with_status(received, status, body, retry_after),
        FaultKind::Delay { millis } => {
            let answer = perform(&ListQuirk::None);
            time::pause(Duration::from_millis(millis)).await;
            answer
        }
        FaultKind::Hold => {
            let answer = perform(&ListQuirk::None);
            let _held = Held::count(&tenant.0.held);
            // An error means that the tenant is gone, and nobody will read the answer.
            let _ = releases.changed().await;
            answer
        }
        FaultKind::CutConnection => Response::new(body::cut_at_once()),
        FaultKind::CutBody => cut_body(perform(&ListQuirk::None)).await,
        FaultKind::TruncatedBody => truncate(perform(&ListQuirk::None)).await,
        FaultKind::GarbageBody => typed(
            StatusCode::OK,
            JSON,
            Bytes::from_static(b"\x00\xff\xfe{\x80garbage\xc3\x28"),
        ),
        FaultKind::Html => typed(StatusCode::OK, "text/html; charset=us-ascii", WEB_PAGE),
        FaultKind::Redirect { location } => redirect(&location),
        FaultKind::IgnoreFilter => perform(&ListQuirk::IgnoreFilter),
        FaultKind::NextLinkTo { url } => perform(&ListQuirk::NextLinkTo(url)),
        FaultKind::PageLoop => perform(&ListQuirk::PageLoop),
    }
}

/// Counts a held answer for as long as it's held, also when the client gives up.
struct Held<'a>(&'a watch::Sender<usize>);

impl<'a> Held<'a> {
    fn count(held: &'a watch::Sender<usize>) -> Self {
        held.send_modify(|held| *held += 1);
        Self(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}

fn with_status(
    received: &Received,
    status: u16,
    body: Option<String>,
    retry_after: Option<String>,
) -> Response {
    let status = StatusCode::from_u16(status)
        .ok()
        .filter(|status| (200..600).contains(&status.as_u16()))
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match body {
        Some(body) => {
            let kind = match body.trim_start().chars().next() {
                Some('{' | '[') => JSON,
                Some('<') => "text/html; charset=utf-8",
                _ => "text/plain; charset=utf-8",
            };
            typed(status, kind, body)
        }
        None => usual(received, status),
    };
    if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(&value).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

/// What the service sends with a status.
fn usual(received: &Received, status: StatusCode) -> Response {
    let headers = &received.parts.headers;
    match received.call.route() {
        // The authority's throttling answer is plain text.
        Route::Token | Route::Discovery | Route::Keys
            if status == StatusCode::TOO_MANY_REQUESTS =>
        {
            typed(status, "text/plain; charset=utf-8", "Too Many Requests")
        }
        Route::Token | Route::Discovery | Route::Keys => {
            let error = crate::entra::EntraError {
                status,
                error: if status.is_server_error() {
                    "temporarily_unavailable"
                } else {
                    "invalid_request"
                },
                code: 90033,
                text: "A transient error has occurred. Please try again.".to_owned(),
            };
            crate::entra::Exchange::of(headers).error(&error)
        }
        _ if status == StatusCode::SERVICE_UNAVAILABLE => {
            typed(status, "text/html; charset=us-ascii", WEB_PAGE)
        }
        _ => graph::errors::usual(headers, status),
    }
}

async fn whole(body: Body) -> Bytes {
    to_bytes(body, usize::MAX).await.unwrap_or_default()
}

async fn cut_body(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let body = whole(body).await;
    // The full length is announced, so that every client can tell.
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    Response::from_parts(parts, body::cut_after(half))
}

async fn truncate(answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let body = whole(body).await;
    let half = body.slice(..body.len() / 2);
    Response::from_parts(parts, Body::from(half))
}

fn redirect(location: &str) -> Response {
    let body: Value = json!({ "error": { "code": "Found", "message": "The resource has moved." } });
    let mut response = body::json(StatusCode::FOUND, &body);
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
