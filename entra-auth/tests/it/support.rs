//! A token endpoint on loopback that says what a test tells it to.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::Request,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use clock::ManualClock;
use entra_auth::{
    AccessToken, Credential, EntraClient, EntraClientBuilder, RetryPolicy, Scope, TokenError,
    http::{HttpClient, ServiceUrl},
};
use secrecy::ExposeSecret as _;
use tokio::net::TcpListener;

pub(crate) const TENANT: &str = "c1f1ab6e-8f83-4b5f-93f1-0f2ba3a6e0b1";
pub(crate) const CLIENT: &str = "6731de76-14a6-49ae-97bc-6eba6914391e";
/// Every character of it that can be escaped must be.
pub(crate) const SECRET: &str = "canary~secret/+=& %41\"'\\";
pub(crate) const TOKEN: &str = "canary.token.eyJ0eXAi";

/// A request as the endpoint saw it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn form(&self) -> HashMap<String, String> {
        url::form_urlencoded::parse(&self.body)
            .into_owned()
            .collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }
}

/// A server with a log of what it received.
pub(crate) struct Server {
    pub(crate) url: ServiceUrl,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    pub(crate) async fn start<F>(
        answer: impl Fn(Received) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response> + Send,
    {
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let handler = move |request: Request| {
            let (log, answer) = (Arc::clone(&log), answer.clone());
            async move {
                let (head, body) = request.into_parts();
                let request = Received {
                    method: head.method.to_string(),
                    target: head.uri.to_string(),
                    headers: head.headers,
                    body: axum::body::to_bytes(body, 1 << 20).await.unwrap(),
                };
                log.lock().unwrap().push(request.clone());
                answer(request).await
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = axum::serve(listener, Router::new().fallback(handler));
        tokio::spawn(server.into_future());
        Self {
            url: url.parse().unwrap(),
            received,
        }
    }

    /// A server that always answers alike.
    pub(crate) async fn saying(
        status: u16,
        headers: &'static [(&'static str, &'static str)],
        body: impl Into<Bytes>,
    ) -> Self {
        let body = body.into();
        Self::start(move |_| {
            let answer = response(status, headers, body.clone());
            async { answer }
        })
        .await
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.received.lock().unwrap().len()
    }

    pub(crate) fn client(&self, clock: &ManualClock) -> EntraClient {
        client(&self.url, clock, HttpClient::new().unwrap())
    }

    /// Asks a new client for a token of this server.
    pub(crate) async fn ask(&self) -> Result<AccessToken, TokenError> {
        self.client(&noon()).token(&graph()).await
    }
}

pub(crate) fn client(authority: &ServiceUrl, clock: &ManualClock, http: HttpClient) -> EntraClient {
    let builder = builder(authority, clock).http(http);
    builder.retry(RetryPolicy::never()).build().unwrap()
}

pub(crate) fn client_retrying(
    authority: &ServiceUrl,
    clock: &ManualClock,
    retry: RetryPolicy,
) -> EntraClient {
    builder(authority, clock).retry(retry).build().unwrap()
}

pub(crate) fn builder(authority: &ServiceUrl, clock: &ManualClock) -> EntraClientBuilder {
    EntraClient::builder(
        TENANT.parse().unwrap(),
        CLIENT.parse().unwrap(),
        Credential::secret(SECRET.into()),
    )
    .authority(authority.clone())
    .clock(Arc::new(clock.clone()))
}

pub(crate) fn response(
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: Bytes,
) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

pub(crate) fn token_json(token: &str, expires_in: u64) -> Response {
    let body = format!(
        r#"{{"token_type":"Bearer","expires_in":{expires_in},"ext_expires_in":{expires_in},"access_token":"{token}"}}"#
    );
    response(200, &[("content-type", "application/json")], body.into())
}

/// What Entra answers to a wrong secret, in its documented form.
pub(crate) const WRONG_SECRET: &str = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '6731de76-14a6-49ae-97bc-6eba6914391e'.\r\nTrace ID: 0b1e1d5a-0000-4000-8000-5d1a2b3c4d00\r\nCorrelation ID: 7f0e8a11-0000-4000-8000-5d1a2b3c4d00\r\nTimestamp: 2026-11-23 06:10:00Z","error_codes":[7000215],"timestamp":"2026-11-23 06:10:00Z","trace_id":"0b1e1d5a-0000-4000-8000-5d1a2b3c4d00","correlation_id":"7f0e8a11-0000-4000-8000-5d1a2b3c4d00","error_uri":"https://login.microsoftonline.com/error?code=7000215"}"#;

pub(crate) fn noon() -> ManualClock {
    ManualClock::new("2026-11-23T12:00:00Z".parse().unwrap())
}

pub(crate) fn graph() -> Scope {
    "https://graph.microsoft.com/.default".parse().unwrap()
}

pub(crate) fn vault() -> Scope {
    "https://vault.azure.net/.default".parse().unwrap()
}

pub(crate) fn text(token: &AccessToken) -> &str {
    token.secret().expose_secret()
}
