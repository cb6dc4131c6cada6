//! Keys of an issuer, and tokens made with them: well-formed or not.

use std::{
    fmt::Display,
    sync::{Arc, LazyLock},
};

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, jwk::Jwk};
use serde_json::{Value, json};

/// What precedes the PKCS#1 key in a PKCS#8 key of RSA with 2048 bits.
const PKCS8_PREFIX: usize = 26;

static POOL: [LazyLock<Arc<SigningKey>>; 3] = [
    LazyLock::new(|| SigningKey::generate("key-1")),
    LazyLock::new(|| SigningKey::generate("key-2")),
    LazyLock::new(|| SigningKey::generate("key-3")),
];

/// The first, second or third key; made when first asked for.
pub(crate) fn key(number: usize) -> Arc<SigningKey> {
    Arc::clone(POOL.get(number - 1).unwrap())
}

/// An RSA key that signs as RS256.
pub(crate) struct SigningKey {
    pub(crate) kid: &'static str,
    pair: RsaKeyPair,
}

impl SigningKey {
    fn generate(kid: &'static str) -> Arc<Self> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        Arc::new(Self { kid, pair })
    }

    /// As it stands in a JWK set.
    pub(crate) fn public(&self) -> Value {
        let pkcs8: Pkcs8V1Der<'_> = self.pair.as_der().unwrap();
        let key = EncodingKey::from_rsa_der(pkcs8.as_ref().get(PKCS8_PREFIX..).unwrap());
        let jwk = Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap();
        let mut jwk = json!(jwk);
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The public key's bytes, which anybody has.
    pub(crate) fn public_bytes(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// A token with this header and these claims, as RS256 whatever the header says.
    pub(crate) fn sign(&self, header: &impl Display, claims: &str) -> String {
        let signed = unsigned(header, claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                signed.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The header of an ordinary token.
    pub(crate) fn header(&self) -> Value {
        json!({"typ": "JWT", "alg": "RS256", "kid": self.kid})
    }
}

/// What is signed of a token.
pub(crate) fn unsigned(header: &impl Display, claims: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims))
}
