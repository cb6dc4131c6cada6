use std::future::Future;

use bytes::Bytes;
use entra_auth::{AccessToken, ClaimsChallenge, TokenError};
use http::{Request, StatusCode};
use intune_core::SourceFailure;
use tokio::sync::SemaphorePermit;
use url::Url;
use uuid::Uuid;

use super::{
    Effect, PATIENCE, Wire,
    deadline::{Deadline, Elapsed},
    gate::timed_out,
    pause::Sent,
    places::Place,
    retry::{ATTEMPTS, backoff},
};
use crate::{
    answer::{self, Answer},
    request,
};

/// One call of a port: some exchanges, by one deadline and with one new token at most.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(super) wire: &'a Wire,
    pub(super) deadline: Deadline,
    pub(super) token_was_replaced: bool,
}

/// An exchange without an answer.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) failure: SourceFailure,
    /// Whether the service may have acted on the request. `false` is certain.
    pub(crate) may_have_been_received: bool,
    is_outage: bool,
}

impl<'a> Call<'a> {
    /// Waits for one of the few places that listings have among those in flight, and holds it.
    pub(crate) async fn turn_to_list(&self) -> Result<SemaphorePermit<'a>, SourceFailure> {
        let wire = self.wire;
        wire.gate.enter_to_list(&self.deadline).await
    }

    /// Reads `url`, again if the service is out, and with a new token if it rejects the one we have.
    ///
    /// The answer is one by which the service says what it means: an outage is a failure.
    pub(crate) async fn read(&mut self, url: &Url) -> Result<Answer, SourceFailure> {
        let asking = self.wire.gate.ask();
        let mut token = self.token().await?;
        let place = self.wire.gate.enter(asking, &self.deadline).await?;
        let mut retry = 0;
        loop {
            let id = Uuid::new_v4().to_string();
            let request =
                request::get(url, &token, &id, retry).map_err(|_| request::unsendable())?;
            let answer = match self.wire.gate.admit(&self.deadline).await {
                Ok(sent) => self.exchange(Effect::Read, sent, request, id).await,
                Err(failure) => Err(Lost::unsent(failure)),
            };
            let lost = match answer {
                Ok(answer) if answer.rejects_token() && !self.token_was_replaced => {
                    self.token_was_replaced = true;
                    token = self.replace(&token, answer.challenge()).await?;
                    continue;
                }
                Ok(answer) => match outage(&answer) {
                    Some(outage) => outage,
                    None => {
                        place.answered();
                        return Ok(answer);
                    }
                },
                Err(lost) if lost.failure.kind().is_outage() => lost,
                Err(lost) => return Err(lost.failure),
            };
            retry += 1;
            if !self.waits_for_retry(retry, &lost.failure).await {
                if lost.is_outage || retry > 1 {
                    place.failed(&lost.failure);
                }
                return Err(lost.failure);
            }
        }
    }

    /// Sends a request that is never sent again, not even with another token. Its answer may be of any status.
    ///
    /// `sign` makes it, of a token and of `id`, which is ours.
    pub(crate) async fn write(
        &mut self,
        effect: Effect,
        id: String,
        sign: impl FnOnce(&AccessToken, &str) -> Result<Request<Bytes>, http::Error> + Send,
    ) -> Result<Answer, Lost> {
        let asking = self.wire.gate.ask();
        let token = self.token().await.map_err(Lost::unsent)?;
        let request = sign(&token, &id).map_err(|_| Lost::unsent(request::unsendable()))?;
        let entered = self
            .wire
            .gate
            .enter_to_write(asking, effect, &self.deadline);
        // What failed in the queue failed for somebody else's request, whose id isn't this one's.
        let entered = entered
            .await
            .map_err(|theirs| Lost::unsent(nameless(&theirs)));
        let (place, sent) = entered?;
        let outcome = self.exchange(effect, sent, request, id).await;
        self.settle(&token, place, &outcome);
        outcome
    }

    /// Waits until a write could be sent: there is a token, no pause, and the budget has one left, which is kept for
    /// it.
    pub(crate) async fn prepare_write(&self, effect: Effect) -> Result<(), SourceFailure> {
        self.token().await?;
        self.wire.gate.prepay(effect, &self.deadline).await
    }

    /// Lets others profit from what a request met that isn't sent again.
    fn settle(&self, token: &AccessToken, place: Place<'_>, outcome: &Result<Answer, Lost>) {
        match outcome {
            Ok(answer) if answer.rejects_token() => {
                self.wire
                    .tokens
                    .invalidate(self.wire.endpoint.scope(), token);
            }
            Ok(answer) => match outage(answer) {
                Some(outage) => place.failed(&outage.failure),
                None => place.answered(),
            },
            Err(lost) if lost.is_outage => place.failed(&lost.failure),
            Err(_) => {}
        }
    }

    pub(crate) async fn token(&self) -> Result<AccessToken, SourceFailure> {
        let (tokens, scope) = (&self.wire.tokens, self.wire.endpoint.scope());
        match tokens.peek(scope) {
            Some(token) => Ok(token),
            None => self.obtained(tokens.token(scope)).await,
        }
    }

    /// Waits for a token, until the deadline.
    async fn obtained(
        &self,
        token: impl Future<Output = Result<AccessToken, TokenError>> + Send,
    ) -> Result<AccessToken, SourceFailure> {
        let token = self.deadline.bound(token).await;
        token.map_err(|_| timed_out())?.map_err(|error| {
            tracing::warn!(%error, "no token for Graph");
            answer::token_failure(&error)
        })
    }

    /// Another token in place of one that was rejected, and that meets the challenge, if there was one.
    async fn replace(
        &self,
        rejected: &AccessToken,
        challenge: Option<ClaimsChallenge>,
    ) -> Result<AccessToken, SourceFailure> {
        let (tokens, scope) = (&self.wire.tokens, self.wire.endpoint.scope());
        if let Some(challenge) = challenge {
            let token = tokens.token_for_challenge(scope, rejected, &challenge);
            return self.obtained(token).await;
        }
        tokens.invalidate(scope, rejected);
        self.token().await
    }

    /// Sends `request` once, as it was admitted.
    async fn exchange(
        &self,
        effect: Effect,
        sent: Sent,
        request: Request<Bytes>,
        id: String,
    ) -> Result<Answer, Lost> {
        let gate = &self.wire.gate;
        let begun = self.wire.clock.now();
        let path = request.uri().path().to_owned();
        let response = self.deadline.bound(self.wire.http.send(request)).await;
        let now = self.wire.clock.now();
        let response = match response {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                tracing::warn!(%error, client_request_id = id, "no answer from Graph");
                let failure = answer::transport_failure(&error).with_request_id(&id);
                return Err(Lost {
                    is_outage: failure.kind().is_outage(),
                    may_have_been_received: error.request_may_have_been_received(),
                    failure,
                });
            }
            Err(Elapsed { was_begun: false }) => return Err(Lost::unsent(timed_out())),
            Err(Elapsed { was_begun: true }) => {
                tracing::warn!(client_request_id = id, "no answer from Graph in time");
                return Err(Lost {
                    failure: timed_out().with_request_id(&id),
                    may_have_been_received: true,
                    // Or the call had little time left, of which the service knows nothing.
                    is_outage: now.monotonic.since(begun.monotonic) >= PATIENCE,
                });
            }
        };
        let status = response.status();
        tracing::debug!(
            path,
            status = status.as_u16(),
            client_request_id = id,
            "Graph answered"
        );
        let answer = Answer::new(response, id, effect, now.wall);
        if status == StatusCode::TOO_MANY_REQUESTS {
            gate.throttled(sent, answer.asked_delay());
            return Ok(answer.with_pause(gate.pause()));
        }
        gate.answered(sent);
        if status.is_success() {
            self.wire.retries.succeeded(now.monotonic);
        }
        Ok(answer)
    }

    /// Waits before the `retry`-th repetition, if there is to be one.
    async fn waits_for_retry(&self, retry: u32, failure: &SourceFailure) -> bool {
        if retry >= ATTEMPTS {
            return false;
        }
        let asked = failure.retry_after().unwrap_or_default();
        let asked = asked.max(self.wire.gate.pause());
        let delay = asked.saturating_add(backoff(retry, rand::random()));
        let fits = delay < self.deadline.remaining();
        let now = self.wire.clock.now().monotonic;
        fits && self.wire.retries.take(now) && self.deadline.wait(delay).await.is_ok()
    }
}

impl Lost {
    /// Certainly nothing was sent.
    const fn unsent(failure: SourceFailure) -> Self {
        Self {
            failure,
            may_have_been_received: false,
            is_outage: false,
        }
    }
}

/// The outage that an answer is of, if it is of one. A 500 isn't: it can be about what was asked.
fn outage(answer: &Answer) -> Option<Lost> {
    let is_outage = matches!(answer.status().as_u16(), 429 | 502 | 503 | 504);
    is_outage.then(|| Lost {
        failure: answer.failure(),
        may_have_been_received: true,
        is_outage: true,
    })
}

/// A failure without what is one request's own.
fn nameless(failure: &SourceFailure) -> SourceFailure {
    let kind = SourceFailure::new(failure.kind());
    match failure.retry_after() {
        Some(delay) => kind.with_retry_after(delay),
        None => kind,
    }
}
