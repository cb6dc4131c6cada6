//! Policy files: what a template says, and what it may not.

use serde_json::json;

use crate::{
    running::{Running, variables},
    tenant::{Answer, Tenant, device, page},
};

#[tokio::test]
async fn a_template_of_the_file_is_enforced_reported_or_off() {
    let tenant = Tenant::start().await;
    tenant.devices(|_| page(&[device("noncompliant")]));
    let host = Running::under(
        &tenant,
        r#"
            [accords.enforced]
            device_compliance_required = true
            [accords.reported]
            device_compliance_required = true
            strict = true
            mode = "report_only"
            [accords.off]
            device_compliance_required = true
            mode = "off"
        "#,
        &[],
    )
    .await;
    let token = tenant.token(json!({}));
    let line = host.authorize(&token, "enforced").await.line();
    assert_eq!(line, "403 noncompliant live");

    let reported = host.authorize(&token, "reported").await;
    assert_eq!(reported.line(), "200 noncompliant cache");
    let decision = &reported.body["decision"];
    assert_eq!(decision["outcome"], "allow");
    assert_eq!(decision["enforced"], false);
    assert_eq!(decision["would"], "deny");
    for (claim, reason) in [
        (json!(null), "no_device_identity"),
        (json!(7), "invalid_device_identity"),
    ] {
        let token = tenant.token(json!({"deviceid": claim}));
        let answer = host.authorize(&token, "reported").await;
        assert_eq!(answer.line(), format!("200 {reason} -"));
        assert_eq!(answer.body["decision"]["enforced"], false);
    }
    let line = host.authorize(&token, "off").await.line();
    assert_eq!(line, "200 not_enabled -");
    assert_eq!(tenant.look_ups(), 1);
    // Of these, only the one that is off leaves no record.
    let templates: Vec<_> = host
        .records()
        .iter()
        .map(|record| record["data"]["accord_template"].clone())
        .collect();
    assert!(templates.len() >= 4, "{templates:?}");
}

#[tokio::test]
async fn report_only_allows_what_could_not_be_found_out() {
    let tenant = Tenant::start().await;
    tenant.devices(|_| Answer::text(500, "{}"));
    let policy = "[accords.reported]\ndevice_compliance_required = true\nmode = \"report_only\"";
    let host = Running::under(&tenant, policy, &[]).await;
    let answer = host.authorize(&tenant.token(json!({})), "reported").await;
    assert_eq!(answer.line(), "200 source_unavailable -");
    assert_eq!(answer.body["decision"]["would"], "deny");
    assert_eq!(host.records()[0]["data"]["enforced"], false);
}

#[tokio::test]
async fn strictness_is_per_template() {
    let tenant = Tenant::start().await;
    let policy = "[accords.a]\ndevice_compliance_required = true\nstrict = true\n\
                  [accords.b]\ndevice_compliance_required = true\nstrict = false";
    let strict = [("INTUNE_COMPLIANCE_STRICT", "true")];
    let host = Running::under(&tenant, policy, &strict).await;
    let token = tenant.token(json!({"deviceid": null}));
    assert_eq!(
        host.authorize(&token, "a").await.line(),
        "403 no_device_identity -"
    );
    assert_eq!(
        host.authorize(&token, "b").await.line(),
        "200 no_device_identity -"
    );
    assert_eq!(host.records()[1]["data"]["policy"]["loosened"], true);
}

#[tokio::test]
async fn a_template_that_loosens_the_global_rule_leaves_a_record() {
    let tenant = Tenant::start().await;
    let policy = "[accords.lax]\ndevice_compliance_required = false\n[accords.off]\nmode = \"off\"";
    let required = [("INTUNE_COMPLIANCE_REQUIRED", "true")];
    let host = Running::under(&tenant, policy, &required).await;
    let token = tenant.token(json!({}));
    assert_eq!(
        host.authorize(&token, "lax").await.line(),
        "200 not_required -"
    );
    assert_eq!(
        host.authorize(&token, "off").await.line(),
        "200 not_enabled -"
    );
    let records = host.records();
    assert_eq!(records.len(), 2);
    for record in records {
        assert_eq!(record["data"]["policy"]["loosened"], true);
        assert_eq!(record["data"].get("compliance"), None);
    }
    assert_eq!(tenant.look_ups(), 0);
}

#[tokio::test]
async fn unknown_templates_can_be_denied() {
    let tenant = Tenant::start().await;
    let policy =
        "unknown_templates = \"deny\"\n[accords.known]\ndevice_compliance_required = false";
    let host = Running::under(&tenant, policy, &[]).await;
    let token = tenant.token(json!({}));
    for (template, line) in [
        ("unheard-of", "403 unknown_template -"),
        ("known", "200 not_required -"),
        ("device-management", "200 compliant live"),
    ] {
        assert_eq!(host.authorize(&token, template).await.line(), line);
    }
}

#[tokio::test]
async fn a_policy_that_is_wrong_is_no_policy() {
    let tenant = Tenant::start().await;
    let files = tempfile::TempDir::new().unwrap();
    let path = files.path().join("policy.toml");
    let refused = |policy: &str, more: &[(&str, &str)]| {
        std::fs::write(&path, policy).unwrap();
        let mut more = more.to_vec();
        more.push(("INTUNE_ACCORD_POLICIES", path.to_str().unwrap()));
        let environment = env_config::Environment::from_pairs(variables(&tenant, &more));
        let config = compliance_gate::GateConfig::from_env(&environment);
        let error = config.unwrap_err().to_string();
        assert!(error.contains("INTUNE_ACCORD_POLICIES"), "{error}");
        error
    };
    let required = [("INTUNE_COMPLIANCE_REQUIRED", "true")];
    let loosening =
        "overrides = \"tighten_only\"\n[accords.lax]\ndevice_compliance_required = false";
    assert!(refused(loosening, &required).contains("`lax`"));
    let built_in =
        "overrides = \"tighten_only\"\n[accords.device-management]\nmode = \"report_only\"";
    assert!(refused(built_in, &[]).contains("`device-management`"));
    for wrong in [
        "[accords.a]\nrequired = true",
        "[accords.A]\nstrict = true",
        "[accords.a]\nstrict = \"true\"",
        "[accords.a]\nmode = \"Report_Only\"",
        "[accord.a]\nstrict = true",
        "[accords.a]\nstrict = true\n[accords.a]\nstrict = false",
        r#"{"accords": {"a": {"strict": true}, "a": {"strict": false}}}"#,
        r#"{"accords": {"a": {"strict": true, "strict": false}}}"#,
        "accords",
        "{",
    ] {
        refused(wrong, &[]);
    }
}
