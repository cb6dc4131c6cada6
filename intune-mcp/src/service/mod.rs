//! MCP's streamable HTTP, behind everything that must hold before a request may reach a tool.

mod admit;
mod body;
mod builder;
mod call;
mod front;
mod metadata;
mod refusal;

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use ::http::{Request, Response};
use rmcp::transport::{
    StreamableHttpService, streamable_http_server::session::never::NeverSessionManager,
};
use tokio::sync::Semaphore;
use url::Url;

pub use body::McpBody;
pub use builder::{BuildServiceError, McpServiceBuilder};
use front::Front;
pub use metadata::ProtectedResourceMetadata;
use refusal::{Challenge, Refusal};

use crate::{CallerVerifier, IntuneTools, server::Server};

type Mcp = StreamableHttpService<Server, NeverSessionManager>;

/// The tools over MCP's streamable HTTP: a [`tower_service::Service`], to be mounted where its resource URL says.
///
/// Every request passes, in this order: `Host` and `Origin`; the bearer token, which must be an Authorization
/// Context for this resource; the caller's pace; the size of its body and the time it takes; and, for a tool
/// call, the caller's scope. No state is kept between requests but the callers' pace. Clones share everything.
///
/// | answer | |
/// | --- | --- |
/// | 400, 403 | no usable `Host`, or one that isn't this resource's; a forbidden `Origin` |
/// | 401 | no token, or one that isn't accepted; `WWW-Authenticate` names the metadata |
/// | 403 | the scope doesn't allow the tool: `insufficient_scope`, with the scope that would |
/// | 408, 413 | the body takes longer than 10 s, or is larger than 64 KiB |
/// | 429, 503 | too many requests of this caller; tokens can't be verified now; with `Retry-After` |
#[derive(Clone)]
pub struct McpService {
    inner: Arc<Inner>,
    mcp: Mcp,
}

struct Inner {
    tools: IntuneTools,
    verifier: Arc<dyn CallerVerifier>,
    resource: Url,
    metadata: ProtectedResourceMetadata,
    front: Front,
    challenge: Challenge,
    room: Arc<Semaphore>,
}

impl McpService {
    /// Starts a service for the tools at `resource`: the URL under which clients reach it, and the audience of
    /// the tokens that it takes.
    pub fn builder(
        tools: IntuneTools,
        verifier: Arc<dyn CallerVerifier>,
        resource: Url,
    ) -> McpServiceBuilder {
        McpServiceBuilder::new(tools, verifier, resource)
    }

    /// What the host publishes at [`ProtectedResourceMetadata::path`], so that clients find out where tokens
    /// are had.
    #[must_use]
    pub fn metadata(&self) -> &ProtectedResourceMetadata {
        &self.inner.metadata
    }

    async fn answer<B>(mut self, request: Request<B>) -> Response<McpBody>
    where
        B: http_body::Body + Send,
        B::Data: Send,
    {
        match self.inner.admit(request).await {
            Ok(request) => {
                let Ok(response) = tower_service::Service::call(&mut self.mcp, request).await;
                response.map(McpBody::new)
            }
            Err(refusal) => refusal.response(&self.inner.challenge),
        }
    }
}

impl<B> tower_service::Service<Request<B>> for McpService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
{
    type Response = Response<McpBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}

impl std::fmt::Debug for McpService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("McpService")
            .field("resource", &self.inner.resource.as_str())
            .field("verifier", &self.inner.verifier)
            .finish_non_exhaustive()
    }
}
