use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// An operator's switch that stops all actions at once. Clones are the same switch.
///
/// Reads go on, and so does a request that is under way.
///
/// ```
/// use intune_core::OperationsSwitch;
///
/// let switch = OperationsSwitch::new();
/// switch.stop();
/// assert!(switch.is_stopped());
/// switch.resume();
/// ```
#[derive(Clone, Debug, Default)]
pub struct OperationsSwitch {
    stopped: Arc<AtomicBool>,
}

impl OperationsSwitch {
    /// A switch that lets actions pass.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops all actions, those included that are being prepared.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        tracing::warn!("operations were stopped");
    }

    /// Lets actions pass again.
    pub fn resume(&self) {
        self.stopped.store(false, Ordering::SeqCst);
        tracing::warn!("operations were resumed");
    }

    /// Whether actions are stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}
