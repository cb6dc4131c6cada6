//! One ceremony, from its opening to its end.

use std::{num::NonZeroU8, time::Duration};

use clock::{Moment, Timestamp};

use super::{ApprovalRule, CeremonyVote, DecideError, PendingCeremony, People};
use crate::{
    Approval, CeremonyId, CeremonyRefusal, CeremonyRequest, Mismatch, OpenCeremony, Principal,
};

/// Longer reasons are cut.
const MAX_REASON: usize = 500;

pub(super) struct Kept {
    pub(super) request: CeremonyRequest,
    pub(super) expires_at: Timestamp,
    opened_at: Moment,
    state: State,
    votes: Vec<CeremonyVote>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    Approved,
    Denied,
    Consumed,
}

/// What somebody says about a ceremony.
pub(super) struct Vote {
    approves: bool,
    reason: String,
}

impl Vote {
    pub(super) fn approve(reason: &str) -> Self {
        Self::new(true, reason)
    }

    pub(super) fn deny(reason: &str) -> Self {
        Self::new(false, reason)
    }

    fn new(approves: bool, reason: &str) -> Self {
        Self {
            approves,
            reason: reason.chars().take(MAX_REASON).collect(),
        }
    }
}

impl Kept {
    pub(super) const fn new(
        request: CeremonyRequest,
        opened_at: Moment,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            request,
            expires_at,
            opened_at,
            state: State::Pending,
            votes: Vec::new(),
        }
    }

    /// A wall clock that is set back brings nothing back: the time since it was opened counts, too.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        let lifetime = self.expires_at.since(self.opened_at.wall);
        now.wall >= self.expires_at || now.since(self.opened_at) >= lifetime
    }

    /// Whether it ended so long ago that nobody asks how.
    pub(super) fn is_forgotten(&self, now: Moment, remembered: Duration) -> bool {
        let lifetime = self.expires_at.since(self.opened_at.wall);
        now.since(self.opened_at) >= lifetime.saturating_add(remembered)
    }

    pub(super) fn is_pending(&self, now: Moment) -> bool {
        !self.is_over(now) && self.state == State::Pending
    }

    pub(super) fn is_usable(&self, now: Moment) -> bool {
        !self.is_over(now) && matches!(self.state, State::Pending | State::Approved)
    }

    pub(super) fn is_denied(&self) -> bool {
        self.state == State::Denied
    }

    pub(super) const fn open(&self, id: CeremonyId) -> OpenCeremony {
        OpenCeremony {
            id,
            expires_at: self.expires_at,
        }
    }

    pub(super) fn shown(&self, id: CeremonyId, rule: &ApprovalRule) -> PendingCeremony {
        PendingCeremony {
            ceremony: self.open(id),
            request: self.request.clone(),
            votes: self.votes.clone(),
            needed: rule.needed(),
        }
    }

    /// Counts a vote. One no is enough, also after enough have said yes, until it is used.
    pub(super) fn vote(
        &mut self,
        by: &Principal,
        vote: Vote,
        people: &dyn People,
        needed: NonZeroU8,
    ) -> Result<(), DecideError> {
        let own = |cast: &CeremonyVote| people.are_same(&cast.by, by);
        let is_repeated = vote.approves && self.votes.iter().any(own);
        match self.state {
            State::Denied | State::Consumed => return Err(DecideError::Decided),
            // Nobody counts twice; who didn't hear the answer may say it again.
            State::Pending | State::Approved if is_repeated => return Ok(()),
            State::Approved if vote.approves => return Err(DecideError::Decided),
            State::Pending | State::Approved => {}
        }
        self.votes.push(CeremonyVote {
            by: by.clone(),
            approves: vote.approves,
            reason: vote.reason,
        });
        self.state = match vote.approves {
            false => State::Denied,
            true if self.votes.len() >= usize::from(needed.get()) => State::Approved,
            true => State::Pending,
        };
        Ok(())
    }

    pub(super) const fn consume(&mut self) {
        self.state = State::Consumed;
    }

    /// The approval, if this is one of `request` that can be used now.
    pub(super) fn approval(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
        now: Moment,
    ) -> Result<Approval, CeremonyRefusal> {
        match self.request.mismatch(request) {
            // Not even that there is one is anybody else's business.
            Some(Mismatch::Requester) => return Err(CeremonyRefusal::NotFound),
            Some(mismatch) => return Err(CeremonyRefusal::Mismatch(mismatch)),
            None => {}
        }
        match self.state {
            State::Consumed => Err(CeremonyRefusal::Consumed),
            State::Denied => Err(CeremonyRefusal::Denied),
            _ if self.is_over(now) => Err(CeremonyRefusal::Expired),
            State::Pending => Err(CeremonyRefusal::Pending),
            State::Approved => Ok(Approval {
                id,
                approvers: self.votes.iter().map(|vote| vote.by.clone()).collect(),
            }),
        }
    }
}
