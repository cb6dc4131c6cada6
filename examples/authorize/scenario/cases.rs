//! The cases: each row of the decision table that a token can reach, and what doesn't reach the table.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use compliance_gate::{Mode, Policies, PolicyLayer};
use intune_sim::{Fault, FaultKind, KeyChoice, Route, Sim};

use super::{
    agents, cast,
    desk::{Desk, Step},
    operations,
    walk::{Row, Walk},
};
use crate::{args::Args, setup};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Requires compliance, built in.
const REQUIRED: &str = "device-management";
/// Requires it, and a device with it.
const STRICT: &str = "payments";
/// Requires nothing.
const OPEN: &str = "read-only";
/// Only reports.
const REPORTED: &str = "pilot";

fn policies() -> Result<Policies, Failure> {
    Ok(Policies::builder()
        .template(
            STRICT.parse()?,
            PolicyLayer::new().required(true).strict(true),
        )
        .template(
            REPORTED.parse()?,
            PolicyLayer::new().required(true).mode(Mode::ReportOnly),
        )
        .template(agents::TEMPLATE.parse()?, agents::policy())
        .global(setup::demanding())
        .build()?)
}

/// What happened.
pub(super) struct Story {
    /// The requests for an Authorization Context.
    pub(super) rows: Vec<Row>,
    /// The operations.
    pub(super) steps: Vec<Step>,
    /// Where the Chronicle is.
    pub(super) chronicle: PathBuf,
}

/// Walks through all cases.
pub(super) async fn walk(sim: &Sim, chronicle: Option<&Path>) -> Result<Story, Failure> {
    let path = chronicle.map_or_else(setup::new_chronicle, Path::to_owned);
    let args = Args {
        chronicle: Some(path.clone()),
        ..Args::default()
    };
    let off = Walk::start(setup::with_policies(sim, &args, Policies::disabled())?).await?;
    let mut rows = gate_off(off, sim).await?;

    let setup = setup::with_policies(sim, &args, policies()?)?;
    let connector = setup
        .host
        .operations
        .clone()
        .ok_or("no connector")?
        .connector;
    let mut desk = Desk::new(connector, Arc::clone(&setup.host.issuer));
    let mut host = Walk::start(setup).await?;
    without_look_up(&mut host, sim).await?;
    outage_and_recovery(&mut host, sim).await?;
    devices(&mut host, sim).await?;
    agents::delegates(&mut host, sim).await?;
    tokens(&mut host, sim).await?;
    operations::read(&mut desk, &mut host, sim).await?;
    operations::lock(&mut desk, &mut host, sim).await?;
    operations::retire(&mut desk, &mut host, sim).await?;
    operations::wipe(&mut desk, &mut host, sim).await?;
    rows.extend(host.end().await?);
    Ok(Story {
        rows,
        steps: desk.steps,
        chronicle: path,
    })
}

async fn gate_off(mut host: Walk, sim: &Sim) -> Result<Vec<Row>, Failure> {
    let lost = cast::device(sim, "OFF-01", "noncompliant");
    let token = Some(sim.mint(cast::on(&lost)));
    host.ask(
        ("1", "the gate is off"),
        REQUIRED,
        token,
        (200, "not_enabled", "-"),
    )
    .await?;
    host.end().await
}

async fn without_look_up(host: &mut Walk, sim: &Sim) -> Result<(), Failure> {
    let nowhere = || Some(sim.mint(cast::token()));
    let forged = Some(sim.mint(cast::token().device("' or 'a' eq 'a")));
    let case = ("2", "nothing is required");
    host.ask(case, OPEN, nowhere(), (200, "not_required", "-"))
        .await?;
    let case = ("3", "the device id is no GUID");
    host.ask(
        case,
        REQUIRED,
        forged,
        (403, "invalid_device_identity", "-"),
    )
    .await?;
    let case = ("4", "no device, strict");
    host.ask(case, STRICT, nowhere(), (403, "no_device_identity", "-"))
        .await?;
    let case = ("5", "no device, permissive");
    host.ask(case, REQUIRED, nowhere(), (200, "no_device_identity", "-"))
        .await
}

