//! An error that says which cloud the tenant is in, and which was asked.

use entra_auth::{EntraClient, TokenError, TokenErrorKind::*};

use crate::support::*;

/// What becomes of a refusal with this number and description.
async fn refused(code: u32, description: &str) -> TokenError {
    let description = serde_json::Value::from(format!("AADSTS{code}: {description}"));
    let body = format!(
        r#"{{"error":"invalid_request","error_description":{description},"error_codes":[{code}]}}"#
    );
    Server::saying(400, &[], body)
        .await
        .ask()
        .await
        .unwrap_err()
}

#[tokio::test]
async fn the_tenants_cloud_and_the_authority_are_named() {
    // https://learn.microsoft.com/entra/identity-platform/reference-error-codes, AADSTS90038.
    let text = |tenant: &str, theirs: &str, ours: &str| {
        format!(
            "The specified tenant '{tenant}' belongs to the National Cloud '{theirs}'. Current cloud instance '{ours}' does not federate with {theirs}.\r\nTrace ID: 0"
        )
    };
    let (global, us, china) = (
        "microsoftonline.com",
        "microsoftonline.us",
        "partner.microsoftonline.cn",
    );
    for (tenant, theirs, ours, named, others) in [
        ("contoso", us, global, "us-gov-high", ["china", "`global`"]),
        (
            "contoso",
            "MicrosoftOnline.US",
            global,
            "us-gov-high",
            ["china", "`global`"],
        ),
        ("contoso", china, global, "`china`", ["us-gov", "`global`"]),
        (
            "contoso",
            "chinacloudapi.cn",
            us,
            "`china`",
            ["us-gov", "`global`"],
        ),
        ("contoso", global, china, "`global`", ["us-gov", "`china`"]),
        // Tenants are called as they like.
        (
            "china-trading.example",
            us,
            global,
            "us-gov-high",
            ["china", "`global`"],
        ),
        (
            "publichealth.example",
            china,
            us,
            "`china`",
            ["us-gov", "`global`"],
        ),
    ] {
        let error = refused(90_038, &text(tenant, theirs, ours)).await;
        assert_eq!(error.kind(), WrongCloud);
        assert!(!error.is_transient());
        let shown = error.to_string();
        assert!(shown.contains(named), "{shown}");
        assert!(shown.contains("`127.0.0.1"), "{shown}");
        assert!(!others.iter().any(|other| shown.contains(other)), "{shown}");
    }
}

#[tokio::test]
async fn a_refusal_that_names_no_cloud_still_says_which_was_asked() {
    for code in [90_038, 900_382, 900_432] {
        let error = refused(
            code,
            "Confidential Client is not supported in Cross Cloud request.",
        )
        .await;
        assert_eq!(error.kind(), WrongCloud);
        let shown = error.to_string();
        assert!(
            shown.contains("another") && shown.contains("`127.0.0.1"),
            "{shown}"
        );
        for cloud in ["china", "us-gov", "global"] {
            assert!(!shown.contains(cloud), "{shown}");
        }
    }
}

#[tokio::test]
async fn nothing_of_the_text_itself_is_shown() {
    let error = refused(
        90_038,
        "belongs to the National Cloud '\u{1b}canary.microsoftonline.us'",
    )
    .await;
    assert!(!error.to_string().contains("canary"));
}

#[tokio::test]
async fn other_refusals_speak_of_no_cloud() {
    let error = refused(90_002, "Tenant 'x' not found in microsoftonline.us.").await;
    assert_eq!(error.kind(), UnknownTenant);
    assert!(!error.to_string().contains("us-gov"), "{error}");
}

#[test]
fn every_cloud_signs_in_at_its_own_authority() {
    use entra_auth::{Cloud, Credential};
    for (cloud, host) in [
        (Cloud::Global, "login.microsoftonline.com"),
        (Cloud::UsGovHigh, "login.microsoftonline.us"),
        (Cloud::UsGovDod, "login.microsoftonline.us"),
        (Cloud::China, "login.partner.microsoftonline.cn"),
    ] {
        let secret = Credential::secret(SECRET.into());
        let client = EntraClient::builder(TENANT.parse().unwrap(), CLIENT.parse().unwrap(), secret);
        let client = client.cloud(cloud).build().unwrap();
        let endpoint = format!("https://{host}/{TENANT}/oauth2/v2.0/token");
        assert!(format!("{client:?}").contains(&endpoint), "{client:?}");
    }
}
