//! What a host provides, as the world of a test has it.

use std::{
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use clock::Timestamp;
use intune_core::{
    ActionOutcome, Cursor, DeviceAction, DeviceActions, DeviceDirectory, DeviceQuery,
    EntraDeviceId, InvocationId, ManagedDevice, ManagedDeviceId, Page, SourceFailure, Target,
};
use intune_mcp::{Admission, Caller, CallerVerifier, Liveness, Readmission, VerifyError};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use url::Url;

use crate::world::{START, World};

/// Lets everybody pass, unless it is closed.
#[derive(Default)]
pub(crate) struct Hold(Mutex<Option<Arc<Semaphore>>>);

impl Hold {
    pub(crate) fn close(&self) {
        *self.0.lock().unwrap() = Some(Arc::new(Semaphore::new(0)));
    }

    pub(crate) fn open(&self) {
        self.0.lock().unwrap().as_ref().unwrap().add_permits(1_000);
    }

    async fn pass(&self) {
        let closed = self.0.lock().unwrap().clone();
        if let Some(closed) = closed {
            let _permit = closed.acquire().await.unwrap();
        }
    }
}

#[derive(Debug)]
pub(crate) struct Verifier(pub(crate) Arc<World>);

#[async_trait]
impl CallerVerifier for Verifier {
    async fn verify(&self, bearer: &SecretString, resource: &Url) -> Result<Caller, VerifyError> {
        let bearer = bearer.expose_secret();
        self.0.bearers.lock().unwrap().push(bearer.to_owned());
        self.0.holds_verifier.pass().await;
        if bearer == "keys-unavailable" {
            let retry_after = Duration::from_millis(4_200);
            return Err(VerifyError::Unavailable { retry_after });
        }
        let parts: Vec<&str> = bearer.split('|').collect();
        let ["ac", audience, subject, able, seconds, _] = parts[..] else {
            return Err(VerifyError::Invalid("it is no \"Authorization Context\""));
        };
        if audience != resource.as_str() {
            return Err(VerifyError::Invalid("it is for another audience"));
        }
        let able: Vec<_> = able
            .split(',')
            .filter_map(|able| able.parse().ok())
            .collect();
        let life = Duration::from_secs(seconds.parse().unwrap());
        let end = START.parse::<Timestamp>().unwrap().saturating_add(life);
        Ok(self.0.caller(subject, &able, end))
    }
}

#[derive(Debug)]
pub(crate) struct Gate(pub(crate) Arc<World>);

#[async_trait]
impl Readmission for Gate {
    async fn readmit(&self, liveness: Liveness) -> Admission {
        self.0.readmissions.lock().unwrap().push(liveness);
        self.0.holds_gate.pass().await;
        assert!(!*self.0.panics.lock().unwrap(), "the gate panics");
        self.0.admission.lock().unwrap().clone()
    }
}

#[async_trait]
impl DeviceDirectory for World {
    async fn page(
        &self,
        query: &DeviceQuery,
        cursor: Option<Cursor>,
    ) -> Result<Page<ManagedDevice>, SourceFailure> {
        if let Some(failure) = self.failure.lock().unwrap().clone() {
            return Err(failure);
        }
        let listings = self.listings.fetch_add(1, Relaxed) + 1;
        self.most_listings.fetch_max(listings, Relaxed);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.listings.fetch_sub(1, Relaxed);
        let start = cursor.map_or(0, |cursor| {
            cursor
                .as_str()
                .strip_prefix("canary-link ")
                .unwrap()
                .parse()
                .unwrap()
        });
        let rows = *self.rows.lock().unwrap();
        let rows = rows.unwrap_or_else(|| query.wanted_page_size().unwrap().into());
        let devices = self.devices.lock().unwrap();
        let matching: Vec<_> = devices
            .iter()
            .filter(|device| query.matches(device))
            .collect();
        let items = matching.iter().skip(start).take(rows);
        let end = start + rows;
        Ok(Page {
            items: items.map(|device| (*device).clone()).collect(),
            next: (end < matching.len()).then(|| Cursor::new(format!("canary-link {end}"))),
        })
    }

    async fn device(&self, id: ManagedDeviceId) -> Result<Option<ManagedDevice>, SourceFailure> {
        if let Some(failure) = self.failure.lock().unwrap().clone() {
            return Err(failure);
        }
        let devices = self.devices.lock().unwrap();
        Ok(devices.iter().find(|device| device.id == id).cloned())
    }

    async fn records(&self, id: EntraDeviceId) -> Result<Vec<ManagedDevice>, SourceFailure> {
        if let Some(failure) = self.failure.lock().unwrap().clone() {
            return Err(failure);
        }
        let devices = self.devices.lock().unwrap();
        let found = devices
            .iter()
            .filter(|device| device.azure_ad_device_id == Some(id));
        Ok(found.cloned().collect())
    }
}

#[async_trait]
impl DeviceActions for World {
    async fn perform(&self, action: &DeviceAction, _: &Target, _: InvocationId) -> ActionOutcome {
        let operation = action.operation().to_string();
        self.performed.lock().unwrap().push(operation);
        self.holds_actions.pass().await;
        self.outcome.lock().unwrap().clone()
    }
}
