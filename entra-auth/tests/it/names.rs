//! Values that can't be wrong once they exist.

use entra_auth::{
    ClientId, Cloud, Scope, TenantId,
    http::{ParseServiceUrlError, ServiceUrl},
};
use proptest::prelude::*;
use url::Url;

#[test]
fn a_service_is_https_or_loopback() {
    for (text, normal) in [
        (
            "https://login.microsoftonline.com",
            "https://login.microsoftonline.com/",
        ),
        (
            "https://Graph.Microsoft.com:443/v1.0",
            "https://graph.microsoft.com/v1.0/",
        ),
        (
            "https://graph.microsoft.com/v1.0/",
            "https://graph.microsoft.com/v1.0/",
        ),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443/"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("http://127.255.0.9/a", "http://127.255.0.9/a/"),
        ("http://[::1]:80", "http://[::1]/"),
        ("http://LOCALHOST", "http://localhost/"),
    ] {
        let url: ServiceUrl = text.parse().unwrap();
        assert_eq!(url.to_string(), normal);
        assert_eq!(url.to_string().parse::<ServiceUrl>().unwrap(), url);
    }
}

#[test]
fn anything_else_is_not_a_service() {
    use ParseServiceUrlError::*;
    for (text, problem) in [
        ("", NotAUrl),
        ("login.microsoftonline.com", NotAUrl),
        ("//login.microsoftonline.com", NotAUrl),
        ("/path", NotAUrl),
        ("https://", NotAUrl),
        (" https://example.com", NotAUrl),
        ("https://exa\tmple.com", NotAUrl),
        ("https:\\\\example.com", NotAUrl),
        ("http://example.com", Insecure),
        ("http://127.0.0.1.evil.example", Insecure),
        ("http://localhost.evil", Insecure),
        ("http://evil.localhost", Insecure),
        ("http://localhost.", Insecure),
        ("http://128.0.0.1", Insecure),
        ("http://0.0.0.0", Insecure),
        ("http://10.0.0.1", Insecure),
        ("http://169.254.169.254", Insecure),
        ("http://[::]", Insecure),
        ("http://[::ffff:127.0.0.1]", Insecure),
        ("ftp://127.0.0.1", Insecure),
        ("file:///etc/passwd", Insecure),
        ("data:text/plain,x", Insecure),
        ("https://user@example.com", UserInfo),
        ("https://user:password@example.com", UserInfo),
        ("https://:password@example.com", UserInfo),
        ("http://127.0.0.1@evil.example", UserInfo),
        ("https://example.com?a=b", QueryOrFragment),
        ("https://example.com/?", QueryOrFragment),
        ("https://example.com/#a", QueryOrFragment),
    ] {
        assert_eq!(text.parse::<ServiceUrl>(), Err(problem), "{text}");
        assert!(ServiceUrl::try_from(text).is_err());
    }
}

#[test]
fn joining_keeps_path_and_origin() {
    let graph: ServiceUrl = "https://graph.microsoft.com/v1.0".parse().unwrap();
    let joined = graph
        .join("deviceManagement/managedDevices?$top=5")
        .unwrap();
    assert_eq!(
        joined.as_str(),
        "https://graph.microsoft.com/v1.0/deviceManagement/managedDevices?$top=5"
    );
    for away in [
        "//evil.example/",
        "https://evil.example/",
        "http://graph.microsoft.com/v1.0/users",
        "https://graph.microsoft.com:444/",
        "https://user@graph.microsoft.com/",
        "\\\\evil.example",
        "javascript:alert(1)",
    ] {
        assert!(graph.join(away).is_err(), "{away}");
    }
}

#[test]
fn origins_are_compared_by_scheme_host_and_port() {
    let graph: ServiceUrl = "https://graph.microsoft.com/v1.0".parse().unwrap();
    let same = |text: &str| graph.same_origin(&Url::parse(text).unwrap());
    assert!(same("https://graph.microsoft.com:443/beta?$skiptoken=x"));
    assert!(!same("http://graph.microsoft.com/v1.0/"));
    assert!(!same("https://graph.microsoft.com:8443/v1.0/"));
    assert!(!same("https://graph.microsoft.com.evil.example/v1.0/"));
    assert!(!same("https://graph.microsoft.com@evil.example/"));
    assert!(!same("https://user@graph.microsoft.com/"));
    assert!(!same("data:text/plain,x"));
}

