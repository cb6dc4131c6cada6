//! `POST /governance/authorize/`: an Authorization Context, or the reason why not.

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use compliance_gate::GateRequest;
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use intune_core::AccordTemplate;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::json;

use super::bearer::{Refusal, bearer, read};
use crate::{ac::Grant, bearer::VerifiedToken, host::Host};

#[derive(Deserialize)]
struct AuthorizeRequest {
    accord_template: AccordTemplate,
    /// Of whoever the bearer acts for. A `null` is not its absence.
    #[serde(default, deserialize_with = "given")]
    delegator_token: Option<SecretString>,
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
        delegator_token,
    } = read(request).await?;
    let delegators = match delegator_token {
        Some(delegators) => Some(delegator(&host, &token, &delegators).await?),
        None => None,
    };

    let device = host.identity.identify(&token.claims);
    let delegator = delegators
        .as_ref()
        .map(|token| host.identity.identify(&token.claims));
    let request = GateRequest::new(&token.principal, &template, device)
        .with_traceparent(traceparent(&headers));
    let request = match delegator {
        Some(device) => request.delegator(device),
        None => request,
    };
    let decision = host.gate.evaluate(&request).await;

    if decision.is_allow() {
        let issued = host.issuer.issue(Grant {
            principal: &token.principal,
            template: &template,
            device,
            delegator,
            decision: &decision,
            token_expires_at: delegators.map_or(token.expires_at, |delegators| {
                token.expires_at.min(delegators.expires_at)
            }),
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

/// The delegator's token, which is never left out of account because it is wrong.
async fn delegator(
    host: &Host,
    agents: &VerifiedToken,
    token: &SecretString,
) -> Result<VerifiedToken, Refusal> {
    if !agents.is_of_agent() {
        let why = "`delegator_token` is for agents, and the bearer token names none";
        return Err(Refusal::Body(why.to_owned()));
    }
    let verified = host
        .verifier
        .verify_delegator(token.expose_secret(), agents);
    Ok(verified.await?)
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    String::deserialize(deserializer).map(|token| Some(token.into()))
}

/// What isn't a trace is no reason to refuse a request.
fn traceparent(headers: &HeaderMap) -> Option<chronicle::TraceParent> {
    headers.get("traceparent")?.to_str().ok()?.parse().ok()
}
