//! What a request must pass.

use std::{sync::Arc, time::Duration};

use ::http::{
    HeaderMap, Method, Request,
    header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, PROXY_AUTHORIZATION},
    request::Parts,
};
use bytes::Bytes;
use chronicle::TraceParent;
use http_body_util::Full;
use secrecy::SecretString;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Inner, Refusal,
    body::{MAX_BODY, read},
    call::within_scope,
    front::only,
};
use crate::{Caller, VerifyError, deadline::within};

/// How long to wait for the verifier, which may have to fetch keys.
const VERIFIER_DEADLINE: Duration = Duration::from_secs(10);
/// When to come back to a verifier that didn't answer.
const RETRY: Duration = Duration::from_secs(5);

/// Room that a request takes up until its tool is done, also when nobody waits for that any more.
#[derive(Clone)]
struct Room {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Inner {
    /// Lets a request through with its caller, and without its token.
    pub(super) async fn admit<B: http_body::Body>(
        &self,
        request: Request<B>,
    ) -> Result<Request<Full<Bytes>>, Refusal> {
        let (mut parts, body) = request.into_parts();
        self.front.check(&parts.uri, &parts.headers)?;
        if announces_too_much(&parts.headers) {
            return Err(Refusal::TooLarge);
        }
        let bearer = take_bearer(&mut parts)?;
        let caller = self.verify(&bearer).await?;
        if parts.method != Method::POST {
            return Err(Refusal::Method);
        }
        let pace = self.tools.pace().take(caller.context().principal());
        pace.map_err(Refusal::TooOften)?;
        let caller = match traceparent(&parts.headers) {
            Some(traceparent) => caller.with_traceparent(traceparent),
            None => caller,
        };
        // Who waits for room has sent no body yet that must be kept.
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.map_err(|_| Refusal::Ended)?;
        let body = read(body, self.tools.clock()).await?;
        within_scope(&self.tools, &caller, &body).await?;
        parts.extensions.insert(caller);
        parts.extensions.insert(Room {
            _permit: Arc::new(room),
        });
        Ok(Request::from_parts(parts, Full::new(body)))
    }

    async fn verify(&self, bearer: &SecretString) -> Result<Caller, Refusal> {
        let verified = self.verifier.verify(bearer, &self.resource);
        let verified = within(self.tools.clock(), VERIFIER_DEADLINE, verified).await;
        let verified = verified.ok_or(Refusal::Unverifiable(RETRY))?;
        let caller = verified.map_err(|error| match error {
            VerifyError::Invalid(why) => Refusal::Token(why),
            VerifyError::Unavailable { retry_after } => Refusal::Unverifiable(retry_after),
        })?;
        if caller
            .context()
            .scope()
            .is_expired(self.tools.clock().now().wall)
        {
            return Err(Refusal::Token("it has expired"));
        }
        Ok(caller)
    }
}

fn announces_too_much(headers: &HeaderMap) -> bool {
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    let length = length.and_then(|length| length.parse::<u64>().ok());
    length.is_some_and(|length| length > MAX_BODY as u64)
}

/// The one bearer token of a request ([RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)), which
/// the request has no more afterwards, nor any other credential.
fn take_bearer(parts: &mut Parts) -> Result<SecretString, Refusal> {
    let value = only(&parts.headers, &AUTHORIZATION)?.ok_or(Refusal::NoToken)?;
    let bearer = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(Refusal::NoToken),
    };
    let bearer = SecretString::from(bearer);
    for credential in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE] {
        parts.headers.remove(credential);
    }
    Ok(bearer)
}

/// What isn't a trace is no reason to refuse a request.
fn traceparent(headers: &HeaderMap) -> Option<TraceParent> {
    headers.get("traceparent")?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_request_goes_on_without_its_credentials() {
        let request = Request::builder()
            .header("authorization", "bearer  the-token")
            .header("proxy-authorization", "Basic YTpi")
            .header("cookie", "session=1")
            .header("accept", "application/json")
            .body(());
        let (mut parts, ()) = request.unwrap().into_parts();
        let bearer = take_bearer(&mut parts).unwrap();
        assert_eq!(bearer.expose_secret(), "the-token");
        let left: Vec<_> = parts.headers.keys().collect();
        assert_eq!(left, ["accept"]);
    }
}