#[test]
fn a_tenant_is_a_guid_or_a_domain() {
    let guid: TenantId = "C1F1AB6E-8F83-4B5F-93F1-0F2BA3A6E0B1".parse().unwrap();
    assert!(guid.is_guid());
    assert_eq!(guid.as_str(), "c1f1ab6e-8f83-4b5f-93f1-0f2ba3a6e0b1");
    let domain: TenantId = "Contoso.onmicrosoft.com".parse().unwrap();
    assert!(!domain.is_guid());
    assert_eq!(domain.to_string(), "contoso.onmicrosoft.com");
    for text in [
        "",
        "common",
        "Organizations",
        "consumers",
        ".",
        "..",
        "a..b",
        ".a.b",
        "a.b.",
        "-a.b",
        "a-.b",
        "contoso",
        "a/b.c",
        "a.b?",
        "a.b#",
        "a%2e.b",
        "ä.de",
        "contoso.com ",
        "{c1f1ab6e-8f83-4b5f-93f1-0f2ba3a6e0b1}",
        "c1f1ab6e8f834b5f93f10f2ba3a6e0b1",
    ] {
        assert!(text.parse::<TenantId>().is_err(), "{text}");
    }
}

#[test]
fn ids_pass_through_serde() {
    let tenant: TenantId = serde_json::from_str(r#""contoso.com""#).unwrap();
    assert_eq!(serde_json::to_string(&tenant).unwrap(), r#""contoso.com""#);
    assert!(serde_json::from_str::<TenantId>(r#""common""#).is_err());
    assert!(serde_json::from_str::<ClientId>(r#""contoso.com""#).is_err());
    assert!(serde_json::from_str::<ClientId>("7").is_err());
}

#[test]
fn a_scope_is_one_resource_and_default() {
    for text in [
        "https://graph.microsoft.com/.default",
        "api://6731de76-14a6-49ae-97bc-6eba6914391e/.default",
        "6731de76-14a6-49ae-97bc-6eba6914391e/.default",
        "https://vault.azure.net//.default",
    ] {
        assert_eq!(text.parse::<Scope>().unwrap().as_str(), text);
    }
    for text in [
        "",
        "/.default",
        ".default",
        "User.Read",
        "https://graph.microsoft.com/.default ",
        "https://graph.microsoft.com/.Default",
        "https://graph.microsoft.com/User.Read",
        "https://a/.default https://b/.default",
        "a\n/.default",
        "ä/.default",
    ] {
        assert!(text.parse::<Scope>().is_err(), "{text}");
    }
}

#[test]
fn every_cloud_has_its_own_name_and_authority() {
    for (name, authority) in [
        ("global", "https://login.microsoftonline.com/"),
        ("us-gov-high", "https://login.microsoftonline.us/"),
        ("us-gov-dod", "https://login.microsoftonline.us/"),
        ("china", "https://login.partner.microsoftonline.cn/"),
    ] {
        let cloud: Cloud = name.parse().unwrap();
        assert_eq!(cloud.to_string(), name);
        assert_eq!(cloud.authority().to_string(), authority);
    }
    assert!("Global".parse::<Cloud>().is_err());
    assert!("germany".parse::<Cloud>().is_err());
}

proptest! {
    #[test]
    fn whatever_parses_is_confidential_and_stable(text in "(https?|ftp)://[a-z0-9.@:\\[\\]/?#%-]{0,40}") {
        if let Ok(service) = text.parse::<ServiceUrl>() {
            let url = service.as_url();
            prop_assert!(url.scheme() == "https" || matches!(url.host_str(), Some("localhost" | "[::1]")) || url.host_str().unwrap().starts_with("127."));
            prop_assert!(url.path().ends_with('/') && url.query().is_none() && url.fragment().is_none());
            prop_assert!(url.username().is_empty() && url.password().is_none());
            prop_assert_eq!(service.to_string().parse::<ServiceUrl>(), Ok(service));
        }
    }

    #[test]
    fn no_join_leaves_the_origin(relative in "\\PC{0,40}") {
        let graph: ServiceUrl = "https://graph.microsoft.com/v1.0".parse().unwrap();
        if let Ok(url) = graph.join(&relative) {
            prop_assert!(url.as_str().starts_with("https://graph.microsoft.com/"), "{}", url);
        }
    }

    #[test]
    fn a_tenant_stays_one_segment_of_a_path(text in "[0-9A-Za-z./%-]{0,40}") {
        if let Ok(tenant) = text.parse::<TenantId>() {
            let authority = Cloud::Global.authority();
            let url = authority.join(&format!("{tenant}/oauth2/v2.0/token")).unwrap();
            prop_assert_eq!(url.path(), format!("/{tenant}/oauth2/v2.0/token"));
        }
    }
}
