use entra_auth::{Cloud, Scope, http::ServiceUrl};

/// A cloud's Microsoft Graph, version 1.0: where it is, and the scope of tokens for it.
///
/// Roots and scopes are those of
/// [national clouds](https://learn.microsoft.com/graph/deployments); tokens of one cloud are worth nothing in
/// another.
///
/// ```
/// use entra_auth::Cloud;
/// use intune_graph::GraphEndpoint;
///
/// let china = GraphEndpoint::of(Cloud::China);
/// assert_eq!(china.scope().as_str(), "https://microsoftgraph.chinacloudapi.cn/.default");
///
/// // A stand-in on this machine; its tokens are still asked for Graph.
/// let local = GraphEndpoint::of(Cloud::Global).at("http://127.0.0.1:8080".parse()?);
/// assert_eq!(local.root().to_string(), "http://127.0.0.1:8080/v1.0/");
/// assert_eq!(local.scope().as_str(), "https://graph.microsoft.com/.default");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphEndpoint {
    root: ServiceUrl,
    scope: Scope,
}

impl GraphEndpoint {
    /// The Graph of `cloud`.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the texts are constants, and a test parses each"
    )]
    pub fn of(cloud: Cloud) -> Self {
        let host = match cloud {
            Cloud::UsGovHigh => "https://graph.microsoft.us",
            Cloud::UsGovDod => "https://dod-graph.microsoft.us",
            Cloud::China => "https://microsoftgraph.chinacloudapi.cn",
            _ => "https://graph.microsoft.com",
        };
        Self {
            root: format!("{host}/v1.0/").parse().expect("a constant URL"),
            scope: format!("{host}/.default")
                .parse()
                .expect("a constant scope"),
        }
    }

    /// The same Graph at another address, given with or without `/v1.0`.
    #[must_use]
    pub fn at(mut self, root: ServiceUrl) -> Self {
        let versioned = root.as_url().path().ends_with("/v1.0/");
        // The root's path ends with a slash, so joining a segment can't fail or leave the origin.
        let joined = root.join("v1.0/").ok().and_then(|url| url.try_into().ok());
        self.root = joined.filter(|_| !versioned).unwrap_or(root);
        self
    }

    /// The root of version 1.0; ends with `/v1.0/`.
    #[must_use]
    pub const fn root(&self) -> &ServiceUrl {
        &self.root
    }

    /// The scope of tokens for it.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }
}
