//! The keys of an issuer: found, rotated, down, and asked for by people who make key ids up.

use std::{sync::Arc, time::Duration};

use authorize_host::bearer::{Rejection, Verifier};
use clock::{ManualClock, SystemClock};
use entra_auth::http::HttpClient;
use futures_util::future::FutureExt as _;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::{
    keys::key,
    running::Running,
    tenant::{Answer, CLIENT, Tenant, now, sign},
};

fn fetches(tenant: &Tenant) -> usize {
    let (discovery, keys) = (tenant.calls("openid-configuration"), tenant.calls("/keys"));
    assert!(keys.len() <= discovery.len());
    discovery.len()
}

#[tokio::test]
async fn a_new_key_is_followed_at_once() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let claims = tenant.claims();
    let line = |key_number| {
        let token = sign(&key(key_number), &claims);
        let host = &host;
        async move { host.authorize(&token, "read-only").await }
    };
    assert_eq!(line(1).await.status, 200);
    assert_eq!(line(2).await.status, 401);
    tenant.behaviour().keys = vec![key(1), key(2)];
    assert_eq!(line(2).await.status, 200);
    tenant.behaviour().keys = vec![key(2), key(3)];
    assert_eq!(line(3).await.status, 200);
    // Withdrawn, and known to be, since the keys have been read again.
    assert_eq!(line(1).await.status, 401);
    assert_eq!(line(2).await.status, 200);
}

#[tokio::test]
async fn made_up_key_ids_cause_few_fetches() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let good = tenant.token(json!({}));
    assert_eq!(host.authorize(&good, "read-only").await.status, 200);
    let claims = tenant.claims().to_string();
    let mut tokens = Vec::new();
    for number in 0..60 {
        let header = json!({"alg": "RS256", "kid": format!("made-up-{number}")});
        tokens.push(key(2).sign(&header, &claims));
    }
    let answers = tokens
        .iter()
        .map(|token| host.authorize(token, "read-only"));
    let answers = futures_util::future::join_all(answers).await;
    assert!(answers.iter().all(|answer| answer.status == 401));
    assert!(fetches(&tenant) <= 6, "{}", fetches(&tenant));
    // Those whose key is known aren't made to wait.
    assert_eq!(host.authorize(&good, "read-only").await.status, 200);
    assert_eq!(tenant.look_ups(), 0);
}

#[tokio::test]
async fn a_token_of_an_unknown_issuer_makes_nobody_fetch_anything() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let token = tenant.token(json!({"iss": tenant.realm()}));
    assert_eq!(host.authorize(&token, "read-only").await.status, 401);
    assert_eq!(fetches(&tenant), 0);
}

#[tokio::test]
async fn a_token_without_a_key_id_fits_no_issuer_of_several_keys() {
    let tenant = Tenant::start().await;
    tenant.behaviour().keys = vec![key(1), key(2)];
    let host = Running::over(&tenant).await;
    for own in [key(1), key(2)] {
        let token = own.sign(&json!({"alg": "RS256"}), &tenant.claims().to_string());
        assert_eq!(host.authorize(&token, "read-only").await.status, 401);
    }
}

#[tokio::test]
async fn without_keys_nobody_knows_and_that_is_said() {
    let garbage: [fn() -> Answer; 8] = [
        || Answer::text(500, "{}"),
        || Answer::text(404, "{}"),
        || Answer::text(200, "<html>sign in</html>"),
        || Answer::text(200, "[]"),
        || Answer::text(200, "{}"),
        || Answer::Cut("{\"issuer\":"),
        || Answer::text(302, "").with("location", "/elsewhere"),
        || Answer::Whole(200, Vec::new(), vec![b' '; 2 << 20].into()),
    ];
    for answer in garbage {
        let tenant = Tenant::start().await;
        tenant.keys(move |_| answer());
        let host = Running::over(&tenant).await;
        let answer = host
            .authorize(&tenant.token(json!({})), "device-management")
            .await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.headers.contains_key("retry-after"));
        assert_eq!(answer.body.get("ac"), None);
        assert_eq!(tenant.look_ups(), 0);
        // When they are back, so is the host.
        tenant.behaviour().keys_answer = None;
        let answer = host
            .authorize(&tenant.token(json!({})), "device-management")
            .await;
        assert_eq!(answer.line(), "200 compliant live");
    }
}

