use std::{pin::pin, sync::Arc};

use clock::Clock;
use futures_util::future::{Either, select};

use crate::{
    AccessToken, RetryPolicy, Scope, TokenError, TokenErrorKind,
    endpoint::{Ask, TokenEndpoint},
    throttle::Throttle,
};

/// Asks for a token until there is one, or it is pointless to go on.
pub(crate) struct TokenRequests {
    pub(crate) endpoint: TokenEndpoint,
    pub(crate) retry: RetryPolicy,
    pub(crate) throttle: Throttle,
    pub(crate) clock: Arc<dyn Clock>,
}

impl TokenRequests {
    pub(crate) async fn token(
        &self,
        scope: &Scope,
        claims: Option<&str>,
    ) -> Result<AccessToken, TokenError> {
        let mut last = None;
        let deadline = self.clock.sleep(self.retry.total());
        let outcome = match select(pin!(self.attempts(scope, claims, &mut last)), deadline).await {
            Either::Left((outcome, _)) => Some(outcome),
            Either::Right(((), _)) => None,
        };
        outcome.unwrap_or_else(|| {
            tracing::warn!(%scope, "no access token before the deadline");
            // What went wrong before tells more than that the time is up.
            Err(last.unwrap_or_else(|| TokenError::new(TokenErrorKind::TimedOut)))
        })
    }

    async fn attempts(
        &self,
        scope: &Scope,
        claims: Option<&str>,
        last: &mut Option<TokenError>,
    ) -> Result<AccessToken, TokenError> {
        let mut attempts = 0;
        let mut rejected = None;
        loop {
            // Another scope may have been told to wait meanwhile.
            self.throttle.check(self.clock.now())?;
            let ask = Ask {
                scope,
                claims,
                rejected: rejected.as_ref(),
            };
            let error = match self.endpoint.request(ask).await {
                Ok(token) => return Ok(token),
                Err(error) => self.retry.capped(error),
            };
            // That there is no other credential tells less than that the one before is bad.
            if let Some(rejection) = rejected.as_ref()
                && error.kind() == TokenErrorKind::CredentialUnavailable
            {
                return Err(TokenError::clone(rejection));
            }
            // Once: what it was rotated to may be rejected, too.
            let may_change = self.endpoint.credential.may_change();
            if may_change && rejected.is_none() && error.rejects_client() {
                rejected = Some(error);
                continue;
            }
            attempts += 1;
            if let Some(wait) = self.retry.hold_off(attempts, &error) {
                let error = error.with_retry_after(wait);
                self.throttle.hold_off(&error, self.clock.now(), wait);
                return Err(error);
            }
            let Some(wait) = self.retry.wait(attempts, &error) else {
                return Err(error);
            };
            tracing::debug!(?wait, %scope, "asking again for an access token");
            *last = Some(error);
            self.clock.sleep(wait).await;
        }
    }
}
