//! The `fovea` command: arguments -> command -> exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use fovea::commands::Cli;

fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{failure}"); // if nobody listens there, the exit code must do
            ExitCode::from(failure.exit_code())
        }
    }
}
