//! The tools for agents on standard input and output: `cargo run --example mcp-stdio`.
#![expect(
    clippy::print_stderr,
    reason = "a program talks; standard output is the protocol's"
)]

use std::process::ExitCode;

use authorize_host::{
    args::Args,
    mcp,
    setup::{self, Tenant},
};
use env_config::{Environment, Reader};
use intune_core::AccordTemplate;
use intune_sim::{Device, Sim, UserToken};
use secrecy::ExposeSecret as _;
use tracing_subscriber::EnvFilter;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The user's token, where the tenant is a real one.
const TOKEN: &str = "MCP_USER_TOKEN";
const TEMPLATE: &str = "device-management";

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(&Environment::process()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mcp-stdio can't run:");
            for line in error.to_string().lines() {
                eprintln!("  {line}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(environment: &Environment) -> Result<(), Failure> {
    let template: AccordTemplate = TEMPLATE.parse()?;
    let tenant = setup::tenant(environment).await?;
    let args = Args::default();
    let (setup, token) = match &tenant {
        Tenant::Embedded(sim) => (setup::embedded(sim, &args)?, adele(sim)),
        Tenant::Environment => {
            let mut reader = Reader::new(environment);
            let token = reader.required_secret(TOKEN);
            reader.finish()?;
            let token = token.map(|token| token.expose_secret().to_owned());
            (
                setup::from_env(environment, &args)?,
                token.unwrap_or_default(),
            )
        }
    };
    eprintln!("Chronicle: {}", setup.chronicle.display());
    let caller = mcp::caller(&setup.host, &token, &template).await?;
    let tools = mcp::tools(&setup.host)?;
    intune_mcp::serve_stdio(tools, caller).await?;
    Ok(())
}

/// A user of the simulated tenant, on a compliant device.
fn adele(sim: &Sim) -> String {
    const ADELE: &str = "aaaaaaaa-0000-4000-8000-0000000000a1";
    let laptop = Device::new("ADELES-LAPTOP")
        .compliance_state("compliant")
        .user_id(ADELE);
    sim.put_device(laptop.clone());
    let token = UserToken::entra().subject("adele").claim("oid", ADELE);
    sim.mint(token.device(laptop.entra_device_id()))
}
