//! One look-up for all who ask at once, and none for those who ask soon after.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::{FutureExt as _, join_all};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::{
    running::Running,
    tenant::{Answer, Tenant, device, page},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_who_ask_at_once_share_one_look_up() {
    let tenant = Tenant::start().await;
    let open = Arc::new(Semaphore::new(0));
    let door = Arc::clone(&open);
    tenant.devices(move |_| {
        let door = Arc::clone(&door);
        let ready = async move { door.acquire().await.unwrap().forget() };
        Answer::After(ready.boxed(), Box::new(page(&[device("compliant")])))
    });
    let host = Running::over(&tenant).await;
    let token = tenant.token(json!({}));
    let begun = AtomicUsize::new(0);
    let callers = (0..200).map(|_| {
        let (host, token, begun) = (&host, &token, &begun);
        async move {
            begun.fetch_add(1, Ordering::Relaxed);
            host.authorize(token, "device-management").await
        }
    });
    let opener = async {
        // Until all have begun, and the one look-up is waiting.
        while begun.load(Ordering::Relaxed) < 200 || tenant.look_ups() == 0 {
            tokio::task::yield_now().await;
        }
        // As many as would be needed, were there more than one.
        open.add_permits(200);
    };
    let (answers, ()) = tokio::join!(join_all(callers), opener);
    for answer in &answers {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body["decision"]["reason"], "compliant");
    }
    assert_eq!(tenant.look_ups(), 1);
    assert_eq!(tenant.calls("/token").len(), 1);
    assert_eq!(tenant.calls("openid-configuration").len(), 1);
    assert_eq!(host.records().len(), 200);
    let verified = chronicle::verify_file(host.chronicle()).unwrap();
    assert_eq!(verified.records, 200);
    let ids: std::collections::HashSet<_> = answers
        .iter()
        .map(|answer| answer.body["ac"]["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 200);

    let next = host.authorize(&token, "device-management").await;
    assert_eq!(next.line(), "200 compliant cache");
    assert_eq!(tenant.look_ups(), 1);
}

#[tokio::test]
async fn a_failure_is_shared_but_not_kept() {
    let tenant = Tenant::start().await;
    tenant.devices(|_| Answer::text(500, "{}"));
    let host = Running::over(&tenant).await;
    let token = tenant.token(json!({}));
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "503 source_unavailable -");
    tenant.devices(|_| page(&[device("compliant")]));
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "200 compliant live");
}

#[tokio::test]
async fn a_noncompliant_state_is_cached_like_any_other() {
    let tenant = Tenant::start().await;
    tenant.devices(|_| page(&[device("noncompliant")]));
    let host = Running::over(&tenant).await;
    let token = tenant.token(json!({}));
    for line in ["403 noncompliant live", "403 noncompliant cache"] {
        assert_eq!(
            host.authorize(&token, "device-management").await.line(),
            line
        );
    }
    assert_eq!(tenant.look_ups(), 1);
}

#[tokio::test]
async fn without_a_cache_every_answer_is_live() {
    let tenant = Tenant::start().await;
    let host = Running::with(&tenant, &[("INTUNE_COMPLIANCE_CACHE_TTL", "0")], &[]).await;
    let token = tenant.token(json!({}));
    for look_ups in 1..=3 {
        let answer = host.authorize(&token, "device-management").await;
        assert_eq!(answer.line(), "200 compliant live");
        assert_eq!(tenant.look_ups(), look_ups);
    }
    // The change is seen at once.
    tenant.devices(|_| page(&[device("noncompliant")]));
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "403 noncompliant live");
    assert_eq!(tenant.calls("/token").len(), 1);
}

#[tokio::test]
async fn a_caller_who_leaves_takes_nobody_along() {
    let tenant = Tenant::start().await;
    let open = Arc::new(Semaphore::new(0));
    let door = Arc::clone(&open);
    tenant.devices(move |_| {
        let door = Arc::clone(&door);
        let ready = async move { door.acquire().await.unwrap().forget() };
        Answer::After(ready.boxed(), Box::new(page(&[device("compliant")])))
    });
    let host = Running::over(&tenant).await;
    let token = tenant.token(json!({}));
    {
        let leaver = host.authorize(&token, "device-management");
        let seen = async {
            while tenant.look_ups() == 0 {
                tokio::task::yield_now().await;
            }
        };
        futures_util::pin_mut!(leaver, seen);
        // The connection closes when the request is dropped half-way.
        let _ = futures_util::future::select(leaver, seen).await;
    }
    open.add_permits(2);
    let stays = host.authorize(&token, "device-management");
    let stays = tokio::time::timeout(Duration::from_secs(5), stays).await;
    assert_eq!(stays.unwrap().status, 200);
}