#[tokio::test]
async fn metadata_of_another_issuer_is_not_trusted() {
    let tenant = Tenant::start().await;
    for other in [
        "https://evil.example",
        "",
        &tenant.realm(),
        &(tenant.issuer() + "/"),
    ] {
        tenant.behaviour().issuer = Some(other.to_owned());
        let host = Running::over(&tenant).await;
        let answer = host.authorize(&tenant.token(json!({})), "read-only").await;
        assert_eq!(answer.status, 503, "{other}");
    }
    assert_eq!(tenant.calls("/keys").len(), 0);
}

#[tokio::test]
async fn keys_that_are_not_for_signatures_verify_none() {
    let tenant = Tenant::start().await;
    let base = tenant.base().to_owned();
    let issuer = tenant.issuer();
    let mut encryption = key(1).public();
    encryption["use"] = json!("enc");
    let mut other_algorithm = key(1).public();
    other_algorithm["alg"] = json!("RS512");
    let secret = json!({"kty": "oct", "kid": "key-1", "k": "AAAA"});
    for set in [
        json!([encryption]),
        json!([other_algorithm]),
        json!([secret]),
        json!([]),
        json!([7, "x", {"kty": "future"}]),
    ] {
        let keys = json!({"keys": set});
        let metadata = json!({"issuer": issuer, "jwks_uri": format!("{base}/keys")});
        tenant.keys(move |call| {
            Answer::json(if call.path == "/keys" {
                &keys
            } else {
                &metadata
            })
        });
        let host = Running::over(&tenant).await;
        let answer = host.authorize(&tenant.token(json!({})), "read-only").await;
        assert_eq!(answer.status, 401, "{set}");
    }
}

#[tokio::test]
async fn a_key_of_a_kind_that_is_not_known_does_not_hide_the_others() {
    let tenant = Tenant::start().await;
    let keys = json!({"keys": [{"kty": "future", "kid": "key-0"}, key(1).public()]});
    let metadata =
        json!({"issuer": tenant.issuer(), "jwks_uri": tenant.base().to_owned() + "/keys"});
    tenant.keys(move |call| {
        Answer::json(if call.path == "/keys" {
            &keys
        } else {
            &metadata
        })
    });
    let host = Running::over(&tenant).await;
    let answer = host.authorize(&tenant.token(json!({})), "read-only").await;
    assert_eq!(answer.status, 200);
}

fn verifier(tenant: &Tenant, clock: &Arc<ManualClock>) -> Verifier {
    let issuers = [tenant.issuer().parse().unwrap()];
    let http = HttpClient::new().unwrap();
    Verifier::new(issuers, CLIENT.to_owned(), &http, clock.clone())
}

#[tokio::test]
async fn keys_serve_for_a_day_when_the_issuer_is_down_and_no_longer() {
    let tenant = Tenant::start().await;
    let clock = Arc::new(ManualClock::new(now()));
    let verifier = verifier(&tenant, &clock);
    let exp = now().unix_seconds() + 10 * 86_400;
    let token = tenant.token(json!({"exp": exp}));
    assert!(verifier.verify(&token).await.is_ok());
    tenant.keys(|_| Answer::text(500, ""));
    for _ in 0..20 {
        clock.advance(Duration::from_secs(3600));
        assert!(verifier.verify(&token).await.is_ok());
    }
    clock.advance(Duration::from_secs(5 * 3600));
    let late = verifier.verify(&token).await;
    assert_eq!(late.unwrap_err(), Rejection::KeysUnavailable);
}

#[tokio::test]
async fn a_withdrawn_key_stops_counting_within_the_hour() {
    let tenant = Tenant::start().await;
    let clock = Arc::new(ManualClock::new(now()));
    let verifier = verifier(&tenant, &clock);
    let token = tenant.token(json!({"exp": now().unix_seconds() + 86_400}));
    assert!(verifier.verify(&token).await.is_ok());
    tenant.behaviour().keys = vec![key(2)];
    clock.advance(Duration::from_secs(3601));
    assert!(verifier.verify(&token).await.is_err());
}

