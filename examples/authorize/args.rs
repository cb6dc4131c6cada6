//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;
use url::Url;

use crate::bearer::IssuerSpec;

/// The reference host of the Intune crates: issues Authorization Contexts, gated on device compliance.
///
/// Without ENTRA_* and INTUNE_* variables it starts a simulated tenant, walks a scenario through its own
/// HTTP endpoint, prints what happened, and verifies the Chronicle file it wrote. With them it serves that tenant's users.
#[derive(Clone, Debug, Parser)]
#[command(name = "authorize")]
pub struct Args {
    /// Serve, with or without a tenant in the environment; the first line of standard output is `listening on http://ADDR`
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    pub serve: Option<SocketAddr>,

    /// Check the settings, the application's permissions and the tenant, say what to fix, and exit with 0 or 1
    #[arg(long, conflicts_with = "serve")]
    pub check: bool,

    /// Where to write the Chronicle [default: a new file in the system's temporary directory]
    #[arg(long, value_name = "PATH")]
    pub chronicle: Option<PathBuf>,

    /// An issuer whose tokens are accepted, repeatable; `URL` is Entra ID, `URL=keycloak:CLAIM` names the
    /// claim with the device's Entra id [default: the tenant]
    #[arg(long = "issuer", value_name = "URL[=keycloak:CLAIM]")]
    pub issuers: Vec<IssuerSpec>,

    /// Where clients reach this host, for `/mcp` [default: the address that it listens on]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<Url>,

    /// The role that a token's `roles` must have for its bearer to decide about ceremonies
    #[arg(long, value_name = "ROLE", default_value = Self::APPROVER_ROLE)]
    pub approver_role: String,

    /// The audience that tokens must be for [default: the application's client id]
    #[arg(long, value_name = "AUD")]
    pub audience: Option<String>,
}

impl Args {
    /// The role of those who decide about ceremonies, unless another is named.
    pub const APPROVER_ROLE: &str = "ceremony-approver";
}

/// What the program does without any argument.
impl Default for Args {
    fn default() -> Self {
        Self {
            serve: None,
            check: false,
            chronicle: None,
            issuers: Vec::new(),
            public_url: None,
            approver_role: Self::APPROVER_ROLE.to_owned(),
            audience: None,
        }
    }
}
