//! The simulator as a program: one line of JSON says how to reach it, then it serves until told to stop.

use std::{error::Error, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Parser;
use intune_sim::{Sim, SimConfig};
use tokio::signal::unix::{SignalKind, signal};

/// An Entra ID and Microsoft Graph tenant on loopback, for tests and demonstrations.
///
/// The first line of standard output is one JSON object that says how to reach it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Loopback address to listen on; port 0 lets the system choose.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0", value_parser = loopback)]
    listen: SocketAddr,
    /// Number of device records to start with.
    #[arg(long, value_name = "N", default_value_t = 12)]
    devices: usize,
    /// The number that the tenant is grown from: same seed, same tenant.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Serve over TLS, and write the authority's certificate to ca.pem in this directory.
    #[arg(long, value_name = "DIR")]
    tls: Option<PathBuf>,
    /// Tenant id, instead of the seed's.
    #[arg(long, value_name = "GUID")]
    tenant: Option<String>,
    /// Client id, instead of the seed's.
    #[arg(long, value_name = "GUID")]
    client_id: Option<String>,
    /// Client secret, instead of the seed's.
    #[arg(long, value_name = "SECRET")]
    client_secret: Option<String>,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "not an address with a port, such as 127.0.0.1:0 or [::1]:8080".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("not a loopback address: the simulator hands out tokens to everybody".to_owned())
    }
}

impl From<Arguments> for SimConfig {
    fn from(arguments: Arguments) -> Self {
        let mut config = SimConfig::default()
            .listen(arguments.listen)
            .devices(arguments.devices)
            .seed(arguments.seed);
        if let Some(directory) = arguments.tls {
            config = config.tls(directory);
        }
        if let Some(tenant) = arguments.tenant {
            config = config.tenant(tenant);
        }
        if let Some(client_id) = arguments.client_id {
            config = config.client_id(client_id);
        }
        if let Some(secret) = arguments.client_secret {
            config = config.client_secret(secret);
        }
        config
    }
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "a program tells its user why it ends")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("intune-sim: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprint!(": {error}");
                cause = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the first line of standard output is the contract"
)]
async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    // Before the line that says it's ready: a supervisor may stop it at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let sim = Sim::start(arguments.into()).await?;
    println!("{}", sim.connection());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    sim.stop().await;
    Ok(())
}
