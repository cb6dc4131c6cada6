//! A plain HTTP client of the simulated services.

use intune_sim::{Action, Device, Sim, SimConfig, Tenant};
use reqwest::{Client, Response, redirect};
use serde_json::Value;

pub(crate) const GRAPH_SCOPE: &str = "https://graph.microsoft.com/.default";

/// A simulator, and a client with a token of it.
pub(crate) struct Harness {
    pub(crate) sim: Sim,
    pub(crate) http: Client,
    pub(crate) token: String,
}

pub(crate) fn http() -> Client {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap()
}

impl Harness {
    pub(crate) async fn start(config: SimConfig) -> Self {
        let sim = Sim::start(config).await.unwrap();
        let http = http();
        let token = token(&http, &sim).await;
        Self { sim, http, token }
    }

    /// A tenant without devices.
    pub(crate) async fn empty() -> Self {
        Self::start(SimConfig::default().devices(0)).await
    }

    /// Gets a path below `/v1.0/deviceManagement/`.
    pub(crate) async fn try_get(&self, path: &str) -> reqwest::Result<Response> {
        let url = format!("{}v1.0/deviceManagement/{path}", self.sim.graph());
        self.http.get(url).bearer_auth(&self.token).send().await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.try_get(path).await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// Posts to a path below `/v1.0/deviceManagement/`, with a body if there is one.
    pub(crate) async fn post(&self, path: &str, body: Option<Value>) -> Response {
        let url = format!("{}v1.0/deviceManagement/{path}", self.sim.graph());
        let request = self.http.post(url).bearer_auth(&self.token);
        let request = match &body {
            None => request,
            Some(body) => request.json(body),
        };
        request.send().await.unwrap()
    }

    /// Performs an action without a body, which must succeed.
    pub(crate) async fn act(&self, device: &Device, action: Action) {
        let path = format!("managedDevices/{}/{action}", device.id());
        let response = self.post(&path, None).await;
        assert_eq!(response.status(), 204, "{path}");
        assert_eq!(response.bytes().await.unwrap(), "");
    }

    /// What was done to a device, as a selecting get shows it.
    pub(crate) async fn results(&self, device: &Device) -> Value {
        let path = format!("managedDevices/{}?$select=deviceActionResults", device.id());
        self.json(&path).await["deviceActionResults"].clone()
    }

    /// The names of the devices that a filter finds, on one page.
    pub(crate) async fn names(&self, filter: &str) -> Vec<String> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("$filter", filter)
            .finish();
        let page = self.json(&format!("managedDevices?{query}")).await;
        texts(&page, "deviceName")
    }

    /// Every page, by its next link exactly as given.
    pub(crate) async fn pages(&self, path: &str) -> Vec<Value> {
        let mut pages = vec![self.json(path).await];
        while let Some(next) = pages
            .last()
            .and_then(|page| page["@odata.nextLink"].as_str())
        {
            let response = self
                .http
                .get(next)
                .bearer_auth(&self.token)
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), 200, "{next}");
            pages.push(response.json().await.unwrap());
            assert!(pages.len() < 1000, "the pages don't end");
        }
        pages
    }
}

/// The inner message of Intune's JSON within JSON.
pub(crate) async fn intune_error(response: Response, status: u16, code: &str) -> Value {
    assert_eq!(response.status(), status);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], code);
    let nested: Value = serde_json::from_str(body["error"]["message"].as_str().unwrap()).unwrap();
    assert_eq!(nested["_version"], 3);
    nested
}

pub(crate) fn texts(page: &Value, property: &str) -> Vec<String> {
    let rows = page["value"].as_array().unwrap();
    rows.iter()
        .map(|row| row[property].as_str().unwrap().to_owned())
        .collect()
}

/// Posts a form to the token endpoint of the tenant.
pub(crate) async fn post_form(http: &Client, sim: &Tenant, form: &[(&str, &str)]) -> Response {
    let url = format!("{}{}/oauth2/v2.0/token", sim.authority(), sim.tenant());
    http.post(url).form(form).send().await.unwrap()
}

pub(crate) async fn token(http: &Client, sim: &Tenant) -> String {
    token_for(http, sim, sim.client_id(), sim.client_secret()).await
}

/// A token of any application.
pub(crate) async fn token_for(http: &Client, sim: &Tenant, id: &str, secret: &str) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", secret),
        ("scope", GRAPH_SCOPE),
    ];
    let answer: Value = post_form(http, sim, &form).await.json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}
