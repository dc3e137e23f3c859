//! `fovea doctor`: whether this machine is set up as fovea is best off, in plain words.
//!
//! To add a check: a file beside this one with a function that looks at one thing and gives its findings, and a line in
//! `CHECKS`. A check changes nothing, does not fail (what it cannot see it tells as a hint), and says what to do.

#[cfg(feature = "v4l2")]
mod cameras;
mod clock;
mod core;
mod power;
mod service;

use std::{fmt, path::Path, process::Command};

use super::{Failure, say};
use crate::config::Config;

/// All checks, in the order in which they are told.
const CHECKS: &[fn(&Machine) -> Vec<Diagnostic>] = &[
    service::check,
    #[cfg(feature = "v4l2")]
    cameras::check,
    core::check,
    clock::check,
    power::check,
];

/// What checks may want to know of the machine besides what they look at themselves.
#[derive(Debug)]
struct Machine {
    /// What the daemon is told to do, if that can be read.
    config: Option<Config>,
}

/// What a check found, in words that say what to do.
#[derive(Debug)]
struct Diagnostic {
    verdict: Verdict,
    what: String,
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

/// Not all is well.
#[derive(Debug, thiserror::Error)]
#[error("{0} of {1} findings bad")]
struct NotWell(usize, usize);

/// Looks at everything and tells it.
///
/// # Errors
/// When something is bad.
pub fn run(config: &Path) -> Result<(), Failure> {
    let (config, mut findings) = match Config::load(config) {
        Ok(read) => (Some(read), vec![Diagnostic::good(format!("the configuration {} is right", config.display()))]),
        Err(error) => (None, vec![Diagnostic::bad(error.to_string())]),
    };
    let machine = Machine { config };
    findings.extend(CHECKS.iter().flat_map(|check| check(&machine)));
    for finding in &findings {
        say(finding)?;
    }
    let bad = findings.iter().filter(|finding| finding.verdict == Verdict::Bad).count();
    if bad == 0 { Ok(()) } else { Err(NotWell(bad, findings.len()).into()) }
}

impl Diagnostic {
    fn good(what: impl Into<String>) -> Self {
        Self { verdict: Verdict::Good, what: what.into() }
    }

    fn hint(what: impl Into<String>) -> Self {
        Self { verdict: Verdict::Hint, what: what.into() }
    }

    fn bad(what: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, what: what.into() }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Good => "good",
            Verdict::Hint => "hint",
            Verdict::Bad => "bad ",
        };
        write!(f, "{verdict}  {}", self.what.replace('\n', "\n      "))
    }
}

/// What a program prints; `None` if it is not there or fails.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
