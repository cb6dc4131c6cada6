//! Operations on devices, within what an Authorization Context gives: with and without a ceremony.

use intune_core::{
    Capability, DeviceAction, DeviceQuery,
    Operation::{
        GetCompliance, GetDevice, ListDevices, RemoteLock, RetireDevice, SyncDevice, WipeDevice,
    },
    Served, WipeOptions,
};
use intune_sim::{Fault, FaultKind, Route, Sim};

use super::{
    cast,
    desk::{Desk, only, opened, over},
    walk::Walk,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const TEMPLATE: &str = "device-management";

/// Looking takes `READ`.
pub(super) async fn read(desk: &mut Desk, host: &mut Walk, sim: &Sim) -> Result<(), Failure> {
    let laptop = cast::device(sim, "LAPTOP-07", "compliant");
    let case = ("13", "an AC to look at devices with");
    let token = sim.mint(cast::on(&laptop));
    let adele = desk.shown(&host.issue(case, TEMPLATE, token).await?)?;
    let reader = only(&adele, &[Capability::Read]);
    let connector = desk.connector.clone();

    let all = DeviceQuery::new();
    let page = connector.list_devices(&reader, &all, None).await;
    desk.read((ListDevices, "a page of all"), &page, "succeeded");
    let device = connector.get_device(&reader, laptop.id().parse()?).await;
    desk.read((GetDevice, "one, by Intune's id"), &device, "succeeded");
    let id = laptop.entra_device_id().parse()?;
    let seen = connector.get_compliance(&reader, id).await;
    desk.read((GetCompliance, "the device of the AC"), &seen, "succeeded");
    if !seen.is_ok_and(|seen| seen.served == Served::Cache) {
        return Err("the connector asked again for what the gate knew".into());
    }
    let late = connector.get_compliance(&over(&adele), id).await;
    desk.read(
        (GetCompliance, "when the scope is over"),
        &late,
        "scope_expired",
    );
    Ok(())
}

/// Locking takes `MUTATE`, and somebody else's approval, once.
pub(super) async fn lock(desk: &mut Desk, host: &mut Walk, sim: &Sim) -> Result<(), Failure> {
    let laptop = cast::device(sim, "LAPTOP-08", "compliant");
    let case = ("13", "an AC to act on devices with");
    let token = sim.mint(cast::on(&laptop));
    let adele = desk.shown(&host.issue(case, TEMPLATE, token).await?)?;
    let proposer = only(&adele, &[Capability::Read, Capability::Propose]);
    let device = laptop.id().parse()?;
    let connector = desk.connector.clone();

    let synced = connector.sync_device(&proposer, device, None).await;
    desk.acted((SyncDevice, "no ceremony needed"), &synced, "accepted");
    let refused = connector.remote_lock(&proposer, device, None).await;
    desk.acted(
        (RemoteLock, "without MUTATE"),
        &refused,
        "capability_missing",
    );
    let asked = connector.remote_lock(&adele, device, None).await;
    desk.acted((RemoteLock, "the first try"), &asked, "ceremony_required");
    let id = opened(&asked)?;
    let early = connector.remote_lock(&adele, device, Some(id)).await;
    desk.acted(
        (RemoteLock, "nobody has approved"),
        &early,
        "ceremony_pending",
    );
    let herself = cast::approver(sim, "adele");
    if host.decide(id, "approve", herself).await? != 403 {
        return Err("a requester approved their own ceremony".into());
    }
    let early = connector.remote_lock(&adele, device, Some(id)).await;
    desk.acted(
        (RemoteLock, "Adele tried to approve"),
        &early,
        "ceremony_pending",
    );
    host.agreed(id, "approve", cast::approver(sim, "megan"))
        .await?;
    let locked = connector.remote_lock(&adele, device, Some(id)).await;
    desk.acted((RemoteLock, "Megan has approved"), &locked, "accepted");
    let again = connector.remote_lock(&adele, device, Some(id)).await;
    desk.acted(
        (RemoteLock, "with the same approval"),
        &again,
        "ceremony_consumed",
    );
    Ok(())
}

/// One no is enough.
pub(super) async fn retire(desk: &mut Desk, host: &mut Walk, sim: &Sim) -> Result<(), Failure> {
    let tablet = cast::device(sim, "TABLET-09", "compliant");
    let case = ("13", "an AC to retire a device with");
    let token = sim.mint(cast::on(&tablet));
    let adele = desk.shown(&host.issue(case, TEMPLATE, token).await?)?;
    let device = tablet.id().parse()?;
    let connector = desk.connector.clone();

    let asked = connector.retire_device(&adele, device, None).await;
    desk.acted((RetireDevice, "the first try"), &asked, "ceremony_required");
    let id = opened(&asked)?;
    host.agreed(id, "deny", cast::approver(sim, "megan"))
        .await?;
    let denied = connector.retire_device(&adele, device, Some(id)).await;
    desk.acted((RetireDevice, "Megan said no"), &denied, "ceremony_denied");
    Ok(())
}

/// A wipe is sent once, whatever comes of it, and the gate knows at once.
pub(super) async fn wipe(desk: &mut Desk, host: &mut Walk, sim: &Sim) -> Result<(), Failure> {
    let own = cast::device(sim, "LAPTOP-09", "compliant");
    let (phone, bens_token) = cast::bens_phone(sim);
    let case = ("13", "an AC to wipe a device with");
    let token = sim.mint(cast::on(&own));
    let adele = desk.shown(&host.issue(case, TEMPLATE, token).await?)?;
    let case = ("13", "Ben, on the device that will be wiped");
    host.issue(case, TEMPLATE, bens_token.clone()).await?;
    let (own, device) = (own.id().parse()?, phone.id().parse()?);
    let all = WipeOptions::new;
    let connector = desk.connector.clone();

    let planned = DeviceAction::Wipe(all());
    let reader = only(&adele, &[Capability::Read]);
    let dry = connector.dry_run(&reader, device, &planned).await?;
    let obstacle = dry.obstacle.as_ref().map_or("none", |kind| kind.as_str());
    let what = "what would be, if asked with READ";
    desk.note(WipeDevice, what, obstacle, "capability_missing");
    let refused = connector.wipe_device(&adele, own, all(), None).await;
    desk.acted(
        (WipeDevice, "the device in one's own hands"),
        &refused,
        "own_device",
    );
    let asked = connector.wipe_device(&adele, device, all(), None).await;
    desk.acted((WipeDevice, "the first try"), &asked, "ceremony_required");
    let id = opened(&asked)?;
    host.agreed(id, "approve", cast::approver(sim, "megan"))
        .await?;
    let kept = all().keep_user_data(true);
    let other = connector.wipe_device(&adele, device, kept, Some(id)).await;
    let expected = "ceremony_for_other_parameters";
    desk.acted((WipeDevice, "with other parameters"), &other, expected);
    let lost = FaultKind::effect_then(FaultKind::CutConnection);
    sim.inject(Fault::new(Route::Wipe, lost));
    let lost = connector.wipe_device(&adele, device, all(), Some(id)).await;
    desk.acted(
        (WipeDevice, "it is done, the answer is lost"),
        &lost,
        "unknown",
    );

    let actions = sim.actions();
    let wiped = actions.iter().filter(|action| action.device == phone.id());
    if wiped.count() != 1 {
        return Err("the wipe was not sent once".into());
    }
    let case = ("9", "Ben again, and not from the cache");
    let expected = (403, "device_being_removed", "live");
    host.ask(case, TEMPLATE, Some(bens_token), expected).await
}
