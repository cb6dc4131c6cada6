//! An action is sent once, whatever happens to it.

use std::{sync::Arc, time::Duration};

use entra_auth::http::HttpClient;
use intune_core::{ActionOutcome, SourceFailureKind};
use intune_graph::GraphClient;
use proptest::prelude::*;

use crate::support::*;

const NINE: Duration = Duration::from_secs(9);
const TICK: Duration = Duration::from_millis(1);
const ACCEPTED: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[tokio::test]
async fn an_answer_that_is_lost_leaves_doubt() {
    use SourceFailureKind::*;
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    let damaged = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope";
    for (treatment, kind) in [
        (Treatment::CutRead, Unavailable),
        (Treatment::say("HTTP/1.1 20"), Unavailable),
        (Treatment::say("SSH-2.0-OpenSSH_9.9\r\n"), Unavailable),
        (Treatment::say("\0\u{fffd}"), Unavailable),
        (Treatment::say(cut), Unavailable),
        (
            Treatment::say(cut.replace("200 OK", "403 Forbidden")),
            Unavailable,
        ),
        (Treatment::say(damaged), Unavailable),
    ] {
        let graph = Raw::start(vec![treatment.clone()]).await;
        let outcome = lock(&actions(&graph.url)).await;
        let ActionOutcome::Unknown(failure) = outcome else {
            panic!("{treatment:?}: {outcome:?}");
        };
        assert_eq!(failure.kind(), kind, "{treatment:?}");
        // The invocation's, since the service named none.
        let id = failure.request_id().unwrap();
        let [request] = graph.received().try_into().unwrap();
        assert!(request.contains(&format!("client-request-id: {id}\r\n")));
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_before_the_request_is_read_leaves_doubt() {
    let graph = Raw::start(vec![Treatment::CutUnread, Treatment::say(ACCEPTED)]).await;
    let outcome = lock(&actions(&graph.url)).await;
    assert_eq!(outcome.as_str(), "unknown", "{outcome:?}");
    assert_eq!(graph.count(), 0);
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_done() {
    // Dropped, so that its port is closed.
    let closed = format!("http://{}", Bystander::new().address());
    let ActionOutcome::Rejected(failure) = lock(&actions(&closed)).await else {
        panic!("not rejected");
    };
    assert_eq!(failure.kind(), SourceFailureKind::Unavailable);
    assert_eq!(failure.status(), None);
}

#[tokio::test]
async fn silence_is_awaited_until_the_deadline_and_leaves_doubt() {
    let (graph, clock) = (Raw::start(vec![Treatment::Hang]).await, noon());
    let call = start_lock(&acting_as(&timed(&graph.url, &clock), &Tokens::default()));
    until(|| graph.count() == 1).await;
    clock.advance(NINE - TICK);
    settle().await;
    assert!(!call.is_finished());
    clock.advance(TICK);
    let ActionOutcome::Unknown(failure) = call.await.unwrap() else {
        panic!("not unknown");
    };
    assert_eq!(failure.kind(), SourceFailureKind::TimedOut);
    assert!(failure.request_id().is_some());
    assert_eq!((graph.count(), clock.sleepers()), (1, 0));
}

#[tokio::test]
async fn silence_that_the_connections_end_leaves_doubt() {
    let graph = Raw::start(vec![Treatment::Hang]).await;
    let http = HttpClient::builder().idle_timeout(Duration::from_millis(50));
    let client = client_with(&graph.url, Tokens::default(), http.build().unwrap());
    let outcome = lock(&acting_as(&client, &Tokens::default())).await;
    assert_eq!(outcome.as_str(), "unknown");
    let kind = outcome.failure().unwrap().kind();
    assert_eq!((kind, graph.count()), (SourceFailureKind::TimedOut, 1));
}

#[tokio::test]
async fn a_connection_that_has_ended_meanwhile_takes_no_second_request() {
    // What was never written may go out on another connection; what was written may not.
    for then in [Treatment::CutRead, Treatment::say(ACCEPTED)] {
        let keep = "HTTP/1.1 204 No Content\r\n\r\n";
        for first in [
            Treatment::SayAndStay(keep.into()),
            Treatment::SayAndLeave(keep.into()),
        ] {
            let graph = Raw::start(vec![first, then.clone()]).await;
            let acting = actions(&graph.url);
            assert_eq!(lock(&acting).await.as_str(), "accepted");
            let outcome = lock(&acting).await;
            let accepted = matches!(outcome, ActionOutcome::Accepted(_));
            assert!(graph.count() <= 2, "{then:?}");
            assert!(!accepted || graph.count() == 2);
            assert!(outcome.may_take_effect() || graph.count() == 1);
        }
    }
}

#[tokio::test]
async fn a_caller_that_leaves_has_sent_one_at_most() {
    // While the answer is awaited.
    let (graph, clock) = (Raw::start(vec![Treatment::Hang]).await, noon());
    let client = timed(&graph.url, &clock);
    let call = start_lock(&acting_as(&client, &Tokens::default()));
    until(|| graph.count() == 1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    settle().await;
    assert_eq!((graph.count(), clock.sleepers()), (1, 0));

    // While it queues.
    let (graph, clock) = (Raw::start(vec![Treatment::Hang]).await, noon());
    let client = GraphClient::builder(endpoint(&graph.url), Arc::new(Tokens::default()));
    let client = client.clock(Arc::new(clock.clone())).in_flight(1);
    let acting = acting_as(&client.build().unwrap(), &Tokens::default());
    let first = start_lock(&acting);
    until(|| graph.count() == 1).await;
    let second = start_lock(&acting);
    until(|| clock.sleepers() == 2).await;
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    first.abort();
    settle().await;
    assert_eq!(graph.count(), 1);
}

fn say(answer: impl Into<String>, stays: bool) -> Treatment {
    let answer = answer.into().into_bytes();
    if stays {
        Treatment::SayAndStay(answer)
    } else {
        Treatment::Say(answer)
    }
}

fn treatment() -> impl Strategy<Value = Treatment> {
    let status = prop_oneof![
        200_u16..=599,
        prop::sample::select(vec![204, 302, 401, 408, 429, 500, 502, 503, 504]),
    ];
    let retry_after = prop::sample::select(vec!["", "retry-after: 0\r\n", "retry-after: 1\r\n"]);
    let body = prop::sample::select(vec!["", "{}", "<html>", REJECTED_TOKEN]);
    let answer = (status, retry_after, body, any::<bool>(), 0_usize..=1).prop_map(
        |(status, retry_after, body, stays, cut)| {
            let body = if matches!(status, 204 | 304) {
                ""
            } else {
                body
            };
            let length = body.len() + cut;
            let head = format!("HTTP/1.1 {status} X\r\n{retry_after}content-length: {length}\r\n");
            say(format!("{head}\r\n{body}"), stays && cut == 0)
        },
    );
    prop_oneof![
        8 => answer,
        1 => Just(Treatment::CutUnread),
        1 => Just(Treatment::CutRead),
        1 => Just(Treatment::SayAndLeave(ACCEPTED.into())),
        1 => "[ -~]{0,40}".prop_map(Treatment::say),
    ]
}

/// How often each invocation's request was read.
fn sent(graph: &Raw) -> Vec<String> {
    let received = graph.received();
    let id = |request: &String| {
        let mut lines = request.lines();
        lines.find_map(|line| line.strip_prefix("client-request-id: ").map(str::to_owned))
    };
    received
        .iter()
        .map(|request| id(request).unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_sequence_of_faults_sends_an_action_twice(
        treatments in prop::collection::vec(treatment(), 1..8),
        actions in 1_usize..8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let graph = Raw::start(treatments).await;
            let http = HttpClient::new().unwrap();
            let client = client_with(&graph.url, Tokens::default(), http);
            let acting = acting_as(&client, &Tokens::default());
            for _ in 0..actions {
                let before = graph.count();
                let outcome = lock(&acting).await;
                let read = graph.count() - before;
                prop_assert!(read <= 1);
                if let ActionOutcome::Accepted(_) = outcome {
                    prop_assert_eq!(read, 1);
                }
            }
            settle().await;
            let mut ids = sent(&graph);
            prop_assert!(ids.len() <= actions);
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(ids.len(), graph.count());
            Ok(())
        })?;
    }
}
