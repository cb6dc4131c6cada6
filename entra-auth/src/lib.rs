#![doc = include_str!("../README.md")]

mod answer;
mod builder;
mod cache;
mod client;
mod cloud;
mod config;
mod credential;
mod endpoint;
mod error;
pub mod http;
mod ids;
mod provider;
mod scope;
mod token;

pub use builder::{BuildEntraClientError, EntraClientBuilder};
pub use client::EntraClient;
pub use cloud::{Cloud, ParseCloudError};
pub use config::EntraConfig;
pub use credential::{
    AssertionRequest, CertificateError, CertificateFile, ClientCertificate, Credential,
    CredentialSource,
};
pub use error::{TokenError, TokenErrorKind};
pub use ids::{ClientId, ParseIdError, TenantId};
pub use provider::TokenProvider;
pub use scope::{ParseScopeError, Scope};
pub use token::AccessToken;
