//! The reference host, as a program: `cargo run --example authorize`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks")]

use std::process::ExitCode;

use authorize_host::{
    args::Args,
    host, scenario,
    setup::{self, Tenant},
};
use clap::Parser as _;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    // The scenario breaks things on purpose, which is no reason to warn.
    let level = if args.serve.is_some() {
        "warn"
    } else {
        "error"
    };
    // Standard output belongs to the table, or to the line that says where the host listens.
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level)),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(args).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("authorize can't run:");
            for line in error.to_string().lines() {
                eprintln!("  {line}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<ExitCode, Box<dyn std::error::Error + Send + Sync>> {
    let environment = env_config::Environment::process();
    let tenant = setup::tenant(&environment).await?;
    match (tenant, args.serve) {
        (Tenant::Embedded(sim), None) => {
            let passed = scenario::run(&sim, args.chronicle.as_deref()).await?;
            Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        (Tenant::Environment, None) => Err(
            "a tenant is configured in the environment: say --serve to serve it, or unset the ENTRA_* and \
             INTUNE_* variables to see the scenario"
                .into(),
        ),
        (tenant, Some(address)) => {
            let setup = match &tenant {
                Tenant::Embedded(sim) => setup::embedded(sim, &args)?,
                Tenant::Environment => setup::from_env(&environment, &args)?,
            };
            if let Some(warning) = &setup.warning {
                eprintln!("warning: {warning}");
            }
            let hints = setup::hints(&tenant, &setup);
            host::serve(setup.host, address, |address| {
                println!("listening on http://{address}");
                eprint!("{hints}");
            })
            .await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
