use std::fmt;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, header::AUTHORIZATION};

use super::{
    BuildHttpClientError, HttpClientBuilder, TransportError, service_url::is_confidential,
};

/// An HTTP client that is careful with what it carries. Clones share its connections.
///
/// It sends to `https` only (and to `http` on loopback), trusts the platform's root certificates,
/// follows no redirect, repeats no request, ignores the environment's proxies, and bounds both the
/// time and the size of an answer. It speaks HTTP/1.1, and HTTP/2 where TLS negotiates it. It needs a
/// Tokio runtime.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    max_body: usize,
    #[cfg(shuttle)]
    stand_in: Option<super::StandIn>,
}

impl HttpClient {
    pub(super) const fn from_parts(client: reqwest::Client, max_body: usize) -> Self {
        Self {
            client,
            max_body,
            #[cfg(shuttle)]
            stand_in: None,
        }
    }

    /// The client of the model in `tests/model`, which has no network.
    #[cfg(shuttle)]
    #[doc(hidden)]
    #[must_use]
    pub fn answered_by(mut self, stand_in: super::StandIn) -> Self {
        self.stand_in = Some(stand_in);
        self
    }

    /// Makes a client with the [builder](HttpClientBuilder)'s defaults.
    ///
    /// # Errors
    ///
    /// If TLS can't be set up, for instance because the machine has no root certificates.
    pub fn new() -> Result<Self, BuildHttpClientError> {
        Self::builder().build()
    }

    /// Starts a client with other limits.
    pub fn builder() -> HttpClientBuilder {
        HttpClientBuilder::default()
    }

    /// Sends `request` once and reads the whole answer, whatever its status: a redirect is an answer.
    ///
    /// A compressed body arrives decompressed.
    ///
    /// # Errors
    ///
    /// If the request may not be sent to that URL, if no complete answer came in time, or if it is
    /// larger than `max_body`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the answer up. The server may have received the request.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        #[cfg(shuttle)]
        if let Some(stand_in) = &self.stand_in {
            return Ok(stand_in(request).await);
        }
        let mut request =
            reqwest::Request::try_from(request).map_err(TransportError::before_sending)?;
        // What is checked is the very URL that is sent to, not another parser's reading of it.
        if !is_confidential(request.url()) {
            return Err(TransportError::insecure_url());
        }
        if let Some(credential) = request.headers_mut().get_mut(AUTHORIZATION) {
            // Keeps it out of debug output and out of HTTP/2's compression table.
            credential.set_sensitive(true);
        }
        let mut answer = self
            .client
            .execute(request)
            .await
            .map_err(TransportError::awaiting_answer)?;
        let body = self.read(&mut answer).await?;
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.version_mut() = answer.version();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    async fn read(&self, answer: &mut reqwest::Response) -> Result<Bytes, TransportError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(TransportError::reading_body)? {
            let room = self.max_body.saturating_sub(body.len());
            if chunk.len() > room {
                return Err(TransportError::body_too_large());
            }
            // The last quarters at once: to double further would hold both halves while one is copied, and more
            // than the limit after.
            if body.len() > self.max_body / 4 {
                body.reserve(room);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("max_body", &self.max_body)
            .finish_non_exhaustive()
    }
}
