//! The authority's errors on request, and answers that are none.

use intune_sim::{EntraFault, Fault, FaultKind, Route, Sim, SimConfig};
use reqwest::Response;
use serde_json::{Value, json};

use crate::client::{GRAPH_SCOPE, http, post_form};

async fn answer(sim: &Sim, kind: impl Into<FaultKind>) -> Response {
    sim.inject(Fault::new(Route::Token, kind.into()));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", sim.client_id()),
        ("client_secret", sim.client_secret()),
        ("scope", GRAPH_SCOPE),
    ];
    post_form(&http(), sim, &form).await
}

#[tokio::test]
async fn every_code_has_its_status_and_error() {
    let sim = Sim::start(SimConfig::default().devices(0)).await.unwrap();
    let client = [
        7_000_215, 7_000_222, 7_000_218, 700_027, 50012, 700_024, 7_000_214, 1_000_502, 700_030,
        700_211, 700_212, 700_213,
    ];
    let request = [
        900_144, 90002, 90038, 900_382, 900_432, 70021, 100_007, 123_456,
    ];
    let unauthorized = [700_016, 7_000_112, 70001];
    let scope = [70011, 1_002_012, 28002, 700_022];
    let resource = [500_011, 50001, 650_057];
    let grant = [53003, 530_032, 530_035, 50196];
    let later = [90033, 90006, 90024, 90012, 90090, 50033];
    let groups: [(u16, &str, &[u32]); 9] = [
        (401, "invalid_client", &client),
        (400, "invalid_request", &request),
        (400, "unauthorized_client", &unauthorized),
        (400, "invalid_scope", &scope),
        (400, "invalid_resource", &resource),
        (400, "invalid_grant", &grant),
        (503, "temporarily_unavailable", &later),
        (429, "temporarily_unavailable", &[90055]),
        (500, "server_error", &[90036, 90092]),
    ];
    for (status, error, codes) in groups {
        for code in codes {
            let response = answer(&sim, FaultKind::entra(*code)).await;
            assert_eq!(response.status(), status, "{code}");
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["error"], error, "{code}");
            assert_eq!(body["error_codes"], json!([code]));
            let text = body["error_description"].as_str().unwrap();
            assert!(text.starts_with(&format!("AADSTS{code}: ")), "{text}");
            let ids = ["trace_id", "correlation_id", "timestamp", "error_uri"];
            assert!(ids.iter().all(|name| body[*name].is_string()), "{body}");
            assert_eq!(body.get("claims").is_some(), *code == 53003);
        }
    }
}

#[tokio::test]
async fn a_policy_says_what_it_claims() {
    let sim = Sim::start(SimConfig::default().devices(0)).await.unwrap();
    let body: Value = answer(&sim, FaultKind::entra(53003))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(body["suberror"], "message_only");
    let claims: Value = serde_json::from_str(body["claims"].as_str().unwrap()).unwrap();
    assert!(claims["access_token"].is_object());
}

#[tokio::test]
async fn descriptions_come_in_both_shapes_and_everything_can_be_set() {
    let sim = Sim::start(SimConfig::default().devices(0)).await.unwrap();
    let body: Value = answer(&sim, FaultKind::entra(90033))
        .await
        .json()
        .await
        .unwrap();
    assert!(
        body["error_description"]
            .as_str()
            .unwrap()
            .contains("\r\nTrace ID: ")
    );

    let newer = EntraFault::new(90055)
        .status(503)
        .message("Slow down.")
        .suberror("basic_action")
        .claims("{}")
        .one_line()
        .without_codes();
    let response = answer(&sim, FaultKind::from(newer).retry_after("17")).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "17");
    let body: Value = response.json().await.unwrap();
    let text = body["error_description"].as_str().unwrap();
    assert!(
        text.starts_with("AADSTS90055: Slow down. Trace ID: "),
        "{text}"
    );
    assert!(!text.contains('\n') && text.contains(" Correlation ID: "));
    assert_eq!(body.get("error_codes"), None);
    assert_eq!(
        (&body["suberror"], &body["claims"]),
        (&json!("basic_action"), &json!("{}"))
    );
}

#[tokio::test]
async fn the_odd_answers_are_made_of_the_general_faults() {
    let sim = Sim::start(SimConfig::default().devices(0)).await.unwrap();
    let response = answer(&sim, FaultKind::status(429).retry_after("60")).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "60");
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    assert_eq!(response.text().await.unwrap(), "Too Many Requests");

    let response = answer(&sim, FaultKind::web_page(502)).await;
    assert_eq!(response.status(), 502);
    assert!(
        response
            .text()
            .await
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );

    let response = answer(&sim, FaultKind::status(502).body("")).await;
    assert_eq!(response.status(), 502);
    assert_eq!(response.text().await.unwrap(), "");

    let response = answer(&sim, FaultKind::TruncatedBody).await;
    assert_eq!(response.status(), 200);
    assert!(response.json::<Value>().await.is_err());

    let tokenless = r#"{"token_type":"Bearer","expires_in":3599}"#;
    let response = answer(&sim, FaultKind::status(200).body(tokenless)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.json::<Value>().await.unwrap().get("access_token"),
        None
    );
}
