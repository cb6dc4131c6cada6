//! `POST /governance/authorize/`: an Authorization Context, or the reason why not.

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use compliance_gate::GateRequest;
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use intune_core::AccordTemplate;
use serde::Deserialize;
use serde_json::json;

use super::bearer::{Refusal, bearer, read};
use crate::{ac::Grant, host::Host};

#[derive(Deserialize)]
struct AuthorizeRequest {
    accord_template: AccordTemplate,
}

pub(super) async fn authorize(
    State(host): State<Host>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let token = bearer(&headers)?;
    let token = host.verifier.verify(token).await?;
    let AuthorizeRequest {
        accord_template: template,
    } = read(request).await?;

    let device = host.identity.identify(&token.claims);
    let request = GateRequest::new(&token.principal, &template, device)
        .with_traceparent(traceparent(&headers));
    let decision = host.gate.evaluate(&request).await;

    if decision.is_allow() {
        let issued = host.issuer.issue(Grant {
            principal: &token.principal,
            template: &template,
            device,
            decision: &decision,
            token_expires_at: token.expires_at,
        });
        return match issued {
            Ok(ac) => Ok(Json(json!({"ac": ac, "decision": decision})).into_response()),
            Err(error) => {
                tracing::error!(%error, "no Authorization Context");
                Err(Refusal::Internal)
            }
        };
    }
    let body = Json(json!({"decision": decision}));
    let answer = decision.http_answer();
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::FORBIDDEN);
    Ok(match answer.retry_after_seconds {
        Some(seconds) => {
            let retry_after = [(RETRY_AFTER, seconds.to_string())];
            (status, retry_after, body).into_response()
        }
        None => (status, body).into_response(),
    })
}

/// What isn't a trace is no reason to refuse a request.
fn traceparent(headers: &HeaderMap) -> Option<chronicle::TraceParent> {
    headers.get("traceparent")?.to_str().ok()?.parse().ok()
}
