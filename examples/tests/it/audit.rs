//! A Chronicle that takes no records: no authority without a trail.

use std::sync::Arc;

use async_trait::async_trait;
use chronicle::{AppendError, AppendErrorKind, Receipt, Record, Sink};
use compliance_gate::{Mode, OnAuditFailure, Policies, PolicyLayer};
use futures_util::future::join_all;
use serde_json::json;

use crate::{running::Running, tenant::Tenant};

/// Refuses every record, or never answers.
#[derive(Debug)]
enum Broken {
    Refusing,
    Silent,
}

#[async_trait]
impl Sink for Broken {
    async fn append(&self, _: Record) -> Result<Receipt, AppendError> {
        match self {
            Self::Refusing => Err(AppendError::new(AppendErrorKind::Unavailable)),
            Self::Silent => std::future::pending().await,
        }
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_allowed() {
    let tenant = Tenant::start().await;
    for sink in [Broken::Refusing, Broken::Silent] {
        let policies = Policies::builder().build().unwrap();
        let host = Running::recording_in(&tenant, policies, Arc::new(sink)).await;
        let tokens = [
            tenant.token(json!({})),
            tenant.token(json!({"deviceid": "x"})),
        ];
        let asks = tokens
            .iter()
            .map(|token| host.authorize(token, "device-management"));
        for answer in join_all(asks).await {
            assert_eq!(answer.status, 503);
            assert!(answer.headers.contains_key("retry-after"));
            let decision = &answer.body["decision"];
            assert_eq!(decision["outcome"], "deny");
            assert_eq!(decision["reason"], "audit_unavailable");
            assert_eq!(decision["enforced"], true);
            assert_eq!(answer.body.get("ac"), None);
        }
        // What leaves no record needs none.
        let answer = host.authorize(&tenant.token(json!({})), "read-only").await;
        assert_eq!(answer.line(), "200 not_required -");
    }
}

#[tokio::test]
async fn a_policy_may_do_without_a_record() {
    let tenant = Tenant::start().await;
    let best_effort = PolicyLayer::new().on_audit_failure(OnAuditFailure::BestEffort);
    let best_effort = Policies::builder().global(best_effort).build().unwrap();
    let report = PolicyLayer::new().required(true).mode(Mode::ReportOnly);
    let reporting = Policies::builder().template("device-management".parse().unwrap(), report);
    for policies in [best_effort, reporting.build().unwrap()] {
        let host = Running::recording_in(&tenant, policies, Arc::new(Broken::Refusing)).await;
        let answer = host
            .authorize(&tenant.token(json!({})), "device-management")
            .await;
        assert_eq!(answer.line(), "200 compliant live");
    }
}

#[tokio::test]
async fn a_host_whose_chronicle_refuses_records_is_not_ready() {
    let tenant = Tenant::start().await;
    let policies = Policies::builder().build().unwrap();
    let host = Running::recording_in(&tenant, policies, Arc::new(Broken::Refusing)).await;
    assert_eq!(host.get("/readyz").await.status, 200);
    let answer = host
        .authorize(&tenant.token(json!({})), "device-management")
        .await;
    assert_eq!(answer.line(), "503 audit_unavailable live");
    let answer = host.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.to_string().contains("\"chronicle\""));
}
