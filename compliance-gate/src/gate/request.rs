use chronicle::TraceParent;
use intune_core::{AccordTemplate, Principal};

use crate::{DeviceIdentity, DeviceOf, Policy, decide::judged_by};

/// A request for authority.
#[derive(Clone, Debug)]
pub struct GateRequest<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) template: &'a AccordTemplate,
    pub(crate) device: DeviceIdentity,
    pub(crate) delegator: Option<DeviceIdentity>,
    pub(crate) live: bool,
    pub(crate) traceparent: Option<TraceParent>,
}

impl<'a> GateRequest<'a> {
    /// Who asks, under which accord template, and which device the principal's token names.
    #[must_use]
    pub const fn new(
        principal: &'a Principal,
        template: &'a AccordTemplate,
        device: DeviceIdentity,
    ) -> Self {
        Self {
            principal,
            template,
            device,
            delegator: None,
            live: false,
            traceparent: None,
        }
    }

    /// Adds the device of whoever the principal's delegate acts for, as *their* token names it.
    ///
    /// Only from a token of theirs that was verified by itself, for the same principal, and never from what the delegate
    /// says. It counts where the template says so ([`Delegates`](crate::Delegates)), the principal has a delegate, and
    /// the delegate's own token names no device. Whoever asks again about authority that was issued, asks with it again.
    #[must_use]
    pub const fn delegator(mut self, device: DeviceIdentity) -> Self {
        self.delegator = Some(device);
        self
    }

    /// Has the device looked up, whatever is cached, and takes nothing older for an answer, not even where policy
    /// would in an outage: for what can't be undone.
    #[must_use]
    pub const fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Adds the trace that the request belongs to.
    #[must_use]
    pub fn with_traceparent(mut self, traceparent: Option<TraceParent>) -> Self {
        self.traceparent = traceparent;
        self
    }

    /// The device of whoever the principal's delegate acts for.
    pub(crate) fn delegator_device(&self) -> Option<DeviceIdentity> {
        let delegated = self.principal.delegate().is_some();
        self.delegator.filter(|_| delegated)
    }

    /// The device to judge by, and whose it is.
    #[inline]
    pub(crate) fn judged_by(&self, policy: &Policy) -> (DeviceIdentity, DeviceOf) {
        judged_by(policy, &self.device, || self.delegator_device())
    }
}
