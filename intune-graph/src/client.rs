use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use entra_auth::{
    AccessToken, TokenProvider,
    http::{BuildHttpClientError, HttpClient, JoinUrlError},
};
use http::{Response, StatusCode};
use intune_core::{
    Cursor, DeviceDirectory, DeviceQuery, EntraDeviceId, ManagedDevice, ManagedDeviceId, Page,
    SourceFailure, SourceFailureKind,
};
use url::Url;
use uuid::Uuid;

use crate::{GraphEndpoint, answer, next_link, page::PageBody, request, row::Row};

/// A page of 1,000 devices takes about 1 MiB as it is asked for, and 3 MiB if `$select` is ignored.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// With an ignored filter, a device's records lie anywhere in the tenant: 100,000 devices in all.
const MAX_PAGES: usize = 100;
/// No device has that many records; whoever sends them wants our memory.
const MAX_RECORDS: usize = 1_000;

/// The managed devices of a tenant, by Microsoft Graph. Clones share connections and tokens.
///
/// It needs the application permission `DeviceManagementManagedDevices.Read.All`.
///
/// ```no_run
/// use std::sync::Arc;
/// use clock::SystemClock;
/// use entra_auth::EntraConfig;
/// use env_config::Environment;
/// use intune_core::{DeviceDirectory, DeviceQuery};
/// use intune_graph::{GraphClient, GraphConfig};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let environment = Environment::process();
/// let tokens = EntraConfig::from_env(&environment)?.client(Arc::new(SystemClock::new()))?;
/// let graph = GraphConfig::from_env(&environment)?;
/// let devices = GraphClient::new(graph.endpoint().clone(), Arc::new(tokens))?;
///
/// let query = DeviceQuery::new().operating_system("Windows");
/// let mut cursor = None;
/// loop {
///     let page = devices.page(&query, cursor).await?;
///     println!("{} devices", page.items.len());
///     cursor = page.next;
///     if cursor.is_none() {
///         break;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct GraphClient {
    endpoint: GraphEndpoint,
    tokens: Arc<dyn TokenProvider>,
    http: HttpClient,
}

