use compliance_gate::{Claim, TokenClaims};
use serde_json::Value;

/// The agent that acts for whose token it is, or has an account of its own, as far as the token says: `act` of
/// [RFC 8693](https://www.rfc-editor.org/rfc/rfc8693#section-4.1), or
/// [Entra ID's kinds](https://learn.microsoft.com/en-us/entra/agent-id/agent-token-claims) of actor and subject.
pub(super) fn agent(claims: &TokenClaims) -> Option<&str> {
    let actor = claims.claim("act");
    let is_agent = actor != Claim::Absent
        || says_agent(claims, "xms_act_fct")
        || says_agent(claims, "xms_sub_fct");
    let name = match actor {
        Claim::Present(actor) => actor.get("sub").and_then(Value::as_str),
        Claim::Absent | Claim::Repeated => None,
    };
    let application = || claims.text("azp").or_else(|| claims.text("appid"));
    is_agent.then(|| name.or_else(application).unwrap_or("an agent"))
}

/// Whether a list of kinds has that of an agent or of an agent's account in it, or can't be read.
fn says_agent(claims: &TokenClaims, name: &str) -> bool {
    const AGENTS: [&str; 2] = ["11", "13"];
    match (claims.claim(name), claims.text(name)) {
        (Claim::Absent, _) => false,
        (_, Some(kinds)) => kinds.split_whitespace().any(|kind| AGENTS.contains(&kind)),
        (_, None) => true,
    }
}
