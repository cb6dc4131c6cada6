use serde::Serialize;
use url::Url;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What [RFC 9728](https://www.rfc-editor.org/rfc/rfc9728) has clients know of this resource; serialises as that.
#[derive(Clone, Debug, Serialize)]
pub struct ProtectedResourceMetadata {
    resource: Url,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_servers: Vec<String>,
    scopes_supported: [&'static str; 3],
    bearer_methods_supported: [&'static str; 1],
    resource_name: &'static str,
    #[serde(skip)]
    path: String,
}

impl ProtectedResourceMetadata {
    pub(super) fn new(resource: Url, authorization_servers: Vec<String>) -> Self {
        let path = match resource.path() {
            "/" => WELL_KNOWN.to_owned(),
            path => format!("{WELL_KNOWN}{path}"),
        };
        Self {
            resource,
            authorization_servers,
            scopes_supported: ["READ", "PROPOSE", "MUTATE"],
            bearer_methods_supported: ["header"],
            resource_name: "Microsoft Intune devices",
            path,
        }
    }

    /// Where it is to be published, without a token: `/.well-known/oauth-protected-resource` and the resource's
    /// own path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same as a URL, which is what challenges name.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "{}{}",
            self.resource.origin().ascii_serialization(),
            self.path
        )
    }
}
