//! What another policy would have changed: `cargo run --example replay -- CHRONICLE POLICY`.
//!
//! Prints each decision that would have come out otherwise, and each of which one can't tell; then the sums. The
//! policy is the file by itself: what the environment sets isn't known here.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks")]

use std::{
    error::Error,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    process::ExitCode,
};

use chronicle::{Event as _, events::DeviceComplianceChecked};
use clock::Timestamp;
use compliance_gate::{Policies, PolicyFile, Replayed, Ruling, replay};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Line {
    eventname: String,
    time: Timestamp,
    data: Value,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(chronicle), Some(policy), None) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: replay CHRONICLE POLICY");
        return ExitCode::from(2);
    };
    match run(&chronicle, &policy) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(chronicle: &str, policy: &str) -> Result<(), Box<dyn Error>> {
    // A record that was tampered with is worth no answer.
    chronicle::verify_file(chronicle).map_err(|error| format!("{chronicle}: {error}"))?;
    let policies = policies(policy).map_err(|error| format!("{policy}: {error}"))?;
    let (mut same, mut changed, mut untold) = (0, 0, 0);
    for line in BufReader::new(File::open(chronicle)?).lines() {
        let line: Line = serde_json::from_str(&line?)?;
        if line.eventname != DeviceComplianceChecked::TYPE.name() {
            continue;
        }
        let event: DeviceComplianceChecked = serde_json::from_value(line.data)?;
        let about = format!(
            "{} {} {} {}",
            line.time, event.decision_id, event.accord_template, event.principal.subject
        );
        match replay(&event, line.time, &policies) {
            Replayed::Same(_) => same += 1,
            Replayed::Changed { before, after } => {
                changed += 1;
                println!("{about}: {} -> {}", told(before), told(after));
            }
            Replayed::CantTell(missing) => {
                untold += 1;
                println!("{about}: can't tell: {missing}");
            }
        }
    }
    println!("{same} the same, {changed} changed, {untold} can't be told");
    Ok(())
}

fn told(ruling: Ruling) -> String {
    let (outcome, reason) = (ruling.outcome.as_str(), ruling.reason);
    match ruling.would {
        Some(would) => format!("{outcome}, would {}, {reason}", would.as_str()),
        None => format!("{outcome} {reason}"),
    }
}

fn policies(path: &str) -> Result<Policies, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let file = PolicyFile::parse(&text)?;
    Policies::builder().file(file).build().map_err(|error| {
        let place = PolicyFile::place_of(&text, &error);
        place.map_or_else(|| error.to_string(), |place| format!("{error}, at {place}"))
    })
}
