use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use clock::{Clock, Timestamp};

use crate::{
    Approval, Ceremonies, CeremonyId, CeremonyRefusal, CeremonyRequest, Mismatch, OpenCeremony,
    Principal,
};

const DEFAULT_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How long an ended ceremony can still say how it ended.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);
const MAX_KEPT: usize = 1_000;
const MAX_OF_REQUESTER: usize = 20;

/// Ceremonies kept in this process: for one replica, and gone when it ends. Clones share them.
///
/// A host shows [`pending`](Self::pending) to people who may approve, authenticates whoever decides, and calls
/// [`approve`](Self::approve) or [`deny`](Self::deny) with that person's own identity.
///
/// ```
/// # use std::sync::Arc;
/// use clock::SystemClock;
/// use intune_core::{InMemoryCeremonies, Principal};
///
/// let ceremonies = InMemoryCeremonies::new(Arc::new(SystemClock::new()));
/// let boss = Principal::new("https://login.example/t1/v2.0", "megan");
/// for waiting in ceremonies.pending() {
///     ceremonies.approve(waiting.ceremony.id, &boss)?;
/// }
/// # Ok::<(), intune_core::DecideError>(())
/// ```
#[derive(Clone)]
pub struct InMemoryCeremonies {
    clock: Arc<dyn Clock>,
    lifetime: Duration,
    kept: Arc<Mutex<HashMap<CeremonyId, Kept>>>,
}

struct Kept {
    request: CeremonyRequest,
    expires_at: Timestamp,
    state: State,
}

enum State {
    Pending,
    Approved(Principal),
    Denied,
    Consumed,
}

/// A ceremony that nobody has decided, for an approver to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingCeremony {
    /// Its id and expiry.
    pub ceremony: OpenCeremony,
    /// What is to be approved.
    pub request: CeremonyRequest,
}

/// Why a decision about a ceremony wasn't taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecideError {
    /// There is none of that id, or it has expired.
    #[error("there is no such ceremony, or it has expired")]
    NotFound,
    /// Somebody has decided.
    #[error("the ceremony was decided already")]
    Decided,
    /// Who asks can't approve.
    #[error("the requester can't decide: ask somebody else")]
    Requester,
    /// An agent can't approve, on whosever behalf.
    #[error("an agent can't decide: only a person, by themselves")]
    Delegate,
}

