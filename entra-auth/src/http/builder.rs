use std::{
    error::Error,
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use reqwest::{Certificate, Proxy, redirect, retry};
use url::Url;

use super::HttpClient;

/// Sets the limits of an [`HttpClient`].
///
/// ```
/// use std::time::Duration;
/// use entra_auth::http::HttpClient;
///
/// let client = HttpClient::builder()
///     .timeout(Duration::from_secs(30))
///     .max_body(16 * 1024 * 1024)
///     .user_agent("inventory/1.0")
///     .build()?;
/// # Ok::<(), entra_auth::http::BuildHttpClientError>(())
/// ```
#[must_use]
pub struct HttpClientBuilder {
    connect_timeout: Duration,
    idle_timeout: Option<Duration>,
    timeout: Duration,
    max_body: usize,
    user_agent: String,
    root_certificates: Vec<Vec<u8>>,
    proxy: Option<Url>,
}

impl Default for HttpClientBuilder {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            idle_timeout: None,
            timeout: Duration::from_secs(10),
            max_body: 1024 * 1024,
            user_agent: concat!("entra-auth/", env!("CARGO_PKG_VERSION")).to_owned(),
            root_certificates: Vec::new(),
            proxy: None,
        }
    }
}

impl HttpClientBuilder {
    /// The time in which a connection, TLS included, must stand. Default: 5 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// The time without a byte of an answer: up to its head, and between two parts of its body.
    ///
    /// Connecting counts, so the time for that should be the shorter one: only then is a connection that never
    /// stands told from a request that may have been received. Default: none but the exchange's.
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.idle_timeout = Some(limit);
        self
    }

    /// The time for a whole exchange, from connecting to the body's last byte. Default: 10 s.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// The size that an answer's decompressed body may have, in bytes. Default: 1 MiB.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// The `User-Agent` header. Default: `entra-auth/` and this crate's version.
    pub fn user_agent(mut self, value: impl Into<String>) -> Self {
        self.user_agent = value.into();
        self
    }

    /// Trusts the authorities of a PEM bundle too, beside the platform's. May be called repeatedly.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// Tunnels `https` requests through this proxy. `http` to loopback never goes through it.
    pub fn proxy(mut self, url: Url) -> Self {
        self.proxy = Some(url);
        self
    }

    /// Makes the client. Opens no connection.
    ///
    /// # Errors
    ///
    /// If a certificate, the proxy or the user agent can't be used, or TLS can't be set up.
    pub fn build(self) -> Result<HttpClient, BuildHttpClientError> {
        let mut certificates = Vec::new();
        for pem in &self.root_certificates {
            let found = Certificate::from_pem_bundle(pem)
                .map_err(|error| BuildHttpClientError::new(Part::RootCertificates, error))?;
            if found.is_empty() {
                return Err(BuildHttpClientError::without_source(Part::RootCertificates));
            }
            certificates.extend(found);
        }
        let mut builder = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout)
            .user_agent(self.user_agent)
            .tls_certs_merge(certificates)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            // `http` is for loopback, whatever a resolver takes `localhost` for. The URL's port is kept.
            .resolve_to_addrs(
                "localhost",
                &[
                    (Ipv4Addr::LOCALHOST, 0).into(),
                    (Ipv6Addr::LOCALHOST, 0).into(),
                ],
            )
            .no_proxy();
        if let Some(limit) = self.idle_timeout {
            builder = builder.read_timeout(limit);
        }
        if let Some(url) = self.proxy {
            let proxy =
                Proxy::https(url).map_err(|error| BuildHttpClientError::new(Part::Proxy, error))?;
            builder = builder.proxy(proxy);
        }
        let client = builder
            .build()
            .map_err(|error| BuildHttpClientError::new(Part::Client, error))?;
        Ok(HttpClient::from_parts(client, self.max_body))
    }
}

/// Leaves the proxy out: its URL may carry a password.
impl fmt::Debug for HttpClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClientBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("timeout", &self.timeout)
            .field("max_body", &self.max_body)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}

/// Why an [`HttpClient`] couldn't be made.
#[derive(Debug)]
pub struct BuildHttpClientError {
    part: Part,
    source: Option<reqwest::Error>,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    RootCertificates,
    Proxy,
    Client,
}

impl BuildHttpClientError {
    fn new(part: Part, source: reqwest::Error) -> Self {
        Self {
            part,
            source: Some(source.without_url()),
        }
    }

    const fn without_source(part: Part) -> Self {
        Self { part, source: None }
    }
}

impl fmt::Display for BuildHttpClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.part {
            Part::RootCertificates => "the root certificates hold no certificate in PEM form",
            Part::Proxy => "the proxy's URL can't be used",
            Part::Client => {
                "the HTTP client can't be set up: check root certificates and user agent"
            }
        })
    }
}

impl Error for BuildHttpClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_ref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
