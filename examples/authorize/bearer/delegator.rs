use super::{Rejection, VerifiedToken, Verifier};

/// One answer, whatever is wrong with it: it tells an agent nothing of a token that isn't its own.
const REFUSED: Rejection = Rejection::Invalid("the delegator's token is not accepted");

impl Verifier {
    /// Verifies a token as [`verify`](Self::verify) does, and that it is the own token of the principal for whom the
    /// bearer of `agents` acts: of the same issuer and subject, and no agent's.
    ///
    /// # Errors
    ///
    /// It isn't accepted, with one message for every reason, or nobody knows.
    pub async fn verify_delegator(
        &self,
        token: &str,
        agents: &VerifiedToken,
    ) -> Result<VerifiedToken, Rejection> {
        let token = self.verify(token).await.map_err(|rejection| {
            if let Rejection::Invalid(why) = rejection {
                tracing::debug!(why, "a delegator's token is refused");
                return REFUSED;
            }
            rejection
        })?;
        if token.is_of_delegator_of(agents) {
            return Ok(token);
        }
        tracing::debug!("a delegator's token is refused: it is another's, or an agent's");
        Err(REFUSED)
    }
}

impl VerifiedToken {
    /// Whether it is an agent's, acting for the principal or with an account of its own.
    #[must_use]
    pub fn is_of_agent(&self) -> bool {
        self.principal.delegate().is_some()
    }

    fn is_of_delegator_of(&self, agents: &Self) -> bool {
        let (own, theirs) = (&self.principal, &agents.principal);
        let is_same = own.issuer() == theirs.issuer() && own.subject() == theirs.subject();
        is_same && agents.is_of_agent() && !self.is_of_agent()
    }
}
