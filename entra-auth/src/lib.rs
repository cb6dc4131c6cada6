#![doc = include_str!("../README.md")]

mod answer;
mod builder;
mod cache;
mod claims;
mod client;
mod cloud;
mod config;
mod credential;
mod endpoint;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
mod ids;
mod options;
mod provider;
mod request;
mod retry;
mod scope;
mod status;
mod throttle;
mod token;

pub use builder::{BuildEntraClientError, EntraClientBuilder};
pub use claims::ClaimsChallenge;
pub use client::EntraClient;
pub use cloud::{Cloud, ParseCloudError};
pub use config::EntraConfig;
pub use credential::{
    AssertionRequest, CertificateError, CertificateFile, ClientCertificate, Credential,
    CredentialSource,
};
pub use error::{TokenError, TokenErrorKind};
pub use ids::{ClientId, ParseIdError, TenantId};
pub use options::TokenOptions;
pub use provider::TokenProvider;
pub use retry::RetryPolicy;
pub use scope::{ParseScopeError, Scope};
pub use status::TokenStatus;
pub use token::AccessToken;

#[doc = include_str!("guide.md")]
pub mod guide {
    #[expect(unused_imports, reason = "the guide links to them")]
    use super::*;
}
