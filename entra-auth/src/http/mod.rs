//! The HTTP client through which every bearer token travels.
//!
//! It is also there for those who spend the tokens: the rules that protect a client secret on its way
//! to Entra ID protect an access token on its way to an API.
//!
//! ```no_run
//! use bytes::Bytes;
//! use entra_auth::http::{HttpClient, ServiceUrl};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let graph: ServiceUrl = "https://graph.microsoft.com/v1.0".parse()?;
//! let client = HttpClient::new()?;
//! let request = http::Request::get(graph.join("organization")?.as_str()).body(Bytes::new())?;
//! let response = client.send(request).await?;
//! assert!(response.status().is_success());
//! # Ok(())
//! # }
//! ```

mod builder;
mod client;
mod error;
mod retry_after;
mod service_url;

pub use builder::{BuildHttpClientError, HttpClientBuilder};
pub use client::HttpClient;
pub use error::{TransportError, TransportErrorKind};
pub use retry_after::{date, retry_after};
pub use service_url::{JoinUrlError, ParseServiceUrlError, ServiceUrl};

/// What takes the place of a server in the model in `tests/model`.
#[cfg(shuttle)]
#[doc(hidden)]
pub type StandIn = std::sync::Arc<
    dyn Fn(
            http::Request<bytes::Bytes>,
        ) -> futures_util::future::BoxFuture<'static, http::Response<bytes::Bytes>>
        + Send
        + Sync,
>;
