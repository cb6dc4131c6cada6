//! What stands between a host and its tenant, asked before the first request does.

mod check;
mod clocks;
mod roles;

use entra_auth::AccessToken;
use intune_core::{Capability, Operation, SourceFailure};

pub use check::{Check, Preflight, Verdict};
use roles::Roles;

use crate::{
    GraphActions,
    answer::Answer,
    page::{PageBody, PageOf},
    request,
    row::Row,
    settings::Settings,
    wire::Wire,
};

const READ: &str = "read";

/// Asks everything, once each, and nothing of a service that is out.
pub(crate) async fn run(wire: &Wire, actions: Option<&GraphActions>) -> Preflight {
    let mut checks = vec![];
    let reading = token(wire, "token", &mut checks).await;
    let acting = match actions {
        Some(actions) => token(actions.wire(), "token for operations", &mut checks).await,
        None => None,
    };
    let reader = reading.as_ref().and_then(Roles::of);
    let operator = acting.as_ref().and_then(Roles::of);
    for operation in Operation::ALL {
        let is_read = operation.capability() == Capability::Read;
        let roles = if is_read { &reader } else { &operator };
        checks.push(match (is_read, actions) {
            (false, None) => Check::passed(operation.as_str(), "off: this host can't"),
            _ => roles::check(operation, roles.as_ref()),
        });
    }
    // Without a token nobody knows whose it would be.
    let may_act = match (&reading, &acting) {
        (Some(reading), Some(acting)) => {
            let roles = reader.as_ref().zip(operator.as_ref());
            reading.is_same(acting) || roles.is_some_and(|(a, b)| a.is_of_same_application(b))
        }
        _ => actions.is_some(),
    };
    if !may_act && reader.is_some_and(|reader| reader.gives(Operation::WipeDevice)) {
        checks.push(Check::warning(
            "least privilege",
            format!(
                "the application that reads holds `{}` without need: take it away",
                roles::needed(Operation::WipeDevice)
            ),
        ));
    }
    if reading.is_none() {
        checks.push(Check::warning(READ, "not tried without a token"));
    } else if read(wire, &mut checks).await {
        checks.push(unassigned(wire).await);
    }
    Preflight::new(checks)
}

async fn token(wire: &Wire, name: &'static str, checks: &mut Vec<Check>) -> Option<AccessToken> {
    match wire.call().token().await {
        Ok(token) => {
            checks.push(Check::passed(name, "issued"));
            Some(token)
        }
        Err(failure) => {
            checks.push(Check::failed(name, advice(&failure)));
            None
        }
    }
}

/// Lists one device, by which it is seen whether all that leads there works, and what the time is there.
///
/// Whether there is use in asking more.
async fn read(wire: &Wire, checks: &mut Vec<Check>) -> bool {
    let before = wire.clock().now();
    let page = list_one(wire).await;
    let after = wire.clock().now();
    match page {
        Ok((answer, rows)) => {
            let found = match rows {
                0 => "answered: there is no device, or none is visible",
                _ => "answered",
            };
            checks.push(Check::passed(READ, found));
            checks.push(clocks::check(answer.date(), before, after));
            true
        }
        Err(failure) => {
            checks.push(Check::failed(READ, advice(&failure)));
            !failure.kind().is_outage()
        }
    }
}

async fn list_one(wire: &Wire) -> Result<(Answer, usize), SourceFailure> {
    let url = request::one_device(wire.root()).map_err(|_| request::unsendable())?;
    let answer = wire.call().read(&url).await?;
    let PageBody { rows, .. } = answer.decode(PageOf(any))?;
    let rows = rows.len();
    Ok((answer, rows))
}

const fn any(_: &Row) -> bool {
    true
}

/// Whether `compliant` can mean that no policy is assigned.
async fn unassigned(wire: &Wire) -> Check {
    const NAME: &str = "devices without a policy";
    const REMEDY: &str = "set *Mark devices with no compliance policy assigned as* to *Not compliant* in \
                          Intune's compliance settings";
    match Settings::read(wire).await {
        Ok(Settings {
            secure_by_default: Some(true),
        }) => Check::passed(NAME, "count as noncompliant"),
        Ok(Settings {
            secure_by_default: Some(false),
        }) => Check::warning(NAME, format!("count as compliant: {REMEDY}")),
        Ok(_) => Check::warning(NAME, format!("Graph doesn't say how they count: {REMEDY}")),
        Err(failure) => Check::warning(
            NAME,
            format!("it can't be read how they count ({failure}): {REMEDY}"),
        ),
    }
}

/// What went wrong, and what to do about it.
fn advice(failure: &SourceFailure) -> String {
    use intune_core::SourceFailureKind as Kind;
    let remedy = match failure.kind() {
        Kind::CredentialRejected => {
            "check tenant, client id and secret, the secret's expiry, and that they are of one cloud"
        }
        Kind::PermissionMissing => "an administrator grants it as an application permission",
        Kind::LicenceMissing => "the tenant needs an Intune licence, and Intune to be set up",
        Kind::Throttled => "try again later",
        Kind::Unavailable | Kind::TimedOut => "check the network, and the service's status page",
        _ => "check the address of Graph",
    };
    format!("{failure}; {remedy}")
}
