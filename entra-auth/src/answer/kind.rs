//! What kind of failure an answer is: by its status first, then by the OAuth `error`, then by Microsoft's numbers.
//!
//! Numbers only refine what is permanent by its status, or tell that it isn't: Microsoft changes them at will
//! ([error codes](https://learn.microsoft.com/entra/identity-platform/reference-error-codes)).

use crate::TokenErrorKind::{self as Kind};

pub(super) fn kind(status: u16, error: Option<&str>, codes: &[u32]) -> Kind {
    match (status, error) {
        (200..300, _) => return Kind::MalformedAnswer,
        (300..400, _) => return Kind::Configuration,
        (429, _) => return Kind::Throttled,
        (408 | 500.., _) | (_, Some("temporarily_unavailable")) => return Kind::Unavailable,
        _ => {}
    }
    let by_code = codes.iter().find_map(|code| by_code(*code));
    by_code.unwrap_or(match (status, error) {
        (_, Some("invalid_client")) | (401, None) => Kind::InvalidCredential,
        (_, Some("unauthorized_client")) => Kind::UnknownApplication,
        (_, Some("invalid_scope" | "invalid_resource")) => Kind::InvalidScope,
        (_, Some("interaction_required")) => Kind::DeniedByPolicy,
        (_, Some("unsupported_grant_type")) => Kind::Configuration,
        _ => Kind::Refused,
    })
}

const fn by_code(code: u32) -> Option<Kind> {
    Some(match code {
        7_000_222 | 1_000_502 => Kind::ExpiredCredential,
        7_000_215
        | 700_027
        | 50_012
        | 700_024
        | 7_000_214
        | 700_030
        | 70_021
        | 700_211..=700_213 => Kind::InvalidCredential,
        90_002 => Kind::UnknownTenant,
        90_038 | 900_382 | 900_432 => Kind::WrongCloud,
        700_016 | 70_001 | 7_000_112 => Kind::UnknownApplication,
        70_011 | 1_002_012 | 28_002 | 700_022 | 500_011 | 50_001 | 650_057 => Kind::InvalidScope,
        53_003 | 530_032 | 530_035 => Kind::DeniedByPolicy,
        7_000_218 | 900_144 | 100_007 => Kind::Configuration,
        50_196 | 90_055 => Kind::Throttled,
        90_033 | 90_006 | 90_024 | 90_012 | 90_090 | 50_033 => Kind::Unavailable,
        _ => return None,
    })
}

/// What to check, where a number tells more than the kind.
pub(super) const fn message(code: u32) -> Option<&'static str> {
    Some(match code {
        7_000_215 => {
            "the client secret was rejected: check that it is the secret's value, not its ID"
        }
        7_000_222 => "the client secret has expired: create a new one",
        1_000_502 => "the certificate has expired, or is not valid yet: create a new one",
        700_027 | 50_012 => {
            "the certificate was rejected: check that it is registered for this application"
        }
        7_000_214 => "the certificate is revoked: create a new one",
        700_030 => "the certificate's subject name is not one that the application trusts",
        700_024 => {
            "the assertion is out of its time: check this machine's clock, and the token's file"
        }
        70_021 | 700_211..=700_213 => {
            "no federated credential of the application has the token's issuer, subject and audience"
        }
        50_196 => {
            "the application asks for the same token in a loop: keep tokens and use them again"
        }
        100_007 => "the authority is regional, which is for Microsoft's own applications only",
        _ => return None,
    })
}

/// The national cloud that a refusal says the tenant is in, by the names that Microsoft has for it.
pub(super) fn cloud_named_in(description: &str) -> &'static str {
    const CLOUDS: [(&str, &[&str]); 3] = [
        (
            "a US Government cloud (`us-gov-high` or `us-gov-dod`)",
            &["microsoftonline.us", "usgov", "us government", "arlington"],
        ),
        (
            "the cloud in China (`china`)",
            &[
                "microsoftonline.cn",
                "chinacloudapi.cn",
                "china",
                "mooncake",
            ],
        ),
        (
            "the worldwide cloud (`global`)",
            &["microsoftonline.com", "worldwide", "azurecloud", "public"],
        ),
    ];
    let description = description.to_ascii_lowercase();
    // Before these words comes the tenant, which may be called like a cloud.
    let description = description
        .split_once("belongs to")
        .map_or(description.as_str(), |(_, cloud)| cloud);
    // The tenant's cloud is named before the one that was asked.
    let named = CLOUDS.iter().filter_map(|(cloud, names)| {
        let places = names.iter().filter_map(|name| description.find(name));
        Some((places.min()?, *cloud))
    });
    named.min().map_or("another one", |(_, cloud)| cloud)
}
