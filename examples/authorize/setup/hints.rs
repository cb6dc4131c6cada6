//! For a person at a terminal.

use std::{net::SocketAddr, path::Path};

use super::Tenant;

/// What an operator at a terminal would like to know of a host that listens on `address`.
#[must_use]
pub fn hints(tenant: &Tenant, chronicle: &Path, address: SocketAddr) -> String {
    let chronicle = format!("Chronicle: {}\n", chronicle.display());
    let Tenant::Embedded(sim) = tenant else {
        return chronicle;
    };
    let compliant = sim.devices().into_iter().find(|device| {
        device.text("complianceState") == "compliant" && device.text("managementState") == "managed"
    });
    let device = compliant
        .map(|device| device.entra_device_id().to_owned())
        .unwrap_or_default();
    // How to get a token, and not a token: what is printed is kept.
    format!(
        "{chronicle}A simulated tenant is at {sim_url} (see {sim_url}_sim/). A user on a compliant device asks:\n\n\
         TOKEN=$(curl -s {sim_url}_sim/tokens -H 'Content-Type: application/json' \\\n  \
           -d '{{\"claims\":{{\"deviceid\":\"{device}\"}}}}' | sed 's/.*\"token\":\"\\([^\"]*\\).*/\\1/')\n\
         curl -s -H \"Authorization: Bearer $TOKEN\" -d '{{\"accord_template\":\"device-management\"}}' \\\n  \
           http://{address}/governance/authorize/\n",
        sim_url = sim.base_url(),
    )
}
