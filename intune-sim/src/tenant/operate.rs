//! What can be done to a tenant while it's played.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::Tenant;
use crate::{Device, Fault, LoggedRequest, PerformedAction, Route, Throttling, UserToken};

impl Tenant {
    /// All devices, in the order that the service lists them.
    #[must_use]
    pub fn devices(&self) -> Vec<Device> {
        self.state()
            .devices
            .beyond(None)
            .map(|device| Device::clone(device))
            .collect()
    }

    /// The device with this Intune id, in any case.
    #[must_use]
    pub fn device(&self, id: &str) -> Option<Device> {
        self.state()
            .devices
            .get(id)
            .map(|device| Device::clone(device))
    }

    /// Adds a device, or replaces the one with its Intune id and forgets the actions under way.
    pub fn put_device(&self, device: Device) {
        let mut state = self.state();
        state.actions.forget(device.id());
        state.devices.put(device);
    }

    /// Replaces the given properties of a device; null is a value, and the id stays.
    ///
    /// Returns the changed device; none if there is no such device, or the changes are no JSON object.
    #[must_use = "there may be no such device"]
    pub fn patch_device(&self, id: &str, changes: Value) -> Option<Device> {
        let Value::Object(mut changes) = changes else {
            return None;
        };
        changes.remove("id");
        let mut state = self.state();
        let mut device = Device::clone(state.devices.get(id)?);
        device.merge(changes);
        state.devices.put(device.clone());
        Some(device)
    }

    /// Removes a device, and returns it.
    pub fn remove_device(&self, id: &str) -> Option<Device> {
        let mut state = self.state();
        state.actions.forget(id);
        state.devices.remove(id).map(Arc::unwrap_or_clone)
    }

    /// The actions that took effect since the start, or since they were cleared, whatever was answered.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let sim = intune_sim::Sim::start(intune_sim::SimConfig::default()).await?;
    /// use intune_sim::Action;
    ///
    /// let wipes = sim.actions().into_iter().filter(|done| done.action == Action::Wipe);
    /// assert_eq!(wipes.count(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn actions(&self) -> Vec<PerformedAction> {
        self.state().actions.performed.clone()
    }

    /// Forgets which actions took effect; what follows from them still comes.
    pub fn clear_actions(&self) {
        self.state().actions.performed.clear();
    }

    /// Prepares the compliance state that a device's next `syncDevice` brings, at its check-in.
    pub fn stage_compliance(&self, id: &str, compliance_state: impl Into<String>) {
        self.state().actions.stage(id, compliance_state.into());
    }

    /// Signs a token, as the described issuer would.
    #[must_use]
    pub fn mint(&self, token: UserToken) -> String {
        token.sign(self)
    }

    /// Replaces the signing keys of every issuer; the old ones are no longer published.
    ///
    /// Graph still honours the app-only tokens issued before.
    pub fn rotate_keys(&self) {
        self.0.keys.rotate();
    }

    /// Injects a fault. Of several that meet a request, the oldest is applied, alone.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.inject(fault);
    }

    /// The injected faults that have requests left to meet, oldest first.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.state().faults.list()
    }

    /// Forgets all faults, and lets held answers go.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Lets held answers go, and forgets the faults that hold.
    pub fn release(&self) {
        self.state().faults.release();
    }

    /// Waits until at least this many answers are held.
    ///
    /// A held answer is complete: a change made to a device from then on isn't in it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn wait_for_held(&self, answers: usize) {
        // The sender lives in `self`, so the wait can't fail.
        let _ = self
            .0
            .held
            .subscribe()
            .wait_for(|held| *held >= answers)
            .await;
    }

    /// Waits until [`count`](Self::count) of a route is at least `requests`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn wait_for_requests(&self, route: Route, requests: u64) {
        let _ = self
            .0
            .arrivals
            .subscribe()
            .wait_for(|_| self.count(route) >= requests)
            .await;
    }

    /// The last 10,000 requests, in order of arrival; those under `/_sim/` aren't among them.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.state().log.requests()
    }

    /// How many requests of a route have arrived since the start, or since they were cleared.
    #[must_use]
    pub fn count(&self, route: Route) -> u64 {
        self.state().log.count(route)
    }

    /// [`count`](Self::count) of every route that was asked for.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Route, u64> {
        self.state().log.counts()
    }

    /// Forgets the requests and their counts.
    pub fn clear_requests(&self) {
        self.state().log.clear();
    }

    /// Sets the most rows on one page: 1 to 1000.
    pub fn set_page_size(&self, rows: usize) {
        self.state().page_size = rows.clamp(1, crate::graph::MAX_PAGE);
    }

    /// Counts a page's rows before the filter, not after.
    ///
    /// A filtered answer is then spread over several pages, empty ones among them.
    pub fn set_sparse_pages(&self, sparse: bool) {
        self.state().sparse_pages = sparse;
    }

    /// Sets whether and how Graph throttles from now on, and starts counting anew.
    pub fn set_throttling(&self, throttling: Throttling) {
        self.state().throttle.set(throttling);
    }

    /// Whether and how Graph throttles.
    #[must_use]
    pub fn throttling(&self) -> Throttling {
        self.state().throttle.mode()
    }
}
