//! A walk through every case, over the host's real HTTP endpoint, against a simulated tenant.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod agents;
mod cases;
mod cast;
mod desk;
mod operations;
mod table;
mod walk;

use std::path::Path;

use chronicle::verify_file;
use intune_sim::Sim;

/// Walks the scenario, prints what happened, and verifies the Chronicle it left. Whether all was as expected.
///
/// # Errors
///
/// The host can't be set up or reached.
pub async fn run(
    sim: &Sim,
    chronicle: Option<&Path>,
) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    println!(
        "A simulated tenant, a reference host, and requests for an Authorization Context (AC).\n"
    );
    let story = cases::walk(sim, chronicle).await?;
    table::print(&story.rows);
    println!("\nWith ACs, Adele operates devices; Megan is asked for approval.\n");
    table::print_operations(&story.steps);

    let rows = story
        .rows
        .iter()
        .filter(|row| !row.is_as_expected())
        .count();
    let steps = story
        .steps
        .iter()
        .filter(|step| !step.is_as_expected())
        .count();
    let (asked, invoked) = (story.rows.len(), story.steps.len());
    let unexpected = rows + steps;
    match unexpected {
        0 => println!(
            "\n{asked} requests, each answered as the decision table says; {invoked} operations, each within its scope."
        ),
        some => println!(
            "\n{asked} requests and {invoked} operations, {some} of them NOT answered as expected."
        ),
    }
    let path = story.chronicle;
    let verified = verify_file(&path);
    match &verified {
        Ok(verified) => println!("Chronicle: {} records, chain verified.", verified.records),
        Err(error) => println!("Chronicle: NOT verified, {error}"),
    }
    println!("\n  {}\n", path.display());
    println!("Verify it yourself, then change a byte of it and verify again:");
    println!("  cargo run --example verify -- {}", path.display());
    Ok(unexpected == 0 && verified.is_ok())
}
