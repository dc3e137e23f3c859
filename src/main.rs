//! The `fovea` command: arguments -> command -> exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use fovea::{commands::Cli, system::printable::Printable};

fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let exit_code = failure.exit_code();
            let _ = writeln!(io::stderr(), "{}", Printable(failure)); // if nobody listens there, the exit code must do
            ExitCode::from(exit_code)
        }
    }
}
