use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use chronicle::TraceParent;
use http::{HeaderMap, Request, Response};
use tower_service::Service;

use super::{GateLayer, Refusal, Refuse, VerifiedCaller};
use crate::{Decision, GateRequest};

/// A service behind a gate. Made by [`GateLayer`].
#[derive(Clone, Debug)]
pub struct GateService<S, R = super::JsonRefusals> {
    gate: GateLayer<R>,
    inner: S,
}

impl<S, R> GateService<S, R> {
    pub(super) const fn new(gate: GateLayer<R>, inner: S) -> Self {
        Self { gate, inner }
    }
}

impl<S, R, B, Answer> Service<Request<B>> for GateService<S, R>
where
    S: Service<Request<B>, Response = Response<Answer>> + Clone + Send + 'static,
    S::Future: Send,
    R: Refuse<Answer> + Clone + Send + Sync + 'static,
    B: Send + 'static,
{
    type Response = Response<Answer>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let gate = self.gate.clone();
        // The one that was found ready is the one to call; its clone need not be.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            let admitted = match gate.admit(request).await {
                Ok(admitted) => admitted,
                Err(refused) => return Ok(refused),
            };
            inner.call(admitted).await
        })
    }
}

impl<R> GateLayer<R> {
    /// The request with its decision, or the answer to give instead.
    async fn admit<B: Send, Answer>(
        &self,
        request: Request<B>,
    ) -> Result<Request<B>, Response<Answer>>
    where
        R: Refuse<Answer> + Sync,
    {
        let (mut parts, body) = request.into_parts();
        let Some(caller) = parts.extensions.get::<VerifiedCaller>() else {
            tracing::error!(
                name: "compliance_gate.no_caller",
                target: "compliance_gate",
                "a request came without a verified caller: let authentication run before the gate"
            );
            return Err(self.refuse.refuse(Refusal::NoCaller));
        };
        let Some(template) = (self.template)(&parts) else {
            tracing::warn!(
                name: "compliance_gate.no_template",
                target: "compliance_gate",
                "a request came for which no accord template is named"
            );
            return Err(self.refuse.refuse(Refusal::NoTemplate));
        };
        let mut request = GateRequest::new(&caller.principal, &template, caller.device)
            .with_traceparent(traceparent(&parts.headers));
        if let Some(device) = caller.delegator {
            request = request.delegator(device);
        }
        if self.live {
            request = request.live();
        }
        let decision: Decision = self.gate.evaluate(&request).await;
        if !decision.is_allow() {
            return Err(self.refuse.refuse(Refusal::Denied(&decision)));
        }
        parts.extensions.insert(decision);
        Ok(Request::from_parts(parts, body))
    }
}

/// What isn't a trace is no reason to refuse a request.
fn traceparent(headers: &HeaderMap) -> Option<TraceParent> {
    headers.get("traceparent")?.to_str().ok()?.parse().ok()
}
