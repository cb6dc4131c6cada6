//! How app-only tokens are issued, and when they end.

use super::Tenant;
use crate::time;

impl Tenant {
    /// Sets the lifetime in seconds of app-only tokens issued from now on; 0 is expired at once.
    pub fn set_token_lifetime(&self, seconds: u32) {
        self.state().tokens.lifetime = seconds;
    }

    /// Sets the lifetime in seconds of tokens under continuous access evaluation; 24 hours by default.
    ///
    /// Those are the tokens that a client asks for with the capability `cp1` in `claims`.
    pub fn set_cae_token_lifetime(&self, seconds: u32) {
        self.state().tokens.cae_lifetime = seconds;
    }

    /// Sets the `refresh_in` of every token, in seconds.
    ///
    /// With none, the default, only tokens of two hours or more have one: half their lifetime.
    pub fn set_refresh_in(&self, seconds: Option<u32>) {
        self.state().tokens.refresh_in = seconds;
    }

    /// Sends the numbers of a token's answer as texts, such as `"3599"`, as older endpoints do.
    pub fn set_numbers_as_text(&self, as_text: bool) {
        self.state().tokens.numbers_as_text = as_text;
    }

    /// Sets whether a client assertion is refused that was presented before, by its `jti`; so by default.
    ///
    /// Entra ID lets an assertion be used until it ends, and MSAL for Python uses one for nine minutes.
    pub fn set_refuse_replays(&self, refuse: bool) {
        self.state().tokens.refuse_replays = refuse;
    }

    /// Revokes access, as a continuous access evaluation event does.
    ///
    /// Graph answers tokens under that evaluation that were issued before with a claims challenge; other
    /// tokens live on until they expire.
    pub fn revoke_sessions(&self) {
        let mut state = self.state();
        state.revocation.count += 1;
        state.revocation.at = time::now().timestamp();
    }
}