impl GraphClient {
    /// Makes a client of its own connections: 10 s for an exchange, at most 16 MiB an answer.
    ///
    /// # Errors
    ///
    /// TLS can't be set up, for instance because the machine has no root certificates.
    pub fn new(
        endpoint: GraphEndpoint,
        tokens: Arc<dyn TokenProvider>,
    ) -> Result<Self, BuildHttpClientError> {
        let http = HttpClient::builder()
            .max_body(MAX_BODY)
            .user_agent(concat!("intune-graph/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self::with_http(endpoint, tokens, http))
    }

    /// Makes a client over connections with other limits.
    #[must_use]
    pub fn with_http(
        endpoint: GraphEndpoint,
        tokens: Arc<dyn TokenProvider>,
        http: HttpClient,
    ) -> Self {
        Self {
            endpoint,
            tokens,
            http,
        }
    }

    async fn read_page(&self, url: &Url) -> Result<PageBody, SourceFailure> {
        let response = self.get(url).await?;
        if response.status() != StatusCode::OK {
            return Err(answer::failure(&response));
        }
        answer::decode(&response)
    }

    /// Where the next page is, if there is one and it isn't this one again.
    fn next_page(&self, this: &Url, body: &PageBody) -> Result<Option<Url>, SourceFailure> {
        let Some(link) = &body.next_link else {
            return Ok(None);
        };
        let next = next_link::parse(self.endpoint.root(), link)?;
        if next == *this {
            Err(endless())
        } else {
            Ok(Some(next))
        }
    }

    /// Reads `url`. A token that Graph rejects is replaced once; a new one that it rejects, too, is not to blame.
    async fn get(&self, url: &Url) -> Result<Response<Bytes>, SourceFailure> {
        let token = self.token().await?;
        let response = self.get_with(url, &token).await?;
        if response.status() != StatusCode::UNAUTHORIZED || answer::is_refusal_of_intune(&response)
        {
            return Ok(response);
        }
        self.tokens.invalidate(self.endpoint.scope(), &token);
        let token = self.token().await?;
        self.get_with(url, &token).await
    }

    async fn token(&self) -> Result<AccessToken, SourceFailure> {
        let token = self.tokens.token(self.endpoint.scope()).await;
        token.map_err(|error| {
            tracing::warn!(%error, "no token for Graph");
            answer::token_failure(&error)
        })
    }

    async fn get_with(
        &self,
        url: &Url,
        token: &AccessToken,
    ) -> Result<Response<Bytes>, SourceFailure> {
        let client_request_id = Uuid::new_v4().to_string();
        let request = request::get(url, token, &client_request_id)
            .map_err(|_| SourceFailure::new(SourceFailureKind::Refused))?;
        let response = self.http.send(request).await.map_err(|error| {
            tracing::warn!(%error, client_request_id, "no answer from Graph");
            answer::transport_failure(&error)
        })?;
        tracing::debug!(
            path = url.path(),
            status = response.status().as_u16(),
            client_request_id,
            "Graph answered"
        );
        Ok(response)
    }
}

#[async_trait]
impl DeviceDirectory for GraphClient {
    async fn page(
        &self,
        query: &DeviceQuery,
        cursor: Option<Cursor>,
    ) -> Result<Page<ManagedDevice>, SourceFailure> {
        let root = self.endpoint.root();
        let first = request::list(root, query).map_err(no_url)?;
        let url = match cursor {
            // It was checked when it came, but it may have been anywhere since, and with our token it could ask
            // Graph for anything.
            Some(cursor) => next_link::parse(root, cursor.as_str())
                .ok()
                .filter(|url| url.path().eq_ignore_ascii_case(first.path()))
                .ok_or_else(|| malformed("nextLink"))?,
            None => first,
        };
        let body = self.read_page(&url).await?;
        let next = self.next_page(&url, &body)?;
        let mut items = Vec::with_capacity(body.value.len());
        for row in body.value {
            let device = row.into_device().ok_or_else(without_id)?;
            if query.matches(&device) {
                items.push(device);
            }
        }
        Ok(Page {
            items,
            next: next.as_ref().map(next_link::cursor),
        })
    }

    async fn device(&self, id: ManagedDeviceId) -> Result<Option<ManagedDevice>, SourceFailure> {
        let url = request::device(self.endpoint.root(), id).map_err(no_url)?;
        let response = self.get(&url).await?;
        match response.status() {
            StatusCode::OK => {
                let row: Row = answer::decode(&response)?;
                let device = row.into_device().filter(|device| device.id == id);
                device.map(Some).ok_or_else(without_id)
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(answer::failure(&response)),
        }
    }

    async fn records(&self, id: EntraDeviceId) -> Result<Vec<ManagedDevice>, SourceFailure> {
        let mut url = request::records(self.endpoint.root(), id).map_err(no_url)?;
        let mut read = HashSet::new();
        let mut records = Vec::new();
        for _ in 0..MAX_PAGES {
            let body = self.read_page(&url).await?;
            let next = self.next_page(&url, &body)?;
            for row in body.value {
                // Graph ignores a filter it doesn't like, and answers with the whole tenant.
                if row.entra_device_id() == Some(id) {
                    records.push(row.into_device().ok_or_else(without_id)?);
                }
            }
            if records.len() > MAX_RECORDS {
                return Err(malformed("too_many_records"));
            }
            let Some(next) = next else {
                return Ok(records);
            };
            if !read.insert(std::mem::replace(&mut url, next)) || read.contains(&url) {
                return Err(endless());
            }
        }
        Err(malformed("too_many_pages"))
    }
}

fn malformed(what: &str) -> SourceFailure {
    SourceFailure::new(SourceFailureKind::MalformedAnswer).with_code(what)
}

fn endless() -> SourceFailure {
    malformed("nextLink_repeats")
}

fn without_id() -> SourceFailure {
    malformed("device_without_id")
}

fn no_url(_: JoinUrlError) -> SourceFailure {
    SourceFailure::new(SourceFailureKind::Refused)
}
