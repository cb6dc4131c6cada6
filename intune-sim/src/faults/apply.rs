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

use super::{FaultKind, build::WEB_PAGE, oversize, refusal, slow};
use crate::{
    Tenant,
    body::{self, typed},
    graph::ListQuirk,
    service::Received,
    time,
};

pub(crate) async fn apply(
    tenant: &Tenant,
    received: &Received,
    kind: FaultKind,
    releases: watch::Receiver<u64>,
) -> Response {
    let perform = |quirk: &ListQuirk| received.perform(tenant, quirk);
    let plainly = || perform(&ListQuirk::None);
    let (lost, kind) = match kind {
        FaultKind::EffectThen(then) => (true, then.innermost().clone()),
        kind => (false, kind),
    };
    if lost && !kind.performs() {
        drop(plainly());
    }
    match kind {
        FaultKind::Status {
            status,
            body,
            retry_after,
        } => refusal::with_status(received, status, body, retry_after),
        FaultKind::Error {
            layer,
            status,
            code,
            message,
            retry_after,
        } => refusal::of_layer(received, layer, status, (code, message), retry_after),
        FaultKind::Entra(error) => refusal::by_entra(received, error),
        FaultKind::IntuneRefusal => refusal::by_intune(received),
        FaultKind::RejectToken => {
            tenant.state().faults.reject_token(&received.parts.headers);
            plainly()
        }
        FaultKind::MissingScope { scope } => refusal::missing_scope(received, &scope),
        FaultKind::ApprovalRequired {
            approval_code,
            status,
        } => refusal::approval_required(received, &approval_code, status),
        FaultKind::Delay { millis } => {
            let answer = plainly();
            time::pause(Duration::from_millis(millis)).await;
            answer
        }
        FaultKind::Hold => slow::hold(tenant, plainly(), releases).await,
        FaultKind::Drip { millis, bytes } => {
            let interval = Duration::from_millis(millis);
            slow::drip(tenant, plainly(), interval, bytes, releases).await
        }
        FaultKind::CutConnection => Response::new(body::cut_at_once()),
        FaultKind::CutBody => cut_body(plainly()).await,
        FaultKind::TruncatedBody => truncate(plainly()).await,
        FaultKind::GarbageBody => typed(
            StatusCode::OK,
            refusal::JSON,
            Bytes::from_static(b"\x00\xff\xfe{\x80garbage\xc3\x28"),
        ),
        FaultKind::Html => typed(StatusCode::OK, "text/html; charset=us-ascii", WEB_PAGE),
        FaultKind::GzipBomb { bytes } => oversize::gzip_bomb(bytes),
        FaultKind::DeepJson { depth } => oversize::deep_json(depth),
        FaultKind::OversizedHeader { bytes } => oversize::header(plainly(), bytes),
        FaultKind::Redirect { location } => redirect(&location),
        FaultKind::IgnoreFilter => perform(&ListQuirk::IgnoreFilter),
        FaultKind::NextLinkTo { url } => perform(&ListQuirk::NextLinkTo(url)),
        FaultKind::PageLoop => perform(&ListQuirk::PageLoop),
        FaultKind::PagePair => perform(&ListQuirk::PagePair),
        FaultKind::EndlessPages => perform(&ListQuirk::EndlessPages),
        FaultKind::HugePage { rows } => perform(&ListQuirk::HugePage(rows)),
        // Unwrapped above.
        FaultKind::EffectThen(_) => plainly(),
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
