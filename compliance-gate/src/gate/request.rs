use chronicle::TraceParent;
use intune_core::{AccordTemplate, Principal};

use crate::DeviceIdentity;

/// A request for authority.
#[derive(Clone, Debug)]
pub struct GateRequest<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) template: &'a AccordTemplate,
    pub(crate) device: DeviceIdentity,
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
            live: false,
            traceparent: None,
        }
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
}
