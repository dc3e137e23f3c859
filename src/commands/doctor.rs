//! `fovea doctor`: checks how this machine is set up, and says what to do.
//!
//! To add a check, add a file beside this one with a function that checks one thing and returns its diagnostics, and a
//! line in `CHECKS`. A check changes nothing and does not fail: what it cannot find out is a hint. Its texts say what
//! to do.

#[cfg(feature = "v4l2")]
mod cameras;
mod clock;
mod core;
mod data;
mod models;
mod power;
mod service;
mod sources;

use std::{fmt, path::Path, process::Command};

use super::{ErrorChain, Failure, print_line};
use crate::config::{Config, Diagnostics};

/// All checks, in the order of the output.
const CHECKS: &[fn(&Machine) -> Vec<Diagnostic>] = &[
    service::check,
    data::check,
    #[cfg(feature = "v4l2")]
    cameras::check,
    sources::check,
    models::check,
    core::check,
    clock::check,
    power::check,
];

/// What the checks have in common.
#[derive(Debug)]
struct Machine {
    /// The daemon's configuration, if it is valid.
    config: Option<Config>,
}

/// One line of the output: what a check found, and what to do about it.
#[derive(Debug)]
struct Diagnostic {
    verdict: Verdict,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Hint,
    /// Somebody must act.
    Bad,
}

/// At least one diagnostic is bad: how many, and of how many.
#[derive(Debug, thiserror::Error)]
#[error("{0} of {1} findings are bad")]
struct Unhealthy(usize, usize);

/// Runs all checks and prints their diagnostics.
///
/// # Errors
/// If a diagnostic is bad.
pub fn run(config: &Path) -> Result<(), Failure> {
    let (config, mut diagnostics) = match Config::load_readable(config) {
        Ok((loaded, _)) => {
            let mut diagnostics = vec![Diagnostic::good(format!("the configuration {} is valid", config.display()))];
            diagnostics.extend(loaded.warnings.iter().flat_map(Diagnostics::lines).map(Diagnostic::hint));
            (Some(loaded), diagnostics)
        }
        Err(error) => (None, vec![Diagnostic::bad(ErrorChain(&error).to_string())]),
    };
    let machine = Machine { config };
    diagnostics.extend(CHECKS.iter().flat_map(|check| check(&machine)));
    for diagnostic in &diagnostics {
        print_line(diagnostic)?;
    }
    let bad = diagnostics.iter().filter(|diagnostic| diagnostic.verdict == Verdict::Bad).count();
    if bad == 0 { Ok(()) } else { Err(Unhealthy(bad, diagnostics.len()).into()) }
}

impl Diagnostic {
    fn good(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Good, text: text.into() }
    }

    fn hint(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Hint, text: text.into() }
    }

    fn bad(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, text: text.into() }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Good => "good",
            Verdict::Hint => "hint",
            Verdict::Bad => "bad ",
        };
        write!(f, "{verdict}  {}", self.text.replace('\n', "\n      "))
    }
}

/// The standard output of a program; `None` if there is no such program or it fails.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
