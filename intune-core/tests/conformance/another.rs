//! Another implementation, as plain as can be, which can be broken in one place.

use std::{
    future::Future,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use clock::Timestamp;
use intune_core::{
    Approval, Approvals, Approver, AsTokensSay, Ceremonies, CeremonyId, CeremonyRefusal,
    CeremonyRequest, CeremonyVote, DecideError, Mismatch, OpenCeremony, PendingCeremony, People,
    Principal, conformance::CeremonySettings,
};

#[derive(Debug)]
pub(crate) struct Another {
    with: CeremonySettings,
    fault: &'static str,
    rows: Mutex<Vec<Row>>,
}

#[derive(Clone, Debug)]
struct Row {
    shown: PendingCeremony,
    is_used: bool,
}

/// Lets others go first, as a round trip does.
#[derive(Default)]
struct RoundTrip(bool);

impl Future for RoundTrip {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);

impl Row {
    fn denied(&self) -> bool {
        self.shown.votes.iter().any(|vote| !vote.approves)
    }

    fn approved(&self) -> bool {
        !self.denied() && self.shown.votes.len() >= self.shown.needed.get().into()
    }
}

impl Another {
    pub(crate) fn new(with: CeremonySettings, fault: &'static str) -> Self {
        let rows = Mutex::default();
        Self { with, fault, rows }
    }

    fn is(&self, fault: &str) -> bool {
        self.fault == fault
    }

    fn now(&self) -> Timestamp {
        self.with.clock.now().wall
    }

    fn has_ended(&self, row: &Row) -> bool {
        let end = row.shown.ceremony.expires_at;
        if self.is("late") {
            return self.now() > end;
        }
        let slack = if self.is("early") {
            MILLISECOND
        } else {
            Duration::ZERO
        };
        self.now() >= end.saturating_sub(slack)
    }

    fn people(&self) -> &dyn People {
        match self.is("accounts unknown") {
            true => &AsTokensSay,
            false => &*self.with.people,
        }
    }

    /// What of this request differs, as far as this implementation looks.
    fn mismatch(&self, row: &Row, request: &CeremonyRequest) -> Option<Mismatch> {
        let opened = &row.shown.request;
        let mut seen = request.clone();
        match self.fault {
            "any operation" => {
                seen.operation = opened.operation;
                seen.parameters_digest = opened.parameters_digest;
            }
            "any device" => seen.target = opened.target.clone(),
            "any registration" => seen.target.entra_device_id = opened.target.entra_device_id,
            "any tenant" => seen.tenant = opened.tenant.clone(),
            "any user" => seen.target.user_id = opened.target.user_id,
            "any state" => seen.target.management_state = opened.target.management_state.clone(),
            "any parameters" => seen.parameters_digest = opened.parameters_digest,
            "any accord" => seen.accord_template = opened.accord_template.clone(),
            "any grant" => seen.authorization_context = opened.authorization_context.clone(),
            "any requester" => seen.requester = opened.requester.clone(),
            "any agent" if seen.requester.subject() == opened.requester.subject() => {
                seen.requester = opened.requester.clone();
            }
            "a renamed device is another"
                if seen.target.device_name != opened.target.device_name =>
            {
                return Some(Mismatch::Device);
            }
            _ => {}
        }
        opened.mismatch(&seen)
    }

    fn find(&self, id: CeremonyId, request: &CeremonyRequest) -> Result<Approval, CeremonyRefusal> {
        let rows = self.rows.lock().unwrap();
        let mut rows = rows.iter();
        let row = rows.find(|row| row.shown.ceremony.id == id);
        let row = row.ok_or(CeremonyRefusal::NotFound)?;
        match self.mismatch(row, request) {
            Some(Mismatch::Requester) if !self.is("tells strangers") => {
                Err(CeremonyRefusal::NotFound)
            }
            Some(mismatch) => Err(CeremonyRefusal::Mismatch(mismatch)),
            None if row.is_used => Err(CeremonyRefusal::Consumed),
            None if row.denied() => Err(CeremonyRefusal::Denied),
            None if self.has_ended(row) => Err(CeremonyRefusal::Expired),
            None if row.approved() => Ok(Approval {
                id,
                approvers: row.shown.votes.iter().map(|vote| vote.by.clone()).collect(),
            }),
            None => Err(CeremonyRefusal::Pending),
        }
    }

    fn consume(&self, id: CeremonyId) {
        let mut rows = self.rows.lock().unwrap();
        let mut rows = rows.iter_mut();
        if let Some(row) = rows.find(|row| row.shown.ceremony.id == id) {
            row.is_used = true;
        }
    }

    fn joins(&self, row: &Row, request: &CeremonyRequest) -> bool {
        let is_equal = self.is("joins others") || self.mismatch(row, request).is_none();
        let may_be_denied = self.is("joins the denied") || !row.denied();
        let may_be_used = self.is("joins the used") || !row.is_used;
        let may_have_ended = self.is("joins the ended") || !self.has_ended(row);
        is_equal && may_be_denied && may_be_used && may_have_ended && !self.is("never joins")
    }

    fn is_full(&self, rows: &[Row], requester: &Principal) -> bool {
        let is_same = |other: &Principal| match self.fault {
            "agents count apart" => other == requester,
            "one for all" => true,
            _ => self.people().are_same(other, requester),
        };
        let open = rows
            .iter()
            .filter(|row| !row.is_used && !row.denied() && !self.has_ended(row));
        let own = open.filter(|row| is_same(&row.shown.request.requester));
        own.count() >= 12 && !self.is("no bound")
    }

    fn decide(
        &self,
        id: CeremonyId,
        approver: &Approver,
        approves: bool,
        reason: &str,
    ) -> Result<PendingCeremony, DecideError> {
        let by = approver.principal();
        let mut rows = self.rows.lock().unwrap();
        let mut rows = rows.iter_mut();
        let row = rows.find(|row| row.shown.ceremony.id == id);
        let row = row.ok_or(DecideError::NotFound)?;
        if self.has_ended(row) && !self.is("an ended one is approved") {
            return Err(DecideError::NotFound);
        }
        let (people, request) = (self.people(), &row.shown.request);
        match self.with.rule.admits(approver, request, people, self.now()) {
            Err(DecideError::Requester) if self.is("the requester decides") => {}
            Err(_) if self.is("anybody decides") => {}
            Err(_) if self.is("anybody denies") && !approves => {}
            admitted => admitted?,
        }
        let is_same = |vote: &CeremonyVote| match self.fault {
            "people count twice" => false,
            "accounts count twice" => vote.by == *by,
            _ => people.are_same(&vote.by, by),
        };
        if row.is_used && !self.is("a used one can be decided") {
            return Err(DecideError::Decided);
        }
        if row.denied() {
            match self.is("an approval undoes a denial") {
                true => row.shown.votes.clear(),
                false => return Err(DecideError::Decided),
            }
        }
        if let (true, Some(own)) = (
            approves,
            row.shown.votes.iter_mut().find(|vote| is_same(vote)),
        ) {
            return match self.fault {
                "again is an error" => Err(DecideError::Decided),
                "reasons are replaced" => {
                    own.reason = reason.to_owned();
                    Ok(row.shown.clone())
                }
                _ => Ok(row.shown.clone()),
            };
        }
        let is_settled = match approves {
            true => row.approved() && !self.is("more than enough"),
            false => row.approved() && self.is("an approval is for good"),
        };
        if is_settled {
            return Err(DecideError::Decided);
        }
        if !approves && self.is("denials are lost") {
            return Ok(row.shown.clone());
        }
        let most = match self.fault {
            "reasons are lost" => 0,
            "reasons are long" => usize::MAX,
            _ => 200,
        };
        let reason: String = reason.chars().take(most).collect();
        let vote = CeremonyVote::new(by.clone(), approves, reason);
        row.shown.votes.push(vote);
        Ok(row.shown.clone())
    }
}

#[async_trait]
impl Ceremonies for Another {
    async fn open(&self, request: &CeremonyRequest) -> Result<OpenCeremony, CeremonyRefusal> {
        RoundTrip::default().await;
        let end = self.now().saturating_add(self.with.lifetime);
        let mut rows = self.rows.lock().unwrap();
        let is_denied = |row: &Row| {
            row.denied() && !self.has_ended(row) && self.mismatch(row, request).is_none()
        };
        let forgets = self.is("forgets denials") || self.is("joins the denied");
        if rows.iter().any(is_denied) && !forgets {
            return Err(CeremonyRefusal::Denied);
        }
        if let Some(row) = rows.iter_mut().find(|row| self.joins(row, request)) {
            if self.is("joining prolongs") {
                row.shown.ceremony.expires_at = end;
            }
            return Ok(row.shown.ceremony);
        }
        if self.is_full(&rows, &request.requester) {
            return Err(CeremonyRefusal::TooMany);
        }
        let expires_at = match self.is("outlives its scope") {
            true => end,
            false => end.min(request.scope_expires_at),
        };
        let id = CeremonyId::generate();
        let ceremony = OpenCeremony { id, expires_at };
        let needed = match self.is("one is enough") {
            true => std::num::NonZeroU8::MIN,
            false => self.with.rule.needed(),
        };
        let mut request = request.clone();
        if self.is("no name is shown") {
            request.target.device_name = None;
        }
        let shown = PendingCeremony::new(ceremony, request, needed);
        let is_used = false;
        rows.push(Row { shown, is_used });
        Ok(ceremony)
    }

    async fn approval(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
    ) -> Result<Approval, CeremonyRefusal> {
        RoundTrip::default().await;
        let found = self.find(id, request);
        if found.is_ok() && self.is("a look consumes") {
            self.consume(id);
        }
        found
    }

    async fn redeem(
        &self,
        id: CeremonyId,
        request: &CeremonyRequest,
    ) -> Result<Approval, CeremonyRefusal> {
        RoundTrip::default().await;
        let found = self.find(id, request);
        if self.is("the race is open") {
            RoundTrip::default().await;
        }
        let consumes = match self.fault {
            "used twice" => false,
            "a refusal consumes" => true,
            _ => found.is_ok(),
        };
        if consumes {
            self.consume(id);
        }
        found
    }
}

#[async_trait]
impl Approvals for Another {
    async fn pending(&self) -> Result<Vec<PendingCeremony>, DecideError> {
        RoundTrip::default().await;
        let rows = self.rows.lock().unwrap();
        let waiting = rows.iter().filter(|row| {
            let is_current = !self.has_ended(row) || self.is("an ended one is listed");
            is_current && !row.is_used && !row.denied() && !row.approved()
        });
        let mut shown: Vec<_> = waiting.map(|row| row.shown.clone()).collect();
        if !self.is("unsorted") {
            shown.sort_by_key(|shown| shown.ceremony.expires_at);
        }
        Ok(shown)
    }

    async fn approve(
        &self,
        id: CeremonyId,
        approver: &Approver,
        reason: &str,
    ) -> Result<PendingCeremony, DecideError> {
        RoundTrip::default().await;
        self.decide(id, approver, true, reason)
    }

    async fn deny(
        &self,
        id: CeremonyId,
        approver: &Approver,
        reason: &str,
    ) -> Result<PendingCeremony, DecideError> {
        RoundTrip::default().await;
        self.decide(id, approver, false, reason)
    }
}
