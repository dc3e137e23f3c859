//! What the command line can do, one file each.
//!
//! To add a command: a variant of [`Command`] and its arguments, whose comments are its help, in `arguments.rs`; a file
//! with its `run`; an arm in [`Command::run`].

mod arguments;
pub mod check;
pub mod client;
pub mod dedicate;
pub mod demo;
pub mod devices;
pub mod doctor;
pub mod run;
pub mod send;
mod signals;
pub mod status;
pub mod watch;

use std::{
    error::Error,
    fmt,
    io::{self, Write},
};

pub use arguments::{Cli, Command, DemoArgs, Pace, RunArgs, SendArgs, StatusArgs, WatchArgs, exit};

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// When it fails; `main` tells why and ends with its exit code.
    pub fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Run(args) => run::run(args),
            Self::Check { here, file } => check::run(file, *here),
            Self::Status(args) => status::run(args),
            Self::Doctor { config } => doctor::run(config),
            Self::Dedicate { undo, config } => dedicate::run(*undo, config),
            Self::Devices { json } => devices::run(*json),
            Self::Send(args) => Ok(send::run(args)?),
            Self::Watch(args) => Ok(watch::run(args)?),
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
    /// The configuration is at fault: [`exit::CONFIG`].
    pub fn of_config(error: impl Error + Send + Sync + 'static) -> Self {
        Self { exit_code: exit::CONFIG, error: error.into() }
    }

    /// What the process should end with.
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
        WithCauses(&*self.error).fmt(f)
    }
}

/// Shows an error and its causes, in one line unless the error itself has more.
struct WithCauses<'a>(&'a dyn Error);

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Writes a line to standard output. That nobody reads it any more (`fovea ... | head`) is no failure.
///
/// # Errors
/// When it cannot be written for another reason: a full disk.
pub fn say(line: impl fmt::Display) -> Result<(), Unwritable> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Unwritable(error)),
        _ => Ok(()),
    }
}

/// Standard output takes nothing.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub struct Unwritable(#[source] io::Error);