impl InMemoryCeremonies {
    /// Ceremonies that can be used for an hour.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            lifetime: DEFAULT_LIFETIME,
            kept: Arc::default(),
        }
    }

    /// Sets how long a ceremony can be approved and used, if the requester's scope lasts so long; an hour by
    /// default.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The ceremonies that wait for a decision, the one that ends first in front.
    #[must_use]
    pub fn pending(&self) -> Vec<PendingCeremony> {
        let now = self.clock.now().wall;
        let kept = self.lock();
        let waiting = kept.iter().filter(|(_, kept)| kept.is_pending(now));
        let mut waiting: Vec<_> = waiting
            .map(|(&id, kept)| PendingCeremony {
                ceremony: kept.open(id),
                request: kept.request.clone(),
            })
            .collect();
        waiting.sort_by_key(|waiting| (waiting.ceremony.expires_at, waiting.ceremony.id));
        waiting
    }

    /// Approves a ceremony, on behalf of nobody but `approver`, whom the host has authenticated.
    ///
    /// # Errors
    ///
    /// The requester and agents can't; and what is decided stays so.
    pub fn approve(&self, id: CeremonyId, approver: &Principal) -> Result<(), DecideError> {
        self.decide(id, approver, State::Approved(approver.clone()))
    }

    /// Denies a ceremony, also one that was approved and isn't used yet.
    ///
    /// # Errors
    ///
    /// As [`approve`](Self::approve).
    pub fn deny(&self, id: CeremonyId, approver: &Principal) -> Result<(), DecideError> {
        self.decide(id, approver, State::Denied)
    }

    fn decide(&self, id: CeremonyId, by: &Principal, state: State) -> Result<(), DecideError> {
        let now = self.clock.now().wall;
        let mut kept = self.lock();
        let found = kept.get_mut(&id).filter(|kept| now < kept.expires_at);
        let found = found.ok_or(DecideError::NotFound)?;
        if by.delegate().is_some() {
            return Err(DecideError::Delegate);
        }
        if by.is_same_person(&found.request.requester) {
            return Err(DecideError::Requester);
        }
        match (&found.state, &state) {
            (State::Pending, _) | (State::Approved(_), State::Denied) => {}
            _ => return Err(DecideError::Decided),
        }
        found.state = state;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CeremonyId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn is_pending(&self, now: Timestamp) -> bool {
        now < self.expires_at && matches!(self.state, State::Pending)
    }

    fn is_usable(&self, now: Timestamp) -> bool {
        now < self.expires_at && matches!(self.state, State::Pending | State::Approved(_))
    }

    const fn open(&self, id: CeremonyId) -> OpenCeremony {
        OpenCeremony {
            id,
            expires_at: self.expires_at,
        }
    }

    /// The approval, if this is one of `request` that can be used now.
    fn approval(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
        now: Timestamp,
    ) -> Result<Approval, CeremonyRefusal> {
        match self.request.mismatch(request) {
            // Not even that there is one is anybody else's business.
            Some(Mismatch::Requester) => return Err(CeremonyRefusal::NotFound),
            Some(mismatch) => return Err(CeremonyRefusal::Mismatch(mismatch)),
            None => {}
        }
        match &self.state {
            State::Consumed => Err(CeremonyRefusal::Consumed),
            State::Denied => Err(CeremonyRefusal::Denied),
            _ if now >= self.expires_at => Err(CeremonyRefusal::Expired),
            State::Pending => Err(CeremonyRefusal::Pending),
            State::Approved(approver) => Ok(Approval {
                id,
                approvers: vec![approver.clone()],
            }),
        }
    }
}

/// Says nothing of what is kept, which has names of devices in it.
impl fmt::Debug for InMemoryCeremonies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemoryCeremonies")
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Ceremonies for InMemoryCeremonies {
    async fn open(&self, request: &CeremonyRequest) -> Result<OpenCeremony, CeremonyRefusal> {
        let now = self.clock.now().wall;
        let mut kept = self.lock();
        kept.retain(|_, kept| now < kept.expires_at.saturating_add(REMEMBERED));
        let usable = kept.iter().filter(|(_, kept)| kept.is_usable(now));
        let of_requester: Vec<_> = usable
            .filter(|(_, kept)| kept.request.requester.is_same_person(&request.requester))
            .collect();
        let equal = of_requester
            .iter()
            .find(|(_, kept)| kept.request.mismatch(request).is_none());
        if let Some((id, equal)) = equal {
            return Ok(equal.open(**id));
        }
        if of_requester.len() >= MAX_OF_REQUESTER {
            return Err(CeremonyRefusal::TooMany);
        }
        if kept.len() >= MAX_KEPT {
            // What has ended makes room, at the price that it can't say any more how.
            kept.retain(|_, kept| kept.is_usable(now));
        }
        if kept.len() >= MAX_KEPT {
            return Err(CeremonyRefusal::TooMany);
        }
        let id = CeremonyId::generate();
        let opened = Kept {
            request: request.clone(),
            expires_at: now
                .saturating_add(self.lifetime)
                .min(request.scope_expires_at),
            state: State::Pending,
        };
        let ceremony = opened.open(id);
        kept.insert(id, opened);
        Ok(ceremony)
    }

    async fn approval(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
    ) -> Result<Approval, CeremonyRefusal> {
        let now = self.clock.now().wall;
        let kept = self.lock();
        let found = kept.get(&id).ok_or(CeremonyRefusal::NotFound)?;
        found.approval(id, request, now)
    }

    async fn redeem(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
    ) -> Result<Approval, CeremonyRefusal> {
        let now = self.clock.now().wall;
        let mut kept = self.lock();
        let found = kept.get_mut(&id).ok_or(CeremonyRefusal::NotFound)?;
        let approval = found.approval(id, request, now)?;
        found.state = State::Consumed;
        Ok(approval)
    }
}
