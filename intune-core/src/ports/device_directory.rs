use std::fmt::Debug;

use async_trait::async_trait;

use crate::{ComplianceState, EntraDeviceId, ManagedDevice, ManagedDeviceId, SourceFailure};

/// The managed devices of a tenant, read live.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait DeviceDirectory: Debug + Send + Sync {
    /// Reads one page of the devices that match; `cursor` is that of the page before.
    ///
    /// # Errors
    ///
    /// A [`SourceFailure`] if the page can't be read.
    ///
    /// # Cancel safety
    ///
    /// Reading has no effect; the same page can be asked for again.
    async fn page(
        &self,
        query: &DeviceQuery,
        cursor: Option<Cursor>,
    ) -> Result<Page<ManagedDevice>, SourceFailure>;

    /// Reads the device with this Intune id; `None` if there is none.
    ///
    /// # Errors
    ///
    /// A [`SourceFailure`] if the answer can't be had.
    ///
    /// # Cancel safety
    ///
    /// Reading has no effect.
    async fn device(&self, id: ManagedDeviceId) -> Result<Option<ManagedDevice>, SourceFailure>;

    /// Reads every record with this Entra id, all pages, and no other record.
    ///
    /// # Errors
    ///
    /// A [`SourceFailure`] if any page can't be read: a part of the records could decide otherwise than
    /// all of them.
    ///
    /// # Cancel safety
    ///
    /// Reading has no effect.
    async fn records(&self, id: EntraDeviceId) -> Result<Vec<ManagedDevice>, SourceFailure>;
}

/// Which devices to list.
///
/// ```
/// use intune_core::{ComplianceState, DeviceQuery};
///
/// let query = DeviceQuery::new()
///     .compliance_state(ComplianceState::Noncompliant)
///     .operating_system("Windows")
///     .page_size(100);
/// # let _ = query;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceQuery {
    compliance_state: Option<ComplianceState>,
    operating_system: Option<String>,
    page_size: Option<u16>,
}

impl DeviceQuery {
    /// All devices, in pages of the directory's own size.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only devices in this state.
    #[must_use]
    pub fn compliance_state(mut self, state: ComplianceState) -> Self {
        self.compliance_state = Some(state);
        self
    }

    /// Only devices with this operating system, named as Intune does: `Windows`, `iOS`, `macOS`, …
    #[must_use]
    pub fn operating_system(mut self, name: impl Into<String>) -> Self {
        self.operating_system = Some(name.into());
        self
    }

    /// At most this many devices a page, held within 1 and 1,000. A page may be shorter and not the last.
    #[must_use]
    pub fn page_size(mut self, devices: u16) -> Self {
        self.page_size = Some(devices.clamp(1, 1000));
        self
    }

    /// The state asked for.
    #[must_use]
    pub const fn wanted_compliance_state(&self) -> Option<ComplianceState> {
        self.compliance_state
    }

    /// The operating system asked for.
    #[must_use]
    pub fn wanted_operating_system(&self) -> Option<&str> {
        self.operating_system.as_deref()
    }

    /// The page size asked for.
    #[must_use]
    pub const fn wanted_page_size(&self) -> Option<u16> {
        self.page_size
    }

    /// Whether a device is among those asked for: a service may ignore a filter.
    #[must_use]
    pub fn matches(&self, device: &ManagedDevice) -> bool {
        let state = self
            .compliance_state
            .is_none_or(|state| state == device.compliance_state);
        let system = self.operating_system.as_deref().is_none_or(|wanted| {
            let actual = device.operating_system.as_deref();
            actual.is_some_and(|actual| actual.eq_ignore_ascii_case(wanted))
        });
        state && system
    }
}

/// Where the next page begins. Opaque: only the directory that gave it can read it.
///
/// It stays within the listing's address, but its filter is as it is written in it. Seal it before it leaves the
/// host, or keep it there: who can write one asks with the host's permission which devices match.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// Wraps what an adapter needs to find the next page.
    #[must_use]
    pub const fn new(opaque: String) -> Self {
        Self(opaque)
    }

    /// What the adapter wrapped.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items of this page, of which there may be none.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Cursor>,
}
