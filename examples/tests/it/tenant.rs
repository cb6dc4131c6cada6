//! A tenant that does as it is told: tokens, keys and managed devices on loopback, and a log of who asked what.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use clock::{Clock as _, SystemClock, Timestamp};
use futures_util::{FutureExt as _, future::BoxFuture, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::keys::{SigningKey, key};

pub(crate) const TENANT: &str = "9d0c4c0e-5c5c-4b6e-9f53-0a1b2c3d4e5f";
pub(crate) const CLIENT: &str = "0b7a8f6e-1111-4222-8333-444455556666";
pub(crate) const SECRET: &str = "canary~client/secret+Q8==";
/// As long as real ones, which no error code has room for.
pub(crate) const GRAPH_TOKEN: &str = concat!(
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsImtpZCI6IjAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwIn0.",
    "eyJjYW5hcnkiOiJncmFwaCJ9canaryclaims.canarysignature"
);
pub(crate) const DEVICE: &str = "33333333-4444-4555-8666-7777777777ab";
pub(crate) const RECORD: &str = "11111111-2222-4333-8444-555555555555";
pub(crate) const USER: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

/// One request that the tenant received.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorization: Option<String>,
}

/// What it answers, in the end.
pub(crate) enum Answer {
    Whole(u16, Vec<(&'static str, String)>, Bytes),
    /// So much, and then the connection breaks.
    Cut(&'static str),
    /// Nothing, ever.
    Silence,
    /// Another answer, when the future completes.
    After(BoxFuture<'static, ()>, Box<Self>),
}

impl Answer {
    pub(crate) fn json(body: &Value) -> Self {
        Self::status(200, body)
    }

    pub(crate) fn status(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Whole(status, headers, body.to_string().into())
    }

    pub(crate) fn text(status: u16, body: &'static str) -> Self {
        Self::Whole(status, Vec::new(), Bytes::from_static(body.as_bytes()))
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Self::Whole(_, headers, _) = &mut self {
            headers.push((name, value.to_string()));
        }
        self
    }

    fn respond(self) -> BoxFuture<'static, Response> {
        async {
            match self {
                Self::Whole(status, headers, body) => {
                    let mut response = Response::builder().status(status);
                    for (name, value) in headers {
                        response = response.header(name, value);
                    }
                    response.body(Body::from(body)).unwrap()
                }
                Self::Cut(start) => {
                    let parts = [Ok(start), Err(std::io::Error::other("cut"))];
                    Response::new(Body::from_stream(stream::iter(parts)))
                }
                Self::Silence => std::future::pending().await,
                Self::After(ready, then) => {
                    ready.await;
                    then.respond().await
                }
            }
        }
        .boxed()
    }
}

type Rule = Arc<dyn Fn(&Call) -> Answer + Send + Sync>;

/// What the tenant does.
pub(crate) struct Behaviour {
    pub(crate) keys: Vec<Arc<SigningKey>>,
    /// Who the metadata says the issuer is, if not the truth.
    pub(crate) issuer: Option<String>,
    /// What the key routes answer, if not the keys.
    pub(crate) keys_answer: Option<Rule>,
    pub(crate) token: Rule,
    pub(crate) devices: Rule,
}

struct Inner {
    base: String,
    log: Mutex<Vec<Call>>,
    behaviour: Mutex<Behaviour>,
}

/// The tenant. It ends with the runtime of its test.
#[derive(Clone)]
pub(crate) struct Tenant(Arc<Inner>);

impl Tenant {
    /// Starts a tenant with one key and one device, which is compliant.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tenant = Self(Arc::new(Inner {
            base: format!("http://{}", listener.local_addr().unwrap()),
            log: Mutex::default(),
            behaviour: Mutex::new(Behaviour {
                keys: vec![key(1)],
                issuer: None,
                keys_answer: None,
                token: Arc::new(|_| granted(GRAPH_TOKEN)),
                devices: Arc::new(|_| page(&[device("compliant")])),
            }),
        }));
        let app = Router::new().fallback(answer).with_state(tenant.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        tenant
    }

    pub(crate) fn base(&self) -> &str {
        &self.0.base
    }

    /// The issuer of Entra-like tokens.
    pub(crate) fn issuer(&self) -> String {
        format!("{}/{TENANT}/v2.0", self.base())
    }

    /// The issuer of Keycloak-like tokens.
    pub(crate) fn realm(&self) -> String {
        format!("{}/realms/eu", self.base())
    }

