//! What the command line can do, one file each.
//!
//! To add a command: a file with its `run`, a variant of [`Command`] whose comment is its help, an arm in
//! [`Command::run`].

pub mod check;
pub mod client;
pub mod demo;
pub mod run;
pub mod send;
mod signals;
pub mod watch;

use std::{
    error::Error,
    fmt,
    io::{self, Write},
    path::PathBuf,
};

use clap::{Parser, Subcommand};

use crate::config::Config;

/// Exit codes, as `--help` tells them.
pub mod exit {
    /// Something failed.
    pub const FAILED: u8 = 1;
    /// The command line was wrong. clap exits with it.
    pub const USAGE: u8 = 2;
    /// The configuration is wrong: trying again is of no use. `sysexits.h` calls it `EX_CONFIG`.
    pub const CONFIG: u8 = 78;
}

/// An eye that is never late: frames in, what is seen in them out.
///
/// fovea takes frames from cameras over WebSocket, looks at the newest one of each, never at an old one, and sends
/// what it sees (motion, and where) to whoever listens.
#[derive(Debug, Parser)]
#[command(version, after_help = exit_codes(), max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

fn exit_codes() -> String {
    let (failed, usage, config) = (exit::FAILED, exit::USAGE, exit::CONFIG);
    format!(
        "Exit codes:\n  \
         {:>2}  all is well\n  \
         {failed:>2}  it failed; standard error says why\n  \
         {usage:>2}  the command line is wrong\n  \
         {config:>2}  the configuration is wrong; standard error says where",
        0
    )
}

/// A command with its arguments.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon
    ///
    /// Listens for cameras and readers, looks at the newest frame of each camera, and goes on until SIGTERM or SIGINT.
    Run(run::RunArgs),
    /// Check a configuration file and tell every mistake in it
    ///
    /// Reads the file as the daemon would and starts nothing. A good file is told in one line on standard output.
    /// Each mistake is a line on standard error: file, line and column, the key and its value, what is wrong and what
    /// would be right. Whether the board has what the file asks for (that core, that device) is found out at the start.
    #[command(after_help = "Example:\n  fovea check /etc/fovea/fovea.toml && sudo systemctl reload fovea")]
    Check {
        /// The file to check
        #[arg(value_name = "FILE", default_value = Config::DEFAULT_PATH)]
        file: PathBuf,
    },
    /// Send recorded frames to a camera
    Send(send::SendArgs),
    /// Watch what the cameras see, live
    Watch(watch::WatchArgs),
    /// See it work: a daemon, a camera that plays a recording to it, and what it sees
    ///
    /// Everything is real but the camera: the daemon listens on a port of this machine that nobody else has, and the
    /// recorded frames come to it over a WebSocket connection as a camera's would.
    Demo(demo::DemoArgs),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// When it fails; `main` tells why and ends with its exit code.
    pub fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Run(args) => run::run(args),
            Self::Check { file } => check::run(file),
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
