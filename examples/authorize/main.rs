//! The reference host, as a program: `cargo run --example authorize`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks")]

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    process::ExitCode,
};

use authorize_host::{
    args::Args,
    host, scenario,
    setup::{self, Tenant},
};
use clap::Parser as _;
use compliance_gate::GateConfig;
use env_config::Environment;
use tracing_subscriber::EnvFilter;

/// A free port of loopback.
const ANYWHERE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let environment = Environment::process();
    // The scenario breaks things on purpose, which is no reason to warn.
    let walks = args.serve.is_none() && !GateConfig::is_mentioned(&environment);
    let level = if walks { "error" } else { "warn" };
    // Standard output belongs to the table, or to the line that says where the host listens.
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level)),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(args, environment).await {
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

/// Says how things stand, and what to fix.
async fn check(tenant: &Tenant, environment: &Environment, args: &Args) -> ExitCode {
    let embedded;
    let environment = match tenant {
        Tenant::Embedded(sim) => {
            embedded = setup::environment_of(sim);
            &embedded
        }
        Tenant::Environment => environment,
    };
    let report = setup::check(environment, args).await;
    print!("{report}");
    if report.has_passed() {
        println!("\nReady.");
        ExitCode::SUCCESS
    } else {
        println!("\nNot ready: see what FAILED above.");
        ExitCode::FAILURE
    }
}

async fn run(
    args: Args,
    environment: Environment,
) -> Result<ExitCode, Box<dyn std::error::Error + Send + Sync>> {
    let tenant = setup::tenant(&environment).await?;
    if args.check {
        return Ok(check(&tenant, &environment, &args).await);
    }
    match (tenant, args.serve) {
        (Tenant::Embedded(sim), None) => {
            let passed = scenario::run(&sim, args.chronicle.as_deref()).await?;
            Ok(if passed {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        // Of a real tenant there is no scenario to walk.
        (tenant, address) => {
            let address = address.unwrap_or(ANYWHERE);
            let setup = match &tenant {
                Tenant::Embedded(sim) => setup::embedded(sim, &args)?,
                Tenant::Environment => setup::from_env(&environment, &args)?,
            };
            if let Some(warning) = &setup.warning {
                eprintln!("warning: {warning}");
            }
            host::serve(setup.host, address, |address| {
                println!("listening on http://{address}");
                eprint!("{}", setup::hints(&tenant, &setup.chronicle, address));
            })
            .await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
