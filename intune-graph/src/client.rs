use std::{marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use entra_auth::{TokenProvider, http::BuildHttpClientError};
use intune_core::{
    Cursor, DeviceDirectory, DeviceQuery, EntraDeviceId, ManagedDevice, ManagedDeviceId, Page,
    SourceFailure,
};

use crate::{
    GraphActions, GraphClientBuilder, GraphEndpoint, Preflight,
    listing::{Listing, malformed},
    object::Object,
    page::{PageBody, PageOf},
    preflight, request,
    row::Row,
    wire::{Call, Wire},
};

/// With an ignored filter, a device's records lie anywhere in the tenant: 100,000 devices in all.
const MAX_PAGES: u32 = 100;
/// A million devices.
const MAX_LISTED_PAGES: u32 = 1_000;
/// No device has that many records; whoever sends them wants our memory.
const MAX_RECORDS: usize = 1_000;

/// The managed devices of a tenant, by Microsoft Graph. Clones share connections, tokens and limits.
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
    wire: Arc<Wire>,
}

impl GraphClient {
    /// Makes a client of its own connections, with the [builder](GraphClientBuilder)'s defaults.
    ///
    /// # Errors
    ///
    /// TLS can't be set up, for instance because the machine has no root certificates.
    pub fn new(
        endpoint: GraphEndpoint,
        tokens: Arc<dyn TokenProvider>,
    ) -> Result<Self, BuildHttpClientError> {
        Self::builder(endpoint, tokens).build()
    }

    /// Starts a client with other limits, connections or time.
    pub fn builder(endpoint: GraphEndpoint, tokens: Arc<dyn TokenProvider>) -> GraphClientBuilder {
        GraphClientBuilder::new(endpoint, tokens)
    }

    /// The power to act on the tenant's devices, as the application that `tokens` are for: this one, or another.
    ///
    /// Who doesn't call this holds nothing that can lock, retire or wipe. Connections, budgets and pauses are
    /// shared with the reads.
    #[must_use]
    pub fn actions(&self, tokens: Arc<dyn TokenProvider>) -> GraphActions {
        GraphActions::over(self.wire.with_tokens(tokens))
    }

    /// Finds out what stands between a host and its tenant: tokens, permissions, one read, the clock, and
    /// whether the tenant counts devices without a policy as compliant.
    ///
    /// Give it the host's actions, if it has any. It changes nothing, and costs two tokens and two reads, which are
    /// tried again as others are; each has the deadline of a call.
    ///
    /// # Cancel safety
    ///
    /// Without effect.
    pub async fn preflight(&self, actions: Option<&GraphActions>) -> Preflight {
        preflight::run(&self.wire, actions).await
    }

    pub(crate) fn over(wire: Wire) -> Self {
        Self {
            wire: Arc::new(wire),
        }
    }

    /// Reads a page, of it the devices that are wanted, and finds the next one.
    async fn read_page(
        &self,
        call: &mut Call<'_>,
        here: &Listing,
        is_wanted: impl Fn(&Row) -> bool + Copy + Send,
    ) -> Result<(Vec<ManagedDevice>, Option<Listing>), SourceFailure> {
        let answer = call.read(here.url()).await?;
        let PageBody { rows, next_link } = answer.decode(PageOf(is_wanted))?;
        let next = here.next(self.wire.root(), next_link.as_deref());
        let devices = rows
            .into_iter()
            .map(|row| row.into_device().ok_or_else(without_id));
        let devices = devices
            .collect::<Result<_, _>>()
            .and_then(|devices| Ok((devices, next?)));
        devices.map_err(|failure| answer.blame(failure))
    }
}

#[async_trait]
impl DeviceDirectory for GraphClient {
    async fn page(
        &self,
        query: &DeviceQuery,
        cursor: Option<Cursor>,
    ) -> Result<Page<ManagedDevice>, SourceFailure> {
        let root = self.wire.root();
        let mut here =
            Listing::first(request::list(root, query).map_err(|_| request::unsendable())?);
        if let Some(cursor) = cursor {
            here = here.resume(root, &cursor)?;
        }
        if here.page() > MAX_LISTED_PAGES {
            return Err(malformed("too_many_pages"));
        }
        let mut call = self.wire.call();
        let _turn = call.turn_to_list().await?;
        let (mut items, next) = self.read_page(&mut call, &here, |_| true).await?;
        items.retain(|device| query.matches(device));
        Ok(Page {
            items,
            next: next.as_ref().map(Listing::cursor),
        })
    }

    async fn device(&self, id: ManagedDeviceId) -> Result<Option<ManagedDevice>, SourceFailure> {
        let url = request::device(self.wire.root(), id).map_err(|_| request::unsendable())?;
        let answer = self.wire.call().read(&url).await?;
        if answer.is_absence() {
            return Ok(None);
        }
        let Object(row) = answer.decode(PhantomData::<Object<Row>>)?;
        let device = row.into_device().filter(|device| device.id == id);
        let device = device.ok_or_else(|| answer.blame(without_id()))?;
        Ok(Some(device))
    }

    async fn records(&self, id: EntraDeviceId) -> Result<Vec<ManagedDevice>, SourceFailure> {
        // Graph ignores a filter it doesn't like, and answers with the whole tenant.
        let is_of_device = |row: &Row| row.entra_device_id() == Some(id);
        let mut here = Listing::first(
            request::records(self.wire.root(), id).map_err(|_| request::unsendable())?,
        );
        let mut call = self.wire.call();
        let mut records = Vec::new();
        while here.page() <= MAX_PAGES {
            let (found, next) = self.read_page(&mut call, &here, is_of_device).await?;
            records.extend(found);
            if records.len() > MAX_RECORDS {
                return Err(malformed("too_many_records"));
            }
            match next {
                Some(next) => here = next,
                None => return Ok(records),
            }
        }
        Err(malformed("too_many_pages"))
    }
}

fn without_id() -> SourceFailure {
    malformed("device_without_id")
}