async fn outage_and_recovery(host: &mut Walk, sim: &Sim) -> Result<(), Failure> {
    let laptop = cast::device(sim, "LAPTOP-01", "compliant");
    let other = cast::device(sim, "LAPTOP-02", "compliant");
    let (laptop, other) = (
        || Some(sim.mint(cast::on(&laptop))),
        || Some(sim.mint(cast::on(&other))),
    );
    let case = ("13", "a compliant device");
    host.ask(case, REQUIRED, laptop(), (200, "compliant", "live"))
        .await?;
    let case = ("13", "the same device again");
    host.ask(case, REQUIRED, laptop(), (200, "compliant", "cache"))
        .await?;

    sim.inject(Fault::new(Route::ListDevices, FaultKind::status(503)).always());
    let case = ("6", "Graph is down, the device is not known");
    host.ask(case, REQUIRED, other(), (503, "source_unavailable", "-"))
        .await?;
    let case = ("13", "Graph is down, the device is cached");
    host.ask(case, REQUIRED, laptop(), (200, "compliant", "cache"))
        .await?;
    sim.clear_faults();
    let case = ("13", "Graph is back");
    host.ask(case, REQUIRED, other(), (200, "compliant", "live"))
        .await
}

async fn devices(host: &mut Walk, sim: &Sim) -> Result<(), Failure> {
    let unknown = intune_sim::Device::new("NEVER-ENROLLED");
    for (number, what, device, status, reason) in [
        (
            "7",
            "no record has the device's id",
            unknown,
            403,
            "device_not_found",
        ),
        (
            "8",
            "two records disagree",
            cast::contradicting(sim),
            403,
            "conflicting_records",
        ),
        (
            "9",
            "a wipe is pending",
            cast::leaving(sim),
            403,
            "device_being_removed",
        ),
        (
            "10",
            "somebody else's device",
            cast::borrowed(sim),
            403,
            "subject_mismatch",
        ),
        (
            "11",
            "no check-in for two months",
            cast::forgotten(sim),
            403,
            "device_stale",
        ),
        (
            "12",
            "the grace period is over",
            cast::in_grace(sim, "LAPTOP-03", true),
            403,
            "noncompliant",
        ),
        (
            "13",
            "in grace",
            cast::in_grace(sim, "LAPTOP-04", false),
            200,
            "in_grace_period",
        ),
        (
            "14",
            "noncompliant",
            cast::device(sim, "S-1", "noncompliant"),
            403,
            "noncompliant",
        ),
        (
            "14",
            "conflict",
            cast::device(sim, "S-2", "conflict"),
            403,
            "conflict",
        ),
        (
            "14",
            "error",
            cast::device(sim, "S-3", "error"),
            403,
            "error",
        ),
        (
            "14",
            "unknown",
            cast::device(sim, "S-4", "unknown"),
            403,
            "unknown",
        ),
        (
            "14",
            "Configuration Manager's",
            cast::device(sim, "S-5", "configManager"),
            403,
            "config_manager",
        ),
        (
            "14",
            "a state that nobody declared",
            cast::device(sim, "S-6", "quarantined"),
            403,
            "unrecognized_state",
        ),
    ] {
        let token = Some(sim.mint(cast::on(&device)));
        host.ask((number, what), REQUIRED, token, (status, reason, "live"))
            .await?;
    }
    let reported = cast::device(sim, "S-7", "noncompliant");
    let token = Some(sim.mint(cast::on(&reported)));
    let case = ("14", "noncompliant, only reported");
    host.ask(case, REPORTED, token, (200, "noncompliant", "live"))
        .await
}

async fn tokens(host: &mut Walk, sim: &Sim) -> Result<(), Failure> {
    let forged = Some(sim.mint(cast::token().key(KeyChoice::Wrong)));
    let expired = Some(sim.mint(cast::token().lifetime_seconds(-3600)));
    let foreign = Some(sim.mint(cast::token().claim("iss", "https://elsewhere.example")));
    let elsewhere = Some(sim.mint(cast::token().audience("api://another-service")));
    let good = Some(sim.mint(cast::token()));
    host.ask(
        ("-", "no token"),
        REQUIRED,
        None,
        (401, "unauthorized", "-"),
    )
    .await?;
    for (what, token) in [
        ("a signature by another key", forged),
        ("an expired token", expired),
        ("another issuer's token", foreign),
        ("a token for another audience", elsewhere),
    ] {
        host.ask(("-", what), REQUIRED, token, (401, "invalid_token", "-"))
            .await?;
    }
    let case = ("-", "a malformed template name");
    host.ask(
        case,
        "Device Management",
        good,
        (400, "invalid_request", "-"),
    )
    .await
}
