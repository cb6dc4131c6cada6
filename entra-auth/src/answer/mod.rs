//! Reading what a token endpoint answers, which need not be what a token endpoint should answer.

mod clean;
mod grant;
mod kind;
mod refusal;

use bytes::Bytes;
use http::{Response, StatusCode};
use secrecy::zeroize::Zeroize as _;

pub(crate) use self::{grant::Grant, refusal::Asked};
use self::{grant::grant, refusal::refusal};
use crate::{TokenError, TokenErrorKind, error::Refusal};

/// Reads an answer, and wipes a token's.
pub(crate) fn read(response: Response<Bytes>, asked: &Asked<'_>) -> Result<Grant, TokenError> {
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    if head.status != StatusCode::OK {
        return Err(refusal(status, &head.headers, &body, asked));
    }
    let grant = grant(&body);
    if let Ok(mut body) = body.try_into_mut() {
        body.zeroize();
    }
    grant.map_err(|message| {
        let refusal = Refusal {
            status: Some(status),
            correlation_id: Some(asked.request_id.to_owned()),
            ..Refusal::default()
        };
        TokenError::refused(TokenErrorKind::MalformedAnswer, refusal).with_message(message)
    })
}
