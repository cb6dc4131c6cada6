//! The AADSTS codes that an app-only client may meet: status, `error` and words.
//!
//! Meanings are those of Microsoft's reference of error codes. A status that no dump shows is a choice.

/// What an error usually is.
pub(crate) struct Usual {
    pub(crate) status: u16,
    pub(crate) error: &'static str,
    pub(crate) text: &'static str,
    pub(crate) suberror: Option<&'static str>,
    pub(crate) claims: Option<&'static str>,
}

const CLIENT: (u16, &str) = (401, "invalid_client");
const REQUEST: (u16, &str) = (400, "invalid_request");
const UNAUTHORIZED: (u16, &str) = (400, "unauthorized_client");
const SCOPE: (u16, &str) = (400, "invalid_scope");
const RESOURCE: (u16, &str) = (400, "invalid_resource");
const GRANT: (u16, &str) = (400, "invalid_grant");
const LATER: (u16, &str) = (503, "temporarily_unavailable");
const THROTTLED: (u16, &str) = (429, "temporarily_unavailable");

/// The usual form of an error; of an unknown code, a request that can't be helped.
pub(crate) fn usual(code: u32) -> Usual {
    let found = CODES.iter().find(|(known, ..)| *known == code);
    let ((status, error), text) = found
        .map_or((REQUEST, "An error has occurred."), |(_, form, text)| {
            (*form, *text)
        });
    let blocked = code == 53003;
    Usual {
        status,
        error,
        text,
        suberror: blocked.then_some("message_only"),
        claims: blocked.then_some(
            r#"{"access_token":{"capolids":{"essential":true,"values":["b0f41c9a-6d3c-4f0f-9a63-0f5d2f2f6a11"]}}}"#,
        ),
    }
}

type Code = (u32, (u16, &'static str), &'static str);

#[rustfmt::skip]
const CODES: &[Code] = &[
    // The secret.
    (7_000_215, CLIENT, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to the app."),
    (7_000_222, CLIENT, "The provided client secret keys are expired. Visit the Azure portal to create new keys for your app, or consider using certificate credentials for added security."),
    (7_000_218, CLIENT, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."),
    (900_144, REQUEST, "The request body must contain the following parameter."),
    // The client assertion.
    (700_027, CLIENT, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]"),
    (50012, CLIENT, "Client assertion contains an invalid signature."),
    (50013, CLIENT, "Assertion failed validation."),
    (50027, REQUEST, "JWT token is invalid or malformed."),
    (50098, REQUEST, "JWT body must contain the claim."),
    (700_021, CLIENT, "Client assertion application identifier doesn't match 'client_id' parameter."),
    (700_023, CLIENT, "Client assertion audience claim does not match Realm issuer."),
    (700_024, CLIENT, "Client assertion is not within its valid time range."),
    (5_002_741, REQUEST, "Number of audience values in the provided client credential exceed maximum allowed."),
    (7_000_213, CLIENT, "Invalid certificate chain."),
    (7_000_214, CLIENT, "Certificate has been revoked."),
    (1_000_502, CLIENT, "The provided certificate is not within its specified validity window."),
    (700_030, CLIENT, "Invalid certificate - subject name in certificate is not authorized."),
    // The federated identity.
    (70021, REQUEST, "No matching federated identity record found for presented assertion."),
    (700_211, CLIENT, "No matching federated identity record found for presented assertion issuer."),
    (700_212, CLIENT, "No matching federated identity record found for presented assertion audience."),
    (700_213, CLIENT, "No matching federated identity record found for presented assertion subject."),
    (7_002_138, CLIENT, "No matching federated identity record found for presented assertion subject. The subject matches with case-insensitive comparison, but not with case-sensitive comparison."),
    // The application and its tenant.
    (700_016, UNAUTHORIZED, "Application was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant."),
    (7_000_112, UNAUTHORIZED, "Application is disabled."),
    (70001, UNAUTHORIZED, "Application is disabled or was not found in the directory."),
    (70003, (400, "unsupported_grant_type"), "The app requested an unsupported grant type."),
    (90002, REQUEST, "Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."),
    (90038, REQUEST, "The tenant belongs to another national cloud."),
    (900_382, REQUEST, "Confidential Client is not supported in Cross Cloud request."),
    (900_432, REQUEST, "Confidential Client is not supported in Cross Cloud request."),
    (100_007, REQUEST, "Only managed identities and first-party applications may use the regional endpoint."),
    (9_002_313, REQUEST, "Invalid request. Request is malformed or invalid."),
    // The scope and its resource.
    (70011, SCOPE, "The provided value for the input parameter 'scope' is not valid."),
    (1_002_012, SCOPE, "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."),
    (28002, SCOPE, "Provided value for the input parameter scope isn't valid when requesting an access token."),
    (700_022, SCOPE, "The provided value for the input parameter scope isn't valid because it contains more than one resource."),
    (500_011, RESOURCE, "The resource principal was not found in the tenant."),
    (50001, RESOURCE, "The resource was not found in the tenant or is disabled."),
    (650_057, RESOURCE, "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration."),
    // Policies.
    (53003, GRANT, "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."),
    (530_032, GRANT, "Access has been blocked by Conditional Access policies on security policy."),
    (530_035, GRANT, "Access has been blocked by security defaults."),
    // Too much, and too early.
    (50196, GRANT, "The server terminated an operation because it encountered a client request loop."),
    (90055, THROTTLED, "The tenant is throttled due to too many requests."),
    (90033, LATER, "A transient error has occurred. Please try again."),
    (90006, LATER, "The service is temporarily unavailable. Please try again."),
    (90012, LATER, "The request has timed out. Please try again."),
    (90024, LATER, "The request budget has been exceeded, a transient error. Please try again."),
    (90090, LATER, "A transient error has occurred in the directory. Please try again."),
    (50033, LATER, "A retryable error has occurred. Please try again."),
    (90036, (500, "server_error"), "An unexpected, non-retryable error has occurred in the directory."),
    (90092, (500, "server_error"), "A non-retryable error has occurred in the directory."),
];
