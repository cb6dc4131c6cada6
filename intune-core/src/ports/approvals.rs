use std::fmt::Debug;

use async_trait::async_trait;

use crate::{Approver, CeremonyId, DecideError, PendingCeremony};

/// The approvers' side of ceremonies: what waits, and what is decided.
///
/// Whoever implements [`Ceremonies`](crate::Ceremonies) implements this, too, and holds both to the suite of
/// `conformance` (feature `test-util`).
#[async_trait]
pub trait Approvals: Debug + Send + Sync {
    /// The ceremonies that wait for an approval, the one that ends first in front.
    ///
    /// # Errors
    ///
    /// [`DecideError::Unavailable`].
    ///
    /// # Cancel safety
    ///
    /// Without effect.
    async fn pending(&self) -> Result<Vec<PendingCeremony>, DecideError>;

    /// Adds an approval. The ceremony can be used when enough different people have approved.
    ///
    /// `reason` is for people to read; it is kept with the ceremony, and in no record.
    ///
    /// # Errors
    ///
    /// Who may not approve; what is denied, used or over, or approved by enough others.
    ///
    /// # Cancel safety
    ///
    /// The approval may have been added; adding it again changes nothing.
    async fn approve(
        &self,
        id: CeremonyId,
        approver: &Approver,
        reason: &str,
    ) -> Result<PendingCeremony, DecideError>;

    /// Denies a ceremony, however many have approved, as long as it isn't used. That stays so.
    ///
    /// # Errors
    ///
    /// As [`approve`](Self::approve).
    ///
    /// # Cancel safety
    ///
    /// The ceremony may have been denied.
    async fn deny(
        &self,
        id: CeremonyId,
        approver: &Approver,
        reason: &str,
    ) -> Result<PendingCeremony, DecideError>;
}
