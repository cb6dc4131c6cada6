//! Token claims are read totally, by the rule of their issuer.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use compliance_gate::{Confirmation, DeviceIdentity, IdentityRules, IssuerRule, TokenClaims};
use proptest::prelude::*;

const ENTRA: &str = "https://login.example/t1/v2.0";
const KEYCLOAK: &str = "https://sso.example/realms/eu";
const TENANT: &str = "99999999-8888-4777-8666-555555555555";
const DEVICE: &str = "33333333-4444-4555-8666-777777777777";

fn rules() -> IdentityRules {
    IdentityRules::new([
        IssuerRule::entra(ENTRA, TENANT).unwrap(),
        IssuerRule::named_claim(KEYCLOAK, "device"),
    ])
}

fn identify(json: &str) -> DeviceIdentity {
    rules().identify(&serde_json::from_str::<TokenClaims>(json).unwrap())
}

fn entra(rest: &str) -> DeviceIdentity {
    identify(&format!(r#"{{"iss":"{ENTRA}","tid":"{TENANT}"{rest}}}"#))
}

#[test]
fn a_device_is_read_in_either_case() {
    let expected = DeviceIdentity::Present(DEVICE.parse().unwrap());
    assert_eq!(entra(&format!(r#","deviceid":"{DEVICE}""#)), expected);
    assert_eq!(
        entra(&format!(r#","deviceid":"{}""#, DEVICE.to_uppercase())),
        expected
    );
    assert_eq!(
        identify(&format!(r#"{{"iss":"{KEYCLOAK}","device":"{DEVICE}"}}"#)),
        expected
    );
}

#[test]
fn no_claim_is_absent() {
    assert_eq!(entra(""), DeviceIdentity::Absent);
    assert_eq!(
        identify(&format!(r#"{{"iss":"{KEYCLOAK}"}}"#)),
        DeviceIdentity::Absent
    );
}

#[test]
fn what_cannot_be_a_device_is_invalid() {
    let zeros = "00000000-0000-0000-0000-000000000000";
    for value in [
        "null".to_owned(),
        "7".to_owned(),
        "true".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        format!("[\"{DEVICE}\"]"),
        "\"\"".to_owned(),
        "\"laptop\"".to_owned(),
        format!("\"{zeros}\""),
        format!("\"{DEVICE}' or 'a' eq 'a\""),
        format!("\" {DEVICE}\""),
        format!("\"{{{DEVICE}}}\""),
    ] {
        assert_eq!(
            entra(&format!(r#","deviceid":{value}"#)),
            DeviceIdentity::Invalid,
            "{value}"
        );
    }
}

#[test]
fn a_claim_given_twice_is_invalid_also_by_an_escaped_key() {
    for second in ["deviceid", "device\\u0069d", "\\u0064eviceid"] {
        let twice = format!(r#","deviceid":"{DEVICE}","{second}":"{DEVICE}""#);
        assert_eq!(entra(&twice), DeviceIdentity::Invalid, "{second}");
    }
    let issuer_twice =
        format!(r#"{{"iss":"{ENTRA}","iss":"{ENTRA}","tid":"{TENANT}","deviceid":"{DEVICE}"}}"#);
    assert_eq!(identify(&issuer_twice), DeviceIdentity::Invalid);
}

#[test]
fn the_tenant_must_be_ours() {
    let elsewhere = "99999999-8888-4777-8666-000000000000";
    for tid in [
        format!(r#","tid":"{elsewhere}""#),
        r#","tid":null"#.to_owned(),
        format!(r#","tid":"{TENANT}","tid":"{TENANT}""#),
        String::new(),
    ] {
        let claims = format!(r#"{{"iss":"{ENTRA}"{tid},"deviceid":"{DEVICE}"}}"#);
        assert_eq!(identify(&claims), DeviceIdentity::Invalid, "{tid}");
    }
    assert!(IssuerRule::entra(ENTRA, "contoso.example").is_err());
}

#[test]
fn the_tenant_is_compared_in_any_case_and_a_wrong_one_spoils_the_token() {
    let upper = TENANT.to_uppercase();
    let claims = format!(r#"{{"iss":"{ENTRA}","tid":"{upper}","deviceid":"{DEVICE}"}}"#);
    assert_eq!(
        identify(&claims),
        DeviceIdentity::Present(DEVICE.parse().unwrap())
    );
    for tid in [r#""elsewhere""#, "null", "7"] {
        let claims = format!(r#"{{"iss":"{ENTRA}","tid":{tid}}}"#);
        assert_eq!(identify(&claims), DeviceIdentity::Invalid, "{tid}");
    }
    // A token that names neither tenant nor device claims nothing that could be wrong.
    assert_eq!(
        identify(&format!(r#"{{"iss":"{ENTRA}"}}"#)),
        DeviceIdentity::Absent
    );
}

#[test]
fn the_first_rule_of_an_issuer_counts() {
    let rules = IdentityRules::new([
        IssuerRule::named_claim(KEYCLOAK, "device"),
        IssuerRule::named_claim(KEYCLOAK, "laptop"),
    ]);
    let claims = format!(r#"{{"iss":"{KEYCLOAK}","laptop":"{DEVICE}"}}"#);
    let claims: TokenClaims = serde_json::from_str(&claims).unwrap();
    assert_eq!(rules.identify(&claims), DeviceIdentity::Absent);
}

#[test]
fn entras_claim_is_a_device_claim_whatever_the_rules() {
    let rules = IdentityRules::new([IssuerRule::named_claim(KEYCLOAK, "device")]);
    let claims = format!(r#"{{"iss":"https://elsewhere.example","deviceid":"{DEVICE}"}}"#);
    let claims: TokenClaims = serde_json::from_str(&claims).unwrap();
    assert_eq!(rules.identify(&claims), DeviceIdentity::Invalid);
}

#[test]
fn a_device_claim_from_an_issuer_without_a_rule_is_invalid_never_absent() {
    for claim in ["deviceid", "device"] {
        let claims = format!(r#"{{"iss":"https://elsewhere.example","{claim}":"{DEVICE}"}}"#);
        assert_eq!(identify(&claims), DeviceIdentity::Invalid);
        let claims = format!(r#"{{"{claim}":null}}"#);
        assert_eq!(identify(&claims), DeviceIdentity::Invalid);
    }
    assert_eq!(
        identify(r#"{"iss":"https://elsewhere.example"}"#),
        DeviceIdentity::Absent
    );
}

#[test]
fn one_issuers_claim_means_nothing_from_another() {
    let claims = format!(r#"{{"iss":"{KEYCLOAK}","deviceid":"{DEVICE}"}}"#);
    assert_eq!(identify(&claims), DeviceIdentity::Absent);
}

#[test]
fn claims_that_are_no_object_are_told_so() {
    for text in ["[]", "\"sub\"", "7", "null"] {
        let error = serde_json::from_str::<TokenClaims>(text).unwrap_err();
        assert!(error.to_string().contains("an object of claims"), "{error}");
    }
}

#[test]
fn debug_shows_no_claim_value() {
    let claims: TokenClaims =
        serde_json::from_str(r#"{"email":"canary@contoso.example"}"#).unwrap();
    let shown = format!("{claims:?}");
    assert!(shown.contains("email") && !shown.contains("canary"));
}

const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const OTHER: &str = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2";

/// Every combination of what a token is bound to and what its bearer holds.
#[test]
fn where_a_rule_demands_it_only_the_holder_of_the_key_is_the_device() {
    let plain = IssuerRule::named_claim(KEYCLOAK, "device");
    let confirmed = IdentityRules::new([plain.clone().confirmed()]);
    let plain = IdentityRules::new([plain]);
    let jwk = format!(r#","cnf":{{"jkt":"{THUMBPRINT}"}}"#);
    let certificate = format!(r#","cnf":{{"x5t#S256":"{THUMBPRINT}"}}"#);
    let bindings = [
        (String::new(), None),
        (jwk.clone(), Some(Confirmation::Jwk(THUMBPRINT))),
        (certificate, Some(Confirmation::Certificate(THUMBPRINT))),
        (format!("{jwk}{jwk}"), None),
        (r#","cnf":null"#.to_owned(), None),
        (r#","cnf":{}"#.to_owned(), None),
        (r#","cnf":{"jkt":7}"#.to_owned(), None),
        (format!(r#","cnf":"{THUMBPRINT}""#), None),
    ];
    let held = [
        None,
        Some(Confirmation::Jwk(THUMBPRINT)),
        Some(Confirmation::Jwk(OTHER)),
        Some(Confirmation::Jwk("")),
        Some(Confirmation::Certificate(THUMBPRINT)),
        Some(Confirmation::Certificate(OTHER)),
    ];
    let device = format!(r#","device":"{DEVICE}""#);
    for (binding, fits) in bindings {
        for key in held {
            for device in [&device, ""] {
                let claims = format!(r#"{{"iss":"{KEYCLOAK}"{device}{binding}}}"#);
                let claims: TokenClaims = serde_json::from_str(&claims).unwrap();
                let unbound = plain.identify(&claims);
                assert_eq!(plain.identify_confirmed(&claims, key), unbound);
                let confirmed = confirmed.identify_confirmed(&claims, key);
                let holds = fits.is_some() && key == fits;
                let claims_nothing = binding.is_empty() && device.is_empty();
                if holds || claims_nothing {
                    assert_eq!(confirmed, unbound, "{claims:?} {key:?}");
                } else {
                    assert_eq!(confirmed, DeviceIdentity::Invalid, "{claims:?} {key:?}");
                }
            }
        }
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "\\PC{0,40}".prop_map(Into::into),
        Just(DEVICE.into()),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            prop::collection::hash_map("[a-z]{1,4}", inner, 0..3)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_the_claim_is_only_a_guid_is_present(value in any_json()) {
        let identity = entra(&format!(r#","deviceid":{value}"#));
        let guid = value.as_str().and_then(|text| text.parse().ok());
        prop_assert_eq!(identity, guid.map_or(DeviceIdentity::Invalid, DeviceIdentity::Present));
    }
}
