//! An agent, which has no device, and the token of whoever it acts for.

use compliance_gate::{Delegates, PolicyLayer};
use intune_sim::{Sim, UserToken};
use serde_json::json;

use super::{cast, walk::Walk};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Judges agents by the device of whoever they act for, and lets nobody in without one.
pub(super) const TEMPLATE: &str = "agents";

pub(super) fn policy() -> PolicyLayer {
    let layer = PolicyLayer::new().required(true).strict(true);
    layer.delegates(Delegates::DelegatorDevice)
}

pub(super) async fn delegates(host: &mut Walk, sim: &Sim) -> Result<(), Failure> {
    let laptop = cast::device(sim, "LAPTOP-21", "compliant");
    let lost = cast::device(sim, "LAPTOP-22", "noncompliant");
    let of_agent = |token: UserToken| token.claim("act", json!({"sub": "agent-7"}));
    let agent = || sim.mint(of_agent(cast::token()));
    let with_device = sim.mint(of_agent(cast::on(&lost)));
    let adeles = || sim.mint(cast::on(&laptop));

    let denied = (403, "no_device_identity", "-");
    let case = ("4", "an agent of Adele's, strict");
    host.ask(case, TEMPLATE, Some(agent()), denied).await?;
    for (case, agent, theirs, expected) in [
        (
            ("13", "the same, with Adele's token"),
            agent(),
            adeles(),
            (200, "compliant", "live"),
        ),
        (
            ("14", "an agent with a device of its own"),
            with_device,
            adeles(),
            (403, "noncompliant", "live"),
        ),
        (
            ("-", "an agent with somebody else's token"),
            agent(),
            cast::bens_phone(sim).1,
            (401, "invalid_token", "-"),
        ),
    ] {
        host.ask_for(case, TEMPLATE, agent, theirs, expected)
            .await?;
    }
    Ok(())
}
