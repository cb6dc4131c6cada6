use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use clock::{Clock, Moment};

use super::{
    ApprovalRule, Approver, AsTokensSay, DecideError, PendingCeremony, People,
    kept::{Kept, Vote},
};
use crate::{
    Approval, Approvals, Ceremonies, CeremonyId, CeremonyRefusal, CeremonyRequest, OpenCeremony,
};

const DEFAULT_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How long an ended ceremony can still say how it ended.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);
const MAX_KEPT: usize = 1_000;
const MAX_OF_REQUESTER: usize = 20;

/// Ceremonies kept in this process: for one replica, and gone when it ends. Clones share them.
///
/// A host shows what is [`pending`](Approvals::pending) to people who may approve, authenticates whoever
/// decides, and passes their own identity on.
///
/// ```
/// # use std::sync::Arc;
/// use clock::{Clock, SystemClock};
/// use intune_core::{ApprovalRule, Approvals, Approver, InMemoryCeremonies, Principal};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), intune_core::DecideError> {
/// let clock = Arc::new(SystemClock::new());
/// let issuer = "https://login.example/t1/v2.0";
/// let rule = ApprovalRule::new(issuer, "device-approver");
/// let ceremonies = InMemoryCeremonies::new(rule, clock.clone());
///
/// let megan = Approver::new(Principal::new(issuer, "megan"), clock.now().wall).role("device-approver");
/// for waiting in ceremonies.pending().await? {
///     ceremonies.approve(waiting.ceremony.id, &megan, "she called, it is lost").await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct InMemoryCeremonies {
    rule: Arc<ApprovalRule>,
    people: Arc<dyn People>,
    clock: Arc<dyn Clock>,
    lifetime: Duration,
    kept: Arc<Mutex<HashMap<CeremonyId, Kept>>>,
}

impl InMemoryCeremonies {
    /// Ceremonies that can be used for an hour, approved by those whom `rule` admits.
    #[must_use]
    pub fn new(rule: ApprovalRule, clock: Arc<dyn Clock>) -> Self {
        Self {
            rule: Arc::new(rule),
            people: Arc::new(AsTokensSay),
            clock,
            lifetime: DEFAULT_LIFETIME,
            kept: Arc::default(),
        }
    }

    /// Says who is whom; by default what tokens say.
    #[must_use]
    pub fn people(mut self, people: Arc<dyn People>) -> Self {
        self.people = people;
        self
    }

    /// Sets how long a ceremony can be approved and used, if the requester's scope lasts so long; an hour by
    /// default.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    fn decide(
        &self,
        id: CeremonyId,
        approver: &Approver,
        vote: Vote,
    ) -> Result<PendingCeremony, DecideError> {
        let now = self.clock.now();
        let mut kept = self.lock();
        let found = kept.get_mut(&id).filter(|kept| !kept.is_over(now));
        let found = found.ok_or(DecideError::NotFound)?;
        let people = &*self.people;
        self.rule
            .admits(approver, &found.request, people, now.wall)?;
        found.vote(approver.principal(), vote, people, self.rule.needed())?;
        Ok(found.shown(id, &self.rule))
    }

    /// Makes room for one more of this requester.
    fn make_room(
        &self,
        kept: &mut HashMap<CeremonyId, Kept>,
        request: &CeremonyRequest,
        now: Moment,
    ) -> Result<(), CeremonyRefusal> {
        let people = &*self.people;
        let usable = kept.values().filter(|kept| kept.is_usable(now));
        let of_requester =
            usable.filter(|kept| people.are_same(&kept.request.requester, &request.requester));
        if of_requester.count() >= MAX_OF_REQUESTER {
            return Err(CeremonyRefusal::TooMany);
        }
        if kept.len() >= MAX_KEPT {
            // What has ended goes, at the price that it can't say any more how.
            kept.retain(|_, kept| kept.is_usable(now));
        }
        match kept.len() {
            0..MAX_KEPT => Ok(()),
            _ => Err(CeremonyRefusal::TooMany),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CeremonyId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Ceremonies for InMemoryCeremonies {
    async fn open(&self, request: &CeremonyRequest) -> Result<OpenCeremony, CeremonyRefusal> {
        let now = self.clock.now();
        let mut kept = self.lock();
        kept.retain(|_, kept| !kept.is_forgotten(now, REMEMBERED));
        let equals = |kept: &Kept| kept.request.mismatch(request).is_none();
        let mut current = kept.iter().filter(|(_, kept)| !kept.is_over(now));
        if current.any(|(_, kept)| kept.is_denied() && equals(kept)) {
            // Asking again doesn't wear anybody down.
            return Err(CeremonyRefusal::Denied);
        }
        let mut usable = kept.iter().filter(|(_, kept)| kept.is_usable(now));
        if let Some((&id, equal)) = usable.find(|(_, kept)| equals(kept)) {
            return Ok(equal.open(id));
        }
        self.make_room(&mut kept, request, now)?;
        let id = CeremonyId::generate();
        let expires_at = now.wall.saturating_add(self.lifetime);
        let expires_at = expires_at.min(request.scope_expires_at);
        let opened = Kept::new(request.clone(), now, expires_at);
        let ceremony = opened.open(id);
        kept.insert(id, opened);
        Ok(ceremony)
    }

    async fn approval(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
    ) -> Result<Approval, CeremonyRefusal> {
        let now = self.clock.now();
        let kept = self.lock();
        let found = kept.get(&id).ok_or(CeremonyRefusal::NotFound)?;
        found.approval(id, request, now)
    }

    async fn redeem(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
    ) -> Result<Approval, CeremonyRefusal> {
        let now = self.clock.now();
        let mut kept = self.lock();
        let found = kept.get_mut(&id).ok_or(CeremonyRefusal::NotFound)?;
        let approval = found.approval(id, request, now)?;
        found.consume();
        Ok(approval)
    }
}

#[async_trait]
impl Approvals for InMemoryCeremonies {
    async fn pending(&self) -> Result<Vec<PendingCeremony>, DecideError> {
        let now = self.clock.now();
        let kept = self.lock();
        let waiting = kept.iter().filter(|(_, kept)| kept.is_pending(now));
        let mut waiting: Vec<_> = waiting
            .map(|(&id, kept)| kept.shown(id, &self.rule))
            .collect();
        waiting.sort_by_key(|waiting| (waiting.ceremony.expires_at, waiting.ceremony.id));
        Ok(waiting)
    }

    async fn approve(
        &self,
        id: CeremonyId,
        approver: &Approver,
        reason: &str,
    ) -> Result<PendingCeremony, DecideError> {
        self.decide(id, approver, Vote::approve(reason))
    }

    async fn deny(
        &self,
        id: CeremonyId,
        approver: &Approver,
        reason: &str,
    ) -> Result<PendingCeremony, DecideError> {
        self.decide(id, approver, Vote::deny(reason))
    }
}

/// Says nothing of what is kept, which has names of devices in it.
impl fmt::Debug for InMemoryCeremonies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryCeremonies")
            .field("rule", &self.rule)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
