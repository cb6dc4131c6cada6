//! `/governance/ceremonies/`: what waits for approval, and what is decided. With the approver's own token.

use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use intune_core::{
    Approvals as _, Approver, CeremonyId, CeremonyRequest, CeremonyVote, DecideError,
    PendingCeremony, Principal,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::bearer::{Refusal, bearer, read_or_default};
use crate::{
    ceremonies::{self, Vote},
    host::{Host, Operations},
};

/// What comes with a decision.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reasoned {
    #[serde(default)]
    reason: String,
}

/// What waits, for those who may decide.
pub(super) async fn pending(
    State(host): State<Host>,
    headers: HeaderMap,
) -> Result<Json<Value>, Denial> {
    let (operations, approver) = admitted(&host, &headers).await?;
    let now = host.clock.now().wall;
    operations.approvers.knows(&approver, now)?;
    let waiting = operations.ceremonies.pending().await?;
    let shown: Vec<_> = waiting.iter().map(shown).collect();
    Ok(Json(json!({"ceremonies": shown})))
}

pub(super) async fn approve(
    state: State<Host>,
    id: Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<Value>, Denial> {
    decide(state, id, headers, request, Vote::Approve).await
}

pub(super) async fn deny(
    state: State<Host>,
    id: Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<Value>, Denial> {
    decide(state, id, headers, request, Vote::Deny).await
}

async fn decide(
    State(host): State<Host>,
    Path(id): Path<String>,
    headers: HeaderMap,
    request: Request,
    vote: Vote,
) -> Result<Json<Value>, Denial> {
    let (operations, approver) = admitted(&host, &headers).await?;
    let Reasoned { reason } = read_or_default(request).await?;
    let id: CeremonyId = id.parse().map_err(|_| DecideError::NotFound)?;
    let decided = ceremonies::decide(&host, &operations, id, &approver, vote, &reason).await?;
    Ok(Json(json!({"ceremony": shown(&decided)})))
}

async fn admitted(host: &Host, headers: &HeaderMap) -> Result<(Operations, Approver), Denial> {
    let token = host.verifier.verify(bearer(headers)?).await;
    let token = token.map_err(Refusal::from)?;
    let operations = host.operations.clone().ok_or(DecideError::NotFound)?;
    let approver = token.approver().ok_or(DecideError::AuthenticationTooOld)?;
    Ok((operations, approver))
}

fn shown(waiting: &PendingCeremony) -> Value {
    let PendingCeremony {
        ceremony,
        request,
        votes,
        needed,
        ..
    } = waiting;
    json!({
        "id": ceremony.id,
        "expires_at": ceremony.expires_at,
        "request": request_shown(request),
        "approvals_needed": needed,
        "votes": votes.iter().map(vote_shown).collect::<Vec<_>>(),
    })
}

fn request_shown(request: &CeremonyRequest) -> Value {
    let target = &request.target;
    let parameters = request.parameters.as_deref().map(serde_json::from_str);
    let parameters: Option<Value> = parameters.and_then(Result::ok);
    json!({
        "operation": request.operation,
        "parameters": parameters,
        "requester": person(&request.requester),
        "accord_template": request.accord_template,
        "authorization_context": request.authorization_context.as_ref().map(ToString::to_string),
        "tenant": request.tenant,
        "device": {
            "managed_device_id": target.managed_device_id,
            "entra_device_id": target.entra_device_id,
            "name": target.device_name.as_deref().map(plain),
            "serial_number": target.serial_number.as_deref().map(plain),
            "user_id": target.user_id,
            "management_state": target.management_state,
        },
    })
}

fn vote_shown(vote: &CeremonyVote) -> Value {
    json!({"by": person(&vote.by), "approves": vote.approves, "reason": plain(&vote.reason)})
}

/// What others wrote, without what isn't seen: control characters, and those that turn the order of a text around.
fn plain(text: &str) -> String {
    let is_unseen = |c: char| {
        let turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        c.is_control() || turns
    };
    let shown = text
        .chars()
        .map(|c| if is_unseen(c) { '\u{fffd}' } else { c });
    shown.collect()
}

fn person(principal: &Principal) -> Value {
    json!({
        "issuer": principal.issuer(),
        "subject": principal.subject(),
        "object_id": principal.object_id(),
        "delegate": principal.delegate(),
    })
}

/// Why nothing was decided.
pub(super) enum Denial {
    Request(Refusal),
    Decision(ceremonies::Undecided),
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::Request(refusal)
    }
}

impl From<ceremonies::Undecided> for Denial {
    fn from(undecided: ceremonies::Undecided) -> Self {
        Self::Decision(undecided)
    }
}

impl From<DecideError> for Denial {
    fn from(error: DecideError) -> Self {
        Self::Decision(ceremonies::Undecided::Refused(error))
    }
}

impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        let undecided = match self {
            Self::Request(refusal) => return refusal.into_response(),
            Self::Decision(undecided) => undecided,
        };
        let (error, description) = match &undecided {
            ceremonies::Undecided::Refused(error) => (error.as_str(), error.to_string()),
            ceremonies::Undecided::NotRecorded => (
                "audit_unavailable",
                "the decision can't be recorded now, so it doesn't count".to_owned(),
            ),
        };
        let status = match undecided {
            ceremonies::Undecided::Refused(DecideError::NotFound) => StatusCode::NOT_FOUND,
            ceremonies::Undecided::Refused(DecideError::Decided) => StatusCode::CONFLICT,
            ceremonies::Undecided::Refused(DecideError::Unavailable)
            | ceremonies::Undecided::NotRecorded => StatusCode::SERVICE_UNAVAILABLE,
            ceremonies::Undecided::Refused(_) => StatusCode::FORBIDDEN,
        };
        let body = Json(json!({"error": error, "error_description": description}));
        (status, body).into_response()
    }
}
