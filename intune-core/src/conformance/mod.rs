//! What every implementation of [`Ceremonies`] and [`Approvals`] must do, as a suite that it runs in its
//! own tests.
//!
//! It needs no executor of its own and starts no task: what races is polled together. An implementation
//! whose callers are threads or processes adds races of those.
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use intune_core::{
//!     InMemoryCeremonies,
//!     conformance::{self, CeremonyFixture, CeremonySettings, KeepsCeremonies},
//! };
//!
//! #[derive(Debug)]
//! struct InMemory;
//!
//! #[async_trait]
//! impl CeremonyFixture for InMemory {
//!     async fn fresh(&self, with: CeremonySettings) -> Arc<dyn KeepsCeremonies> {
//!         let kept = InMemoryCeremonies::new(with.rule, with.clock);
//!         Arc::new(kept.people(with.people).lifetime(with.lifetime))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! conformance::ceremonies(&InMemory).await;
//! # }
//! ```

mod approvers;
mod binding;
mod case;
mod joining;
mod lifetime;
mod race;
mod reasons;
mod votes;

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use clock::Clock;

use crate::{ApprovalRule, Approvals, Ceremonies, People};

/// Both sides of ceremonies in one: the requester's and the approvers'.
pub trait KeepsCeremonies: Ceremonies + Approvals {}

impl<T: Ceremonies + Approvals + ?Sized> KeepsCeremonies for T {}

/// How the implementation under test is to be set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CeremonySettings {
    /// Who may approve, and how many must.
    pub rule: ApprovalRule,
    /// Who is whom.
    pub people: Arc<dyn People>,
    /// How long a ceremony can be approved and used, if the requester's scope lasts so long.
    pub lifetime: Duration,
    /// What it takes all its time from. The suite moves it.
    pub clock: Arc<dyn Clock>,
}

/// Makes the implementation under test.
#[async_trait]
pub trait CeremonyFixture: Debug + Send + Sync {
    /// One that keeps nothing yet, set up like this.
    ///
    /// # Cancel safety
    ///
    /// The suite doesn't cancel it.
    async fn fresh(&self, settings: CeremonySettings) -> Arc<dyn KeepsCeremonies>;
}

/// Runs the whole suite.
///
/// # Panics
///
/// The implementation breaks the contract of [`Ceremonies`] or [`Approvals`]; the message says where.
///
/// # Cancel safety
///
/// What was opened stays with the implementation.
pub async fn ceremonies(fixture: &dyn CeremonyFixture) {
    binding::check(fixture).await;
    approvers::check(fixture).await;
    votes::check(fixture).await;
    reasons::check(fixture).await;
    lifetime::check(fixture).await;
    joining::check(fixture).await;
    race::check(fixture).await;
}
