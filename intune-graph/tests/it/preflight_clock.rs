//! Whose clock is wrong, and by how much.

use intune_graph::{Check, Preflight, Verdict::*};

use crate::support::*;

/// What is said at noon by our clock.
async fn preflight(graph: &str) -> Preflight {
    let client = hurried(graph, granted("one", &[READ]), &Hurried::new());
    client.build().unwrap().preflight(None).await
}

async fn clock_at(date: &'static str) -> Check {
    let graph = tenant_at(date, secure).await;
    check(&preflight(&graph.url).await, "clock").clone()
}

#[tokio::test]
async fn half_a_minute_is_nothing_and_five_are_too_much() {
    // The header has whole seconds, so that ours may be up to one more ahead.
    for (date, verdict, said) in [
        ("Mon, 23 Nov 2026 12:00:00 GMT", Passed, ""),
        ("Mon, 23 Nov 2026 12:00:30 GMT", Passed, ""),
        ("Mon, 23 Nov 2026 12:00:31 GMT", Warning, "31 s slow"),
        ("Mon, 23 Nov 2026 12:05:00 GMT", Warning, "300 s slow"),
        ("Mon, 23 Nov 2026 12:05:01 GMT", Failed, "301 s slow"),
        ("Mon, 23 Nov 2126 12:00:00 GMT", Failed, "slow"),
        ("Mon, 23 Nov 2026 11:59:29 GMT", Passed, ""),
        ("Mon, 23 Nov 2026 11:59:28 GMT", Warning, "31 s fast"),
        ("Mon, 23 Nov 2026 11:54:59 GMT", Warning, "300 s fast"),
        ("Mon, 23 Nov 2026 11:54:58 GMT", Failed, "301 s fast"),
        ("Thu, 01 Jan 1970 00:00:00 GMT", Failed, "fast"),
    ] {
        // The weekday of another year is another.
        let date = if date.contains("2126") {
            "Sat, 23 Nov 2126 12:00:00 GMT"
        } else {
            date
        };
        let check = clock_at(date).await;
        assert_eq!(check.verdict, verdict, "{date}: {}", check.detail);
        assert!(check.detail.contains(said), "{date}: {}", check.detail);
        assert_eq!(check.detail.contains("NTP"), verdict != Passed);
    }
}

#[tokio::test]
async fn what_isnt_said_cant_be_compared() {
    for date in ["yesterday", "", "2026-11-23T12:00:00Z"] {
        assert_eq!(clock_at(date).await.verdict, Warning, "{date}");
    }
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let graph = Raw::start(vec![Treatment::say(format!("{head}{}", page(&[], None)))]).await;
    let preflight = preflight(&graph.url).await;
    let check = check(&preflight, "clock");
    assert_eq!(check.verdict, Warning);
    assert!(preflight.has_passed());
}

#[tokio::test]
async fn time_that_an_answer_takes_is_no_skew() {
    let clock = noon();
    let passing = clock.clone();
    let graph = Graph::start(move |_, _| {
        passing.advance(std::time::Duration::from_secs(4));
        let date = "Mon, 23 Nov 2026 12:00:34 GMT".to_owned();
        response(200, &[("date", date)], page(&[], None).into())
    })
    .await;
    let client = timed(&graph.url, &clock);
    let preflight = client.preflight(None).await;
    assert_eq!(verdict(&preflight, "clock"), Passed);
}
