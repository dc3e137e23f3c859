//! Whether the networks of a configuration can be used on this machine: `fovea check --here` and `fovea doctor` say so.

use std::{error::Error as _, io, time::Duration};

use super::{ModelError, open};
use crate::{
    frame::Size,
    model::{
        detector::DetectorError,
        file::FileError,
        manifest::{EngineChoice, Manifest},
        process::NetworkError,
    },
};

/// The longest time of a run that is waited for here. A configuration may allow ten minutes, and have many networks.
const MAX_TIMEOUT: Duration = Duration::from_secs(10);

/// A run that takes longer is told to be slow: a board that looks once a second has nothing else to do then.
const SLOW: Duration = Duration::from_secs(1);

/// What a network is like on this machine.
#[derive(Debug)]
pub(in crate::commands) struct Health {
    pub(in crate::commands) input: Size,
    pub(in crate::commands) engine: String,
    /// The second run, which is as those that follow.
    pub(in crate::commands) run_time: Duration,
    /// The most memory that its process had, the program's own included.
    pub(in crate::commands) memory_bytes: u64,
}

impl Health {
    /// `352x352, 15.2 ms a run, 71 MiB, rten (built in)`
    pub(in crate::commands) fn summary(&self) -> String {
        let Self { input, engine, run_time, memory_bytes } = self;
        let ms = run_time.as_secs_f64() * 1e3;
        format!("{input}, {ms:.1} ms a run, {} MiB, {engine}", memory_bytes.div_ceil(1 << 20))
    }

    /// What would make it faster, if it is slow.
    pub(in crate::commands) fn advice(&self) -> Option<&'static str> {
        (self.run_time > SLOW).then_some(if self.engine.starts_with("rten") {
            "it is slow: ONNX Runtime (Debian 13: apt install libonnxruntime1.21) or a network with a smaller input is faster"
        } else {
            "it is slow: a network with a smaller input is faster"
        })
    }
}

/// Opens a network and runs it twice, for a minute at most.
///
/// # Errors
/// If it cannot be used: a sentence with what to do. `name` is that of its table.
pub(in crate::commands) fn check(name: &str, manifest: &Manifest) -> Result<Health, String> {
    let is_shortened = manifest.timeout > MAX_TIMEOUT;
    let shortened = Manifest { timeout: manifest.timeout.min(MAX_TIMEOUT), ..manifest.clone() };
    match open(shortened) {
        Ok((_, opened)) => Ok(Health {
            input: opened.detector.input(),
            engine: opened.detector.network().engine().to_owned(),
            run_time: opened.second.time,
            memory_bytes: opened.second.peak_memory_bytes,
        }),
        Err(error) if is_shortened && is_of_time(&error) => Err(format!(
            "it takes longer than {} s, which is as long as this command waits; `fovea model check --model {name}` waits for \
             timeout_ms",
            MAX_TIMEOUT.as_secs()
        )),
        Err(error) => Err(described(name, manifest.engine, &error)),
    }
}

fn is_of_time(error: &ModelError) -> bool {
    matches!(error, ModelError::Model { source: DetectorError::Slow { .. }, .. })
        || matches!(error, ModelError::Model { source: DetectorError::Network(NetworkError::Timeout { .. }), .. })
}

/// The error with its sources, and what to do where they do not say it.
fn described(name: &str, engine: EngineChoice, error: &ModelError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    let advice = match error {
        ModelError::File(FileError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            format!("; put the file there, or correct model.{name}.file")
        }
        ModelError::File(FileError::Unreadable { source, path })
            if source.kind() == io::ErrorKind::PermissionDenied =>
        {
            format!("; `sudo chmod a+r {}` lets every user read it", path.display())
        }
        _ if is_of_time(error) && engine == EngineChoice::Rten => format!(
            "; engine = \"auto\" with ONNX Runtime or a network with a smaller input is faster, or raise model.{name}.timeout_ms"
        ),
        _ if is_of_time(error) => {
            format!("; a network with a smaller input is faster, or raise model.{name}.timeout_ms")
        }
        ModelError::Model { source: DetectorError::Network(NetworkError::Memory { .. }), .. } => {
            format!("; use a smaller network, or raise model.{name}.max_memory_bytes if the board has so much")
        }
        _ => String::new(),
    };
    text + &advice
}
