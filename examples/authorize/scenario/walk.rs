//! A client of the host, and what it was answered.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use entra_auth::http::HttpClient;
use http::{Request, StatusCode};
use intune_core::CeremonyId;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::{JoinHandle, yield_now},
};

use crate::{
    host::{self, Host},
    setup::Setup,
    watched::WatchedSink,
};

/// How often others are let go on until they have let go of a host, unless somebody keeps a part of it.
const YIELDS: usize = 10_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a request should be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) status: u16,
    pub(super) reason: &'static str,
    pub(super) served: &'static str,
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) number: &'static str,
    pub(super) what: &'static str,
    pub(super) status: u16,
    pub(super) outcome: String,
    pub(super) reason: String,
    pub(super) served: String,
    pub(super) expected: Expected,
}

impl Row {
    pub(super) fn is_as_expected(&self) -> bool {
        let answered = (self.status, self.reason.as_str(), self.served.as_str());
        let issued = self.status == 200;
        let allowed = self.outcome.starts_with("allow");
        answered
            == (
                self.expected.status,
                self.expected.reason,
                self.expected.served,
            )
            && issued == allowed
    }
}

/// A host that serves on loopback, and the requests made to it.
pub(super) struct Walk {
    base: String,
    client: HttpClient,
    end: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
    chronicle: Weak<WatchedSink>,
    pub(super) rows: Vec<Row>,
}

impl Walk {
    pub(super) async fn start(setup: Setup) -> Result<Self, Failure> {
        let host: Host = setup.host;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let (end, ended) = oneshot::channel();
        let chronicle = Arc::downgrade(&host.chronicle);
        let served = tokio::spawn(host::serve_on(host, listener, async {
            let _ = ended.await;
        }));
        Ok(Self {
            base,
            client: HttpClient::new()?,
            end,
            served,
            chronicle,
            rows: Vec::new(),
        })
    }

    /// Asks for an AC that a compliant device gets; its token.
    pub(super) async fn issue(
        &mut self,
        case: (&'static str, &'static str),
        template: &str,
        token: String,
    ) -> Result<String, Failure> {
        let expected = (200, "compliant", "live");
        let body = json!({"accord_template": template});
        let answer = self.answer(case, body, Some(token), expected).await?;
        let ac = answer.pointer("/ac/token").and_then(Value::as_str);
        Ok(ac.ok_or("no Authorization Context was issued")?.to_owned())
    }

    /// Asks for an AC under `template`, and keeps the answer as a row.
    pub(super) async fn ask(
        &mut self,
        case: (&'static str, &'static str),
        template: &str,
        token: Option<String>,
        expected: (u16, &'static str, &'static str),
    ) -> Result<(), Failure> {
        let body = json!({"accord_template": template});
        self.answer(case, body, token, expected).await?;
        Ok(())
    }

    /// The same, with an agent's token, and that of whoever it acts for.
    pub(super) async fn ask_for(
        &mut self,
        case: (&'static str, &'static str),
        template: &str,
        agents: String,
        delegators: String,
        expected: (u16, &'static str, &'static str),
    ) -> Result<(), Failure> {
        let body = json!({"accord_template": template, "delegator_token": delegators});
        self.answer(case, body, Some(agents), expected).await?;
        Ok(())
    }

    async fn answer(
        &mut self,
        (number, what): (&'static str, &'static str),
        body: Value,
        token: Option<String>,
        (status, reason, served): (u16, &'static str, &'static str),
    ) -> Result<Value, Failure> {
        let mut request = Request::post(format!("{}/governance/authorize/", self.base));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let body = Bytes::from(body.to_string());
        let response = self.client.send(request.body(body)?).await?;
        let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let text = |pointer: &str| {
            let value = answer.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or("-").to_owned()
        };
        let outcome = if answer.pointer("/decision/enforced") == Some(&Value::Bool(false)) {
            format!(
                "{} (would {})",
                text("/decision/outcome"),
                text("/decision/would")
            )
        } else {
            text("/decision/outcome")
        };
        let decided = answer.get("decision").is_some();
        self.rows.push(Row {
            number,
            what,
            status: response.status().as_u16(),
            outcome,
            reason: text(if decided {
                "/decision/reason"
            } else {
                "/error"
            }),
            served: text("/decision/served"),
            expected: Expected {
                status,
                reason,
                served,
            },
        });
        if response.status() == StatusCode::SERVICE_UNAVAILABLE
            && !response.headers().contains_key("retry-after")
        {
            return Err("a 503 came without Retry-After".into());
        }
        Ok(answer)
    }

    /// Says yes or no to a ceremony, with a token; the status of the answer.
    pub(super) async fn decide(
        &self,
        id: CeremonyId,
        vote: &str,
        token: String,
    ) -> Result<u16, Failure> {
        let url = format!("{}/governance/ceremonies/{id}/{vote}", self.base);
        let request = Request::post(url)
            .header("Authorization", format!("Bearer {token}"))
            .body(Bytes::from(
                json!({"reason": "as agreed by phone"}).to_string(),
            ))?;
        Ok(self.client.send(request).await?.status().as_u16())
    }

    /// The same, by somebody who may.
    pub(super) async fn agreed(
        &self,
        id: CeremonyId,
        vote: &str,
        token: String,
    ) -> Result<(), Failure> {
        match self.decide(id, vote, token).await? {
            200 => Ok(()),
            status => Err(format!("to {vote} was answered with {status}").into()),
        }
    }

    /// Ends the host, so that its Chronicle is closed.
    pub(super) async fn end(self) -> Result<Vec<Row>, Failure> {
        let _ = self.end.send(());
        // The client's idle connections would be waited for.
        drop(self.client);
        self.served.await??;
        // A connection that has ended lets go of the host a moment later, and the file has one writer at a time.
        for _ in 0..YIELDS {
            if self.chronicle.strong_count() == 0 {
                break;
            }
            yield_now().await;
        }
        Ok(self.rows)
    }
}
