//! Verifies a Chronicle file: `cargo run --example verify -- FILE`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(file), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: verify FILE");
        return ExitCode::from(2);
    };
    match chronicle::verify_file(&file) {
        Ok(verified) => {
            println!("{} records, unbroken", verified.records);
            if let Some((sequence, hash)) = verified.head {
                println!("head: {sequence} {hash}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            ExitCode::FAILURE
        }
    }
}
