//! What the command line can do, one file each.
//!
//! To add a command: a variant of [`Command`] and its arguments, whose comments are its help, in `arguments.rs`; a file
//! with its `run`; an arm in [`Command::run`].

mod arguments;
pub mod bench;
pub mod check;
pub mod client;
pub mod dedicate;
pub mod demo;
pub mod devices;
pub mod doctor;
pub mod model;
pub mod run;
pub mod send;
mod signals;
pub mod status;
pub mod token;
pub mod watch;

use std::{
    error::Error,
    fmt,
    io::{self, Write},
};

use crate::system::printable::Printable;

pub use arguments::{
    BenchArgs, Cli, Command, DemoArgs, ManifestArgs, ModelCommand, Pace, RawFormat, RunArgs, SendArgs, StatusArgs,
    TokenArgs, TokenCommand, TokenRole, TrustArgs, WatchArgs, exit,
};

impl Command {
    /// Runs the command.
    ///
    /// # Errors
    /// If it fails; `main` prints the reason and ends with the exit code.
    pub fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Run(args) => run::run(args),
            Self::Check { here, file } => check::run(file, *here),
            Self::Status(args) => status::run(args),
            Self::Doctor { config } => doctor::run(config),
            Self::Dedicate { undo, config } => dedicate::run(*undo, config),
            Self::Devices { json } => devices::run(*json),
            Self::Token { command } => token::run(command),
            Self::Model { command } => model::run(command),
            Self::Send(args) => Ok(send::run(args)?),
            Self::Watch(args) => Ok(watch::run(args)?),
            Self::Bench(args) => bench::run(args),
            Self::Demo(args) => demo::run(args),
        }
    }
}

/// Why a command failed, and the exit code for it. Any error becomes one with `?`, with [`exit::FAILED`].
#[derive(Debug)]
pub struct Failure {
    exit_code: u8,
    error: Box<dyn Error + Send + Sync>,
}

impl Failure {
    /// A failure that the configuration causes: [`exit::CONFIG`].
    pub fn of_config(error: impl Error + Send + Sync + 'static) -> Self {
        Self { exit_code: exit::CONFIG, error: error.into() }
    }

    /// The exit code of the process.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { exit_code: exit::FAILED, error: error.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ErrorChain(&*self.error).fmt(f)
    }
}

/// Displays an error and its sources, in one line unless the error itself has more.
struct ErrorChain<'a>(&'a dyn Error);

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// Writes a line to standard output, without what controls a terminal. A closed pipe (`fovea ... | head`) is no failure.
///
/// # Errors
/// If writing fails for another reason, such as a full disk.
pub fn print_line(line: impl fmt::Display) -> Result<(), StdoutError> {
    match writeln!(io::stdout(), "{}", Printable(line)) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(StdoutError(error)),
        _ => Ok(()),
    }
}

/// Standard output does not accept text.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub struct StdoutError(#[source] io::Error);