    pub(crate) fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        let behaviour = self.0.behaviour.lock();
        behaviour.unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what the list of devices answers.
    pub(crate) fn devices(&self, rule: impl Fn(&Call) -> Answer + Send + Sync + 'static) {
        self.behaviour().devices = Arc::new(rule);
    }

    /// Sets what the token endpoint answers.
    pub(crate) fn tokens(&self, rule: impl Fn(&Call) -> Answer + Send + Sync + 'static) {
        self.behaviour().token = Arc::new(rule);
    }

    /// Sets what the routes for keys answer.
    pub(crate) fn keys(&self, rule: impl Fn(&Call) -> Answer + Send + Sync + 'static) {
        self.behaviour().keys_answer = Some(Arc::new(rule));
    }

    /// The requests so far whose path contains `part`.
    pub(crate) fn calls(&self, part: &str) -> Vec<Call> {
        let log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = log.iter().filter(|call| call.path.contains(part));
        calls.cloned().collect()
    }

    /// How often devices were asked for.
    pub(crate) fn look_ups(&self) -> usize {
        self.calls("managedDevices").len()
    }

    /// The claims of an ordinary user's token, with the device.
    pub(crate) fn claims(&self) -> Value {
        let now = now().unix_seconds();
        json!({
            "iss": self.issuer(), "aud": CLIENT, "sub": "adele", "oid": USER, "tid": TENANT,
            "iat": now, "nbf": now, "exp": now + 3600, "deviceid": DEVICE,
        })
    }

    /// An ordinary token, with some claims set, or taken away where `null`.
    pub(crate) fn token(&self, changes: Value) -> String {
        sign(&key(1), &changed(self.claims(), changes))
    }
}

/// Sets claims; takes those away that are to be `null`.
pub(crate) fn changed(mut claims: Value, changes: Value) -> Value {
    let object = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// A well-formed token of `key`.
pub(crate) fn sign(key: &SigningKey, claims: &Value) -> String {
    key.sign(&key.header(), &claims.to_string())
}

pub(crate) fn now() -> Timestamp {
    SystemClock::new().now().wall
}

/// What a token endpoint says if it agrees.
pub(crate) fn granted(token: &str) -> Answer {
    Answer::json(&json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token}))
}

/// A record of the device in this state; its check-in was an hour ago.
pub(crate) fn device(state: &str) -> Value {
    let hour_ago = now().saturating_sub(std::time::Duration::from_secs(3600));
    json!({
        "id": RECORD, "azureADDeviceId": DEVICE, "userId": USER, "complianceState": state,
        "managementState": "managed", "lastSyncDateTime": hour_ago,
        "complianceGracePeriodExpirationDateTime": "9999-12-31T23:59:59Z",
        "deviceName": "canary-device-name", "serialNumber": "canary-serial", "imei": "canary-imei",
        "userPrincipalName": "canary@upn.example", "emailAddress": "canary@mail.example",
    })
}

/// The last or only page of a list.
pub(crate) fn page(rows: &[Value]) -> Answer {
    Answer::json(&json!({"@odata.count": rows.len(), "value": rows}))
}

async fn answer(State(tenant): State<Tenant>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let authorization = head.headers.get("authorization");
    let call = Call {
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: authorization.map(|value| value.to_str().unwrap().to_owned()),
    };
    let _ = to_bytes(body, 1 << 20).await;
    let log = tenant.0.log.lock();
    log.unwrap_or_else(PoisonError::into_inner)
        .push(call.clone());
    let answer = tenant.answer(&call);
    answer.respond().await
}

impl Tenant {
    fn answer(&self, call: &Call) -> Answer {
        let behaviour = self.behaviour();
        let base = self.base();
        if call.path.ends_with("/token") {
            return (behaviour.token)(call);
        }
        if call.path.contains("managedDevices") {
            return (behaviour.devices)(call);
        }
        let discovery = call.path.strip_suffix("/.well-known/openid-configuration");
        if discovery.is_none() && !call.path.ends_with("/keys") {
            return Answer::text(404, "no such route");
        }
        if let Some(rule) = &behaviour.keys_answer {
            return rule(call);
        }
        match discovery {
            Some(issuer) => {
                let truth = format!("{base}{issuer}");
                Answer::json(&json!({
                    "issuer": behaviour.issuer.clone().unwrap_or(truth),
                    "jwks_uri": format!("{base}/keys"),
                }))
            }
            None => {
                let keys: Vec<_> = behaviour.keys.iter().map(|key| key.public()).collect();
                Answer::json(&json!({"keys": keys}))
            }
        }
    }
}