#[tokio::test]
async fn an_issuer_that_hangs_delays_nobody_whose_key_is_known() {
    let tenant = Tenant::start().await;
    let clock = Arc::new(ManualClock::new(now()));
    let verifier = verifier(&tenant, &clock);
    let token = tenant.token(json!({"exp": now().unix_seconds() + 86_400}));
    assert!(verifier.verify(&token).await.is_ok());
    tenant.keys(|_| Answer::Silence);
    clock.advance(Duration::from_secs(3601));
    // The first of them asks the issuer, and waits.
    let waiting = verifier.verify(&token);
    let others = async {
        while fetches(&tenant) < 2 {
            tokio::task::yield_now().await;
        }
        for _ in 0..3 {
            assert!(verifier.verify(&token).await.is_ok());
        }
    };
    futures_util::pin_mut!(waiting, others);
    let others = futures_util::future::select(others, waiting);
    let first = tokio::time::timeout(Duration::from_secs(2), others).await;
    assert!(matches!(first, Ok(futures_util::future::Either::Left(_))));
}

#[tokio::test]
async fn those_who_wait_for_an_issuer_that_hangs_wait_together() {
    let tenant = Tenant::start().await;
    tenant.keys(|_| Answer::Silence);
    let issuers = [tenant.issuer().parse().unwrap()];
    let http = HttpClient::builder().timeout(Duration::from_millis(200));
    let clock = Arc::new(SystemClock::new());
    let verifier = Verifier::new(issuers, CLIENT.to_owned(), &http.build().unwrap(), clock);
    let token = tenant.token(json!({}));
    let waiting = (0..20).map(|_| verifier.verify(&token));
    for verified in futures_util::future::join_all(waiting).await {
        assert_eq!(verified.unwrap_err(), Rejection::KeysUnavailable);
    }
    assert_eq!(fetches(&tenant), 1);
}

/// Makes the issuer's answers wait at a door that is shut.
fn behind_a_door(tenant: &Tenant, keys: serde_json::Value) -> Arc<Semaphore> {
    let door = Arc::new(Semaphore::new(0));
    let shut = Arc::clone(&door);
    let metadata =
        json!({"issuer": tenant.issuer(), "jwks_uri": tenant.base().to_owned() + "/keys"});
    tenant.keys(move |call| {
        let door = Arc::clone(&shut);
        let answer = Answer::json(if call.path == "/keys" {
            &keys
        } else {
            &metadata
        });
        let opened = async move { drop(door.acquire().await) };
        Answer::After(opened.boxed(), Box::new(answer))
    });
    door
}

#[tokio::test]
async fn those_who_ask_for_made_up_keys_and_leave_stop_nobody() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let claims = tenant.claims();
    assert_eq!(
        host.authorize(&sign(&key(1), &claims), "read-only")
            .await
            .status,
        200
    );
    let door = behind_a_door(&tenant, json!({"keys": [key(2).public()]}));
    let made_up = key(3).sign(
        &json!({"alg": "RS256", "kid": "made-up"}),
        &claims.to_string(),
    );
    for _ in 0..20 {
        let asks = host.authorize(&made_up, "read-only");
        let left = tokio::time::timeout(Duration::from_millis(20), asks).await;
        assert!(left.is_err(), "the door is shut");
    }
    assert!(fetches(&tenant) <= 6);
    door.add_permits(1);
    assert_eq!(
        host.authorize(&sign(&key(2), &claims), "read-only")
            .await
            .status,
        200
    );
    assert_eq!(
        host.authorize(&sign(&key(1), &claims), "read-only")
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_fetch_whose_beginner_left_is_carried_on_by_those_who_need_it_least() {
    let tenant = Tenant::start().await;
    let clock = Arc::new(ManualClock::new(now()));
    let verifier = verifier(&tenant, &clock);
    let token = tenant.token(json!({"exp": now().unix_seconds() + 86_400}));
    assert!(verifier.verify(&token).await.is_ok());
    // The key is withdrawn, an hour passes, and the first to ask leaves at once.
    let door = behind_a_door(&tenant, json!({"keys": [key(2).public()]}));
    clock.advance(Duration::from_secs(3601));
    assert!(verifier.verify(&token).now_or_never().is_none());
    assert!(verifier.verify(&token).await.is_ok());
    door.add_permits(1);
    let refused = async {
        while verifier.verify(&token).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), refused)
        .await
        .unwrap();
}
