//! Where an issuer's keys come from.

use std::sync::Arc;

use bytes::Bytes;
use clock::Clock;
use entra_auth::http::HttpClient;
use http::{Request, StatusCode};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{IssuerSpec, keys::KeySet};

/// Reads the keys of one issuer, by way of its metadata.
#[derive(Clone, Debug)]
pub(super) struct Discovery {
    pub(super) spec: IssuerSpec,
    pub(super) http: HttpClient,
    pub(super) clock: Arc<dyn Clock>,
}

impl Discovery {
    /// The keys as they are now; `None`, and a line in the log, if they can't be had.
    pub(super) async fn fetch(&self) -> Option<KeySet> {
        let fetched_at = self.clock.now();
        let metadata: Metadata = self.get(&self.spec.discovery_url()).await?;
        if metadata.issuer != self.spec.issuer {
            tracing::error!(
                issuer = self.spec.issuer,
                "the issuer's metadata names another issuer"
            );
            return None;
        }
        let encrypted = self.spec.issuer.starts_with("https:");
        if encrypted && !metadata.jwks_uri.starts_with("https:") {
            tracing::error!(
                issuer = self.spec.issuer,
                "the issuer's keys are not served over https"
            );
            return None;
        }
        let set: Set = self.get(&metadata.jwks_uri).await?;
        // A key of a kind that isn't known here must not hide the others.
        let keys = set
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok());
        Some(KeySet {
            fetched_at,
            keys: keys.filter(is_for_signatures).collect(),
        })
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Option<T> {
        let request = Request::get(url)
            .header("Accept", "application/json")
            .body(Bytes::new())
            .ok()?;
        let response = match self.http.send(request).await {
            Ok(response) if response.status() == StatusCode::OK => response,
            Ok(response) => {
                let status = response.status().as_u16();
                tracing::warn!(
                    issuer = self.spec.issuer,
                    status,
                    "the issuer's keys can't be had"
                );
                return None;
            }
            Err(error) => {
                tracing::warn!(issuer = self.spec.issuer, %error, "the issuer's keys can't be had");
                return None;
            }
        };
        serde_json::from_slice(response.body()).ok()
    }
}

fn is_for_signatures(key: &Jwk) -> bool {
    let asymmetric = matches!(
        key.algorithm,
        AlgorithmParameters::RSA(_)
            | AlgorithmParameters::EllipticCurve(_)
            | AlgorithmParameters::OctetKeyPair(_)
    );
    asymmetric && key.common.public_key_use != Some(PublicKeyUse::Encryption)
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}
