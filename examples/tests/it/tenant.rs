//! A tenant that does as it is told: tokens, keys and managed devices on loopback, and a log of who asked what.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    response::Response,
};
use clock::{Clock as _, SystemClock, Timestamp};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) use crate::answer::Answer;
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
/// The service's own id of a request.
pub(crate) const REQUEST_ID: &str = "55555555-6666-4777-8888-999999999999";
pub(crate) const USER: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

/// One request that the tenant received.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) authorization: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Call {
    /// Whether it asks for an action on a device.
    pub(crate) fn is_action(&self) -> bool {
        self.method == Method::POST && self.path.contains("managedDevices")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

type Rule = Arc<dyn Fn(&Call) -> Answer + Send + Sync>;
/// Whether an action takes effect, and what is answered.
type ActionRule = Arc<dyn Fn(&Call) -> (bool, Answer) + Send + Sync>;

/// What the tenant does.
pub(crate) struct Behaviour {
    pub(crate) keys: Vec<Arc<SigningKey>>,
    /// Who the metadata says the issuer is, if not the truth.
    pub(crate) issuer: Option<String>,
    /// What the key routes answer, if not the keys.
    pub(crate) keys_answer: Option<Rule>,
    pub(crate) token: Rule,
    /// The list of devices.
    pub(crate) devices: Rule,
    /// One device, by Intune's id.
    pub(crate) device: Rule,
    /// The four actions.
    pub(crate) actions: ActionRule,
    /// What the tenant decides about compliance as a whole.
    pub(crate) settings: Rule,
}

struct Inner {
    base: String,
    log: Mutex<Vec<Call>>,
    effects: Mutex<Vec<Call>>,
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
            effects: Mutex::default(),
            behaviour: Mutex::new(Behaviour {
                keys: vec![key(1)],
                issuer: None,
                keys_answer: None,
                token: Arc::new(|_| granted(GRAPH_TOKEN)),
                devices: Arc::new(|_| page(&[device("compliant")])),
                device: Arc::new(|_| Answer::json(&device("compliant"))),
                actions: Arc::new(|_| (true, done())),
                settings: Arc::new(|_| {
                    Answer::json(&json!({"settings": {"secureByDefault": true}}))
                }),
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

    /// Sets whether an action takes effect, and what is answered.
    pub(crate) fn actions(&self, rule: impl Fn(&Call) -> (bool, Answer) + Send + Sync + 'static) {
        self.behaviour().actions = Arc::new(rule);
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
        let calls = self.calls("managedDevices");
        calls.iter().filter(|call| !call.is_action()).count()
    }

    /// The actions that were asked for.
    pub(crate) fn action_calls(&self) -> Vec<Call> {
        let mut calls = self.calls("managedDevices");
        calls.retain(Call::is_action);
        calls
    }

    /// The actions that took effect, whatever was answered.
    pub(crate) fn effects(&self) -> Vec<Call> {
        let effects = self.0.effects.lock();
        effects.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The list's address, on a further page.
    pub(crate) fn next_link(&self, token: &str) -> String {
        let base = self.base();
        format!("{base}/v1.0/deviceManagement/managedDevices?$skiptoken={token}")
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

/// What Graph says of an action that it took.
pub(crate) fn done() -> Answer {
    Answer::text(204, "").with("request-id", REQUEST_ID)
}

/// The last or only page of a list.
pub(crate) fn page(rows: &[Value]) -> Answer {
    Answer::json(&json!({"@odata.count": rows.len(), "value": rows}))
}

async fn answer(State(tenant): State<Tenant>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let authorization = head.headers.get("authorization");
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let call = Call {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: authorization.map(|value| value.to_str().unwrap().to_owned()),
        headers: head.headers,
        body: String::from_utf8(body.into()).unwrap(),
    };
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
        let graph = call.path.strip_prefix("/v1.0/deviceManagement");
        match graph {
            Some("") => return (behaviour.settings)(call),
            Some("/managedDevices") => return (behaviour.devices)(call),
            Some(_) if call.is_action() => {
                let (takes_effect, answer) = (behaviour.actions)(call);
                if takes_effect {
                    let effects = self.0.effects.lock();
                    let mut effects = effects.unwrap_or_else(PoisonError::into_inner);
                    effects.push(call.clone());
                }
                return answer;
            }
            Some(_) => return (behaviour.device)(call),
            None => {}
        }
        if call.path.ends_with("/token") {
            return (behaviour.token)(call);
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
