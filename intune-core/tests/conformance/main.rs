//! The suite that implementations of ceremonies run: two pass, and none that is broken in one place.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod another;
mod threads;

use std::{panic::catch_unwind, sync::Arc};

use another::Another;
use async_trait::async_trait;
use futures_util::FutureExt as _;
use intune_core::{
    InMemoryCeremonies,
    conformance::{self, CeremonyFixture, CeremonySettings, KeepsCeremonies},
};

#[derive(Debug)]
struct InMemory;

#[async_trait]
impl CeremonyFixture for InMemory {
    async fn fresh(&self, settings: CeremonySettings) -> Arc<dyn KeepsCeremonies> {
        let ceremonies = InMemoryCeremonies::new(settings.rule, settings.clock);
        let ceremonies = ceremonies.people(settings.people);
        Arc::new(ceremonies.lifetime(settings.lifetime))
    }
}

/// Another implementation, with this fault.
#[derive(Debug)]
struct Broken(&'static str);

#[async_trait]
impl CeremonyFixture for Broken {
    async fn fresh(&self, settings: CeremonySettings) -> Arc<dyn KeepsCeremonies> {
        Arc::new(Another::new(settings, self.0))
    }
}

/// With an executor, for what has to wait.
fn run(fixture: &dyn CeremonyFixture) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(conformance::ceremonies(fixture));
}

#[test]
fn ceremonies_in_memory_conform() {
    let suite = conformance::ceremonies(&InMemory);
    suite.now_or_never().unwrap();
}

#[test]
fn another_implementation_conforms() {
    run(&Broken("in nothing"));
}

#[test]
fn what_is_broken_is_named() {
    let mut missed = vec![];
    for (fault, complaint) in [
        ("any operation", "another operation"),
        ("any device", "another device"),
        ("any registration", "another registration in Entra"),
        ("any tenant", "another tenant"),
        ("any user", "a device with another user"),
        ("any state", "a device in another management state"),
        ("any parameters", "other parameters"),
        ("any accord", "another accord"),
        ("any grant", "another Authorization Context"),
        ("any requester", "somebody else"),
        ("any agent", "another agent"),
        ("tells strangers", "somebody else"),
        ("used twice", "once it was redeemed"),
        ("a look consumes", "looking at an approval consumes nothing"),
        (
            "a refusal consumes",
            "somebody whom the rule admits can approve",
        ),
        ("a renamed device is another", "looking at an approval"),
        ("no name is shown", "an approver sees all of the request"),
        (
            "the requester decides",
            "`approve` by the human behind the agent",
        ),
        ("accounts unknown", "the requester's other account"),
        ("anybody decides", "`approve` by the human behind the agent"),
        ("anybody denies", "`deny` by the human behind the agent"),
        ("people count twice", "nobody counts twice"),
        ("accounts count twice", "nobody counts twice"),
        ("one is enough", "two must approve"),
        (
            "again is an error",
            "somebody whom the rule admits can approve",
        ),
        ("more than enough", "`approve` by another when enough have"),
        ("denials are lost", "one of two has denied"),
        (
            "an approval is for good",
            "somebody whom the rule admits can deny",
        ),
        (
            "an approval undoes a denial",
            "`approve`, one of two has denied",
        ),
        (
            "a used one can be decided",
            "`approve`, once it was redeemed",
        ),
        ("reasons are lost", "a reason is kept as given"),
        ("reasons are long", "a long reason is cut"),
        ("reasons are replaced", "a reason given stays"),
        ("late", "`approval`, at the instant it ends"),
        ("early", "it waits until its end"),
        (
            "an ended one is approved",
            "`approve`, at the instant it ends",
        ),
        ("an ended one is listed", "what has ended doesn't wait"),
        ("outlives its scope", "no later than its requester's scope"),
        ("unsorted", "the one that ends first is in front"),
        ("never joins", "an equal request joins"),
        (
            "joining prolongs",
            "an equal request joins, and prolongs nothing",
        ),
        ("joins the denied", "what was denied stays so"),
        ("forgets denials", "what was denied stays so"),
        ("joins the used", "what was used is not joined"),
        ("joins the ended", "what is over is not joined"),
        ("joins others", "the one that ends first is in front"),
        ("no bound", "a requester has so many at a time"),
        ("agents count apart", "another agent gives no more"),
        ("one for all", "a ceremony can be opened"),
        ("the race is open", "one succeeds"),
    ] {
        let said = match catch_unwind(|| run(&Broken(fault))) {
            Ok(()) => "nothing".to_owned(),
            Err(panic) => match panic.downcast::<String>() {
                Ok(text) => *text,
                Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
            },
        };
        if !said.contains(complaint) {
            missed.push((fault, said));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}
