//! Which device a token names, and what happens when it names none that can be.

use serde_json::{Value, json};

use crate::{
    keys::key,
    running::Running,
    tenant::{CLIENT, DEVICE, TENANT, Tenant, changed, device, page, sign},
};

const INVALID: &str = "403 invalid_device_identity -";

#[tokio::test]
async fn what_is_no_device_id_is_denied_without_a_look_up() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let injection = format!("{DEVICE}' or '1' eq '1");
    for claim in [
        json!(""),
        json!(" "),
        json!("garbage"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!(format!(" {DEVICE}")),
        json!(format!("{DEVICE}\n")),
        json!(format!("{{{DEVICE}}}")),
        json!(format!("urn:uuid:{DEVICE}")),
        json!(DEVICE.replace('-', "")),
        json!(DEVICE.replace('3', "３")),
        json!(DEVICE.replacen('-', "_", 1)),
        json!(injection),
        json!(7),
        json!(true),
        json!([DEVICE]),
        json!({"id": DEVICE}),
    ] {
        let token = tenant.token(json!({"deviceid": claim}));
        let answer = host.authorize(&token, "device-management").await;
        assert_eq!(answer.line(), INVALID, "{claim}");
    }
    // A JSON null is a value, not an absence.
    let claims = tenant
        .claims()
        .to_string()
        .replace(&format!("\"{DEVICE}\""), "null");
    let token = key(1).sign(&key(1).header(), &claims);
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), INVALID);
    assert_eq!(tenant.look_ups(), 0);
    assert_eq!(tenant.calls("/token").len(), 0);
}

#[tokio::test]
async fn a_device_or_tenant_named_twice_is_denied() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    let claims = tenant.claims().to_string();
    for second in [
        format!(r#""deviceid":"{DEVICE}""#),
        format!(r#""device\u0069d":"{DEVICE}""#),
        r#""deviceid":null"#.to_owned(),
        format!(r#""tid":"{TENANT}""#),
    ] {
        let claims = claims.replacen('{', &format!("{{{second},"), 1);
        let token = key(1).sign(&key(1).header(), &claims);
        let answer = host.authorize(&token, "device-management").await;
        assert_eq!(answer.line(), INVALID, "{second}");
    }
    assert_eq!(tenant.look_ups(), 0);
}

#[tokio::test]
async fn a_token_of_another_tenant_names_no_device() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    for tid in [
        json!("bbbbbbbb-5c5c-4b6e-9f53-0a1b2c3d4e5f"),
        json!(""),
        json!(null),
        json!([TENANT]),
    ] {
        let token = tenant.token(json!({"tid": tid}));
        let answer = host.authorize(&token, "device-management").await;
        assert_eq!(answer.line(), INVALID, "{tid}");
    }
    let token = tenant.token(json!({"tid": TENANT.to_uppercase()}));
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "200 compliant live");
}

#[tokio::test]
async fn case_makes_no_difference_to_a_guid() {
    let tenant = Tenant::start().await;
    tenant.devices(|_| {
        let upper = json!({"azureADDeviceId": DEVICE.to_uppercase()});
        page(&[changed(device("compliant"), upper)])
    });
    let host = Running::over(&tenant).await;
    let token = tenant.token(json!({"deviceid": DEVICE.to_uppercase()}));
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "200 compliant live");
    assert_eq!(
        answer.body["ac"]["device_compliance"]["entra_device_id"],
        DEVICE
    );
    // And so it is the same device to the cache.
    let answer = host
        .authorize(&tenant.token(json!({})), "device-management")
        .await;
    assert_eq!(answer.line(), "200 compliant cache");
}

fn keycloak(tenant: &Tenant, changes: Value) -> String {
    let realm = json!({"iss": tenant.realm(), "tid": null, "oid": null, "deviceid": null});
    sign(&key(1), &changed(changed(tenant.claims(), realm), changes))
}

#[tokio::test]
async fn each_issuer_names_devices_in_its_own_claim() {
    let tenant = Tenant::start().await;
    let issuers = [
        tenant.issuer(),
        format!("{}=keycloak:device_id", tenant.realm()),
    ];
    let host = Running::with(&tenant, &[("INTUNE_COMPLIANCE_STRICT", "true")], &issuers).await;
    for (what, token, expected) in [
        (
            "keycloak's",
            keycloak(&tenant, json!({"device_id": DEVICE})),
            "200 compliant live",
        ),
        ("entra's", tenant.token(json!({})), "200 compliant cache"),
        (
            "entra's in keycloak's token",
            keycloak(&tenant, json!({"deviceid": DEVICE})),
            "403 no_device_identity -",
        ),
        (
            "keycloak's in entra's token",
            tenant.token(json!({"deviceid": null, "device_id": DEVICE})),
            "403 no_device_identity -",
        ),
        (
            "malformed",
            keycloak(&tenant, json!({"device_id": "x", "deviceid": DEVICE})),
            INVALID,
        ),
    ] {
        let answer = host.authorize(&token, "device-management").await;
        assert_eq!(answer.line(), expected, "{what}");
    }
    assert_eq!(tenant.look_ups(), 1);
}

#[tokio::test]
async fn an_issuer_is_compared_exactly() {
    let tenant = Tenant::start().await;
    // Auth0 and others end their issuer in a slash, and serve metadata without doubling it.
    let slashed = format!("{}/", tenant.realm());
    tenant.behaviour().issuer = Some(slashed.clone());
    let issuers = [format!("{slashed}=keycloak:device_id")];
    let host = Running::with(&tenant, &[], &issuers).await;
    let token = keycloak(&tenant, json!({"iss": slashed, "device_id": DEVICE}));
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "200 compliant live");
    let asked = tenant.calls("openid-configuration");
    assert_eq!(asked[0].path, "/realms/eu/.well-known/openid-configuration");

    let token = keycloak(&tenant, json!({"device_id": DEVICE}));
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.status, 401);
    let token = keycloak(
        &tenant,
        json!({"iss": slashed, "device_id": DEVICE, "aud": [CLIENT, "x"]}),
    );
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "200 compliant cache");
}
