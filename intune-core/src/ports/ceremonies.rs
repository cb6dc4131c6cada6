use std::fmt::Debug;

use async_trait::async_trait;

use crate::{Approval, CeremonyId, CeremonyRefusal, CeremonyRequest, OpenCeremony};

/// Where approvals are asked for, kept and consumed.
///
/// How a person approves is the implementation's own affair; that it is a person other than the requester
/// is its duty.
#[cfg_attr(feature = "test-util", mockall::automock)]
#[async_trait]
pub trait Ceremonies: Debug + Send + Sync {
    /// Asks for an approval of exactly this request. A ceremony for an equal request is joined until it is used or
    /// over; and one that was denied stays so until then.
    ///
    /// # Errors
    ///
    /// [`CeremonyRefusal::Unavailable`], [`Denied`](CeremonyRefusal::Denied) or [`TooMany`](CeremonyRefusal::TooMany).
    ///
    /// # Cancel safety
    ///
    /// The ceremony may have been opened; asking again joins it.
    async fn open(&self, request: &CeremonyRequest) -> Result<OpenCeremony, CeremonyRefusal>;

    /// Says whether the ceremony could be redeemed for exactly this request. Consumes nothing.
    ///
    /// # Errors
    ///
    /// Why it could not.
    ///
    /// # Cancel safety
    ///
    /// Without effect.
    async fn approval(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
    ) -> Result<Approval, CeremonyRefusal>;

    /// Consumes the approval of exactly this request: of all who try, one succeeds, once.
    ///
    /// # Errors
    ///
    /// Why not. Nothing is consumed then, unless it is [`Unavailable`](CeremonyRefusal::Unavailable).
    ///
    /// # Cancel safety
    ///
    /// The approval may have been consumed: it is lost then, and never used twice.
    async fn redeem(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
    ) -> Result<Approval, CeremonyRefusal>;
}
