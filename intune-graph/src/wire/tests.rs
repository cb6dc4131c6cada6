//! Requests that are never sent twice, over real connections.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use clock::ManualClock;
use entra_auth::{AccessToken, Cloud, Scope, TokenError, TokenErrorKind};
use http::Request;
use intune_core::SourceFailureKind;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{call::Lost, *};
use crate::{answer::Answer, request};

const ID: &str = "44444444-5555-4666-8777-888888888888";

#[derive(Debug, Default)]
struct Tokens {
    failure: Option<TokenErrorKind>,
    invalidated: AtomicUsize,
}

#[async_trait]
impl TokenProvider for Tokens {
    async fn token(&self, _: &Scope) -> Result<AccessToken, TokenError> {
        match self.failure {
            Some(kind) => Err(TokenError::new(kind)),
            None => {
                let clock = ManualClock::new("2026-11-23T12:00:00Z".parse().unwrap());
                Ok(AccessToken::new("canary".into(), clock.now(), PATIENCE))
            }
        }
    }

    fn invalidate(&self, _: &Scope, _: &AccessToken) {
        self.invalidated.fetch_add(1, Ordering::SeqCst);
    }
}

struct Fixture {
    wire: Wire,
    tokens: Arc<Tokens>,
    clock: ManualClock,
    asked: Arc<AtomicUsize>,
}

impl Fixture {
    /// A Graph that answers each request with `answer` and hangs up; without one it is silent.
    async fn new(answer: Option<&'static str>, tokens: Tokens) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n{}") {
                    request.push(stream.read_u8().await.unwrap());
                }
                count.fetch_add(1, Ordering::SeqCst);
                match answer {
                    Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                    None => silent.push(stream),
                }
            }
        });
        Self::at(&url, tokens, asked)
    }

    fn at(url: &str, tokens: Tokens, asked: Arc<AtomicUsize>) -> Self {
        let clock = ManualClock::new("2026-11-23T12:00:00Z".parse().unwrap());
        let tokens = Arc::new(tokens);
        let endpoint = GraphEndpoint::of(Cloud::Global).at(url.parse().unwrap());
        let limits = Limits {
            deadline: Duration::from_secs(9),
            // One write at once.
            budget: RequestBudget::new(2_000, 1),
            in_flight: 12,
        };
        let http = HttpClient::new().unwrap();
        let provider: Arc<dyn TokenProvider> = tokens.clone();
        let wire = Wire::new(endpoint, provider, http, Arc::new(clock.clone()), limits);
        Self {
            wire,
            tokens,
            clock,
            asked,
        }
    }

    async fn write(&self) -> Result<Answer, Lost> {
        let url = self.wire.root().join("wipe").unwrap();
        let sign = |token: &AccessToken, id: &str| {
            request::signed(Request::post(url.as_str()), token, id)?.body("{}".into())
        };
        self.wire
            .call()
            .write(Effect::Write, ID.to_owned(), sign)
            .await
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn an_answer_of_any_status_is_the_answer() {
    for (answer, status) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n", 401),
        ("HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n", 403),
        (
            "HTTP/1.1 429 Busy\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n",
            429,
        ),
        ("HTTP/1.1 503 Out\r\ncontent-length: 0\r\n\r\n", 503),
    ] {
        let fixture = Fixture::new(Some(answer), Tokens::default()).await;
        let answer = fixture.write().await.unwrap();
        assert_eq!((answer.status().as_u16(), fixture.asked()), (status, 1));
        // The next caller gets another token.
        let rejected = fixture.tokens.invalidated.load(Ordering::SeqCst);
        assert_eq!(rejected == 1, status == 401);
        if status == 403 {
            let permission = "DeviceManagementManagedDevices.PrivilegedOperations.All";
            assert_eq!(answer.failure().permission(), Some(permission));
        }
    }
}

#[tokio::test]
async fn a_lost_answer_may_be_that_of_a_request_that_was_received() {
    for answer in [
        "",
        "HTTP/1.1 204",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n1",
    ] {
        let fixture = Fixture::new(Some(answer), Tokens::default()).await;
        let lost = fixture.write().await.unwrap_err();
        assert!(lost.may_have_been_received, "{answer}");
        assert!(lost.failure.request_id() == Some(ID));
        assert_eq!(fixture.asked(), 1, "{answer}");
    }
    let fixture = Fixture::new(None, Tokens::default()).await;
    let patience = async {
        while fixture.asked() == 0 {
            tokio::task::yield_now().await;
        }
        fixture.clock.advance(Duration::from_secs(9));
    };
    let (lost, ()) = tokio::join!(fixture.write(), patience);
    let lost = lost.unwrap_err();
    assert_eq!(lost.failure.kind(), SourceFailureKind::TimedOut);
    assert!(lost.may_have_been_received && lost.failure.request_id() == Some(ID));
}

#[tokio::test]
async fn what_was_not_sent_is_certain_not_to_have_been_received() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let fixture = Fixture::at(&closed, Tokens::default(), Arc::default());
    assert!(!fixture.write().await.unwrap_err().may_have_been_received);

    let tokens = Tokens {
        failure: Some(TokenErrorKind::InvalidCredential),
        ..Tokens::default()
    };
    let fixture = Fixture::new(Some(""), tokens).await;
    assert!(!fixture.write().await.unwrap_err().may_have_been_received);
    assert_eq!(fixture.asked(), 0);
}

#[tokio::test]
async fn writes_have_a_budget_of_their_own_and_a_pause_in_common() {
    let fixture = Fixture::new(Some("HTTP/1.1 204 Done\r\n\r\n"), Tokens::default()).await;
    fixture.write().await.unwrap();
    let lost = fixture.write().await.unwrap_err();
    assert_eq!(lost.failure.kind(), SourceFailureKind::Throttled);
    assert!(!lost.may_have_been_received);
    assert!(lost.failure.retry_after().unwrap() > Duration::from_secs(9));

    let busy = "HTTP/1.1 429 Busy\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n";
    let fixture = Fixture::new(Some(busy), Tokens::default()).await;
    fixture.write().await.unwrap();
    let url = fixture.wire.root().join("devices").unwrap();
    // Also for another application.
    let reader = fixture.wire.with_tokens(Arc::new(Tokens::default()));
    let failure = reader.call().read(&url).await.unwrap_err();
    assert_eq!(failure.kind(), SourceFailureKind::Throttled);
    assert_eq!(fixture.asked(), 1);
}
