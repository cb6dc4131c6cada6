//! Tokens that need no Entra ID.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use clock::{Clock as _, ManualClock};
use entra_auth::{AccessToken, Scope, TokenError, TokenErrorKind, TokenProvider};
use secrecy::ExposeSecret as _;

/// A source of tokens with a cache and a memory: `canary-token-1`, `canary-token-2`, …; or of another text.
#[derive(Clone, Default)]
pub(crate) struct Tokens(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    issued: usize,
    current: Option<AccessToken>,
    asked: Vec<Scope>,
    invalidated: Vec<(Scope, String)>,
    failure: Option<TokenErrorKind>,
    text: Option<String>,
}

impl Tokens {
    pub(crate) fn failing(kind: TokenErrorKind) -> Self {
        let tokens = Self::default();
        tokens.0.lock().unwrap().failure = Some(kind);
        tokens
    }

    /// Tokens that are this text.
    pub(crate) fn of(text: impl Into<String>) -> Self {
        let tokens = Self::default();
        tokens.0.lock().unwrap().text = Some(text.into());
        tokens
    }

    /// The scopes for which tokens were asked, in order.
    pub(crate) fn asked(&self) -> Vec<Scope> {
        self.0.lock().unwrap().asked.clone()
    }

    /// The tokens reported as rejected, in order.
    pub(crate) fn invalidated(&self) -> Vec<(Scope, String)> {
        self.0.lock().unwrap().invalidated.clone()
    }
}

/// Shows no token, like any good source of them.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl TokenProvider for Tokens {
    async fn token(&self, scope: &Scope) -> Result<AccessToken, TokenError> {
        let mut memory = self.0.lock().unwrap();
        memory.asked.push(scope.clone());
        if let Some(kind) = memory.failure {
            return Err(TokenError::new(kind));
        }
        if let Some(token) = &memory.current {
            return Ok(token.clone());
        }
        memory.issued += 1;
        let token = match &memory.text {
            Some(text) => token(text),
            None => token(&format!("canary-token-{}", memory.issued)),
        };
        memory.current = Some(token.clone());
        Ok(token)
    }

    fn invalidate(&self, scope: &Scope, rejected: &AccessToken) {
        let mut memory = self.0.lock().unwrap();
        let text = rejected.secret().expose_secret().to_owned();
        memory.invalidated.push((scope.clone(), text));
        if memory
            .current
            .as_ref()
            .is_some_and(|current| current.is_same(rejected))
        {
            memory.current = None;
        }
    }
}

pub(crate) fn token(text: &str) -> AccessToken {
    let clock = ManualClock::new("2026-11-23T12:00:00Z".parse().unwrap());
    AccessToken::new(text.into(), clock.now(), Duration::from_secs(3600))
}
