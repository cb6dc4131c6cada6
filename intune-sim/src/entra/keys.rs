//! Signing keys: fresh at every start, never written anywhere.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;

/// An RSA key that signs tokens.
pub(crate) struct SigningKey {
    pub(crate) kid: String,
    /// Modulus and exponent in base64url, as a key set publishes them.
    pub(crate) modulus: String,
    pub(crate) exponent: String,
    pub(crate) decoding: DecodingKey,
    pair: RsaKeyPair,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl SigningKey {
    fn generate() -> Result<Self, Failure> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        Ok(Self {
            kid: URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &public.n)),
            modulus: URL_SAFE_NO_PAD.encode(&public.n),
            exponent: URL_SAFE_NO_PAD.encode(&public.e),
            decoding: DecodingKey::from_rsa_raw_components(&public.n, &public.e),
            pair,
        })
    }

    #[expect(
        clippy::expect_used,
        reason = "only a broken random source stops key generation"
    )]
    fn make() -> Arc<Self> {
        Arc::new(Self::generate().expect("an RSA key can be made"))
    }

    /// PKCS#1 `RSAPublicKey`, DER.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    /// The JWT of a header and a payload, both signed as they are.
    #[expect(
        clippy::expect_used,
        reason = "the key was made here, for this algorithm"
    )]
    pub(crate) fn sign(&self, header: &str, payload: &str) -> String {
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .expect("an RSA key signs");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The keys of the three issuers.
pub(crate) struct KeyRing {
    current: Mutex<Current>,
    wrong: OnceLock<Arc<SigningKey>>,
}

struct Current {
    entra: Arc<SigningKey>,
    keycloak: Arc<SigningKey>,
    /// Made when it's first needed.
    kubernetes: Option<Arc<SigningKey>>,
    /// Entra keys no longer published: app-only tokens that they signed live on.
    retired: Vec<Arc<SigningKey>>,
}

impl KeyRing {
    pub(crate) fn generate() -> Result<Self, Failure> {
        let entra = Arc::new(SigningKey::generate()?);
        let keycloak = Arc::new(SigningKey::generate()?);
        let current = Mutex::new(Current {
            entra,
            keycloak,
            kubernetes: None,
            retired: Vec::new(),
        });
        Ok(Self {
            current,
            wrong: OnceLock::new(),
        })
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn entra(&self) -> Arc<SigningKey> {
        Arc::clone(&self.current().entra)
    }

    pub(crate) fn keycloak(&self) -> Arc<SigningKey> {
        Arc::clone(&self.current().keycloak)
    }

    pub(crate) fn kubernetes(&self) -> Arc<SigningKey> {
        let mut current = self.current();
        Arc::clone(current.kubernetes.get_or_insert_with(SigningKey::make))
    }

    /// A key that no issuer publishes.
    pub(crate) fn wrong(&self) -> Arc<SigningKey> {
        Arc::clone(self.wrong.get_or_init(SigningKey::make))
    }

    /// Every key that has ever signed an app-only token.
    pub(crate) fn honoured(&self) -> Vec<Arc<SigningKey>> {
        let current = self.current();
        current
            .retired
            .iter()
            .chain([&current.entra])
            .map(Arc::clone)
            .collect()
    }

    pub(crate) fn rotate(&self) {
        let (entra, keycloak) = (SigningKey::make(), SigningKey::make());
        let mut current = self.current();
        let old = std::mem::replace(&mut current.entra, entra);
        current.retired.push(old);
        current.keycloak = keycloak;
        current.kubernetes = None;
    }
}
