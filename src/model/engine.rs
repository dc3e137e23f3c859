//! What runs networks: one trait, and the engines that have it.
//!
//! An engine is opened and used in the worker's process only ([`worker`](super::worker)): it may fail in any way.

mod onnx_runtime;
mod rten;

use serde::{Deserialize, Serialize};

use super::{
    manifest::EngineChoice,
    tensor::{ShapeError, Tensor},
};

/// A network that is ready to run.
pub trait Engine: std::fmt::Debug {
    /// Which one it is, for people.
    fn name(&self) -> String;

    /// Puts a picture in. Blocks for as long as the network takes.
    ///
    /// # Errors
    /// If the picture has another shape than the network takes, or the network fails on it.
    fn run(&mut self, input: Tensor) -> Result<Vec<Tensor>, EngineError>;
}

/// Why an engine does not open a file or run a network.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The file, or an operator in it.
    #[error("the engine {engine} cannot open it: {reason}{}", advice(.engine, .reason))]
    Open {
        /// The engine.
        engine: &'static str,
        /// What it says.
        reason: String,
    },
    /// The run.
    #[error("the network fails on a picture: {0}")]
    Run(String),
    /// The engine is not there.
    #[error("{0}")]
    Missing(String),
    /// An output is too large.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// An output is of no numbers.
    #[error("the output {0} has numbers of a kind that fovea does not read")]
    Kind(String),
}

fn advice(engine: &str, reason: &str) -> &'static str {
    match engine {
        "rten" if reason.contains("perator") => {
            "; engine = \"onnxruntime\" opens files with operators that rten does not have"
        }
        _ => "",
    }
}

/// What an engine needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wanted {
    /// Which one.
    pub engine: Name,
    /// The library of ONNX Runtime, if it is another than the system's.
    pub library: Option<String>,
}

/// The engine of a manifest, as it is told to the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Name {
    /// See [`EngineChoice::Auto`].
    Auto,
    /// See [`EngineChoice::Rten`].
    Rten,
    /// See [`EngineChoice::OnnxRuntime`].
    OnnxRuntime,
}

impl From<EngineChoice> for Name {
    fn from(choice: EngineChoice) -> Self {
        match choice {
            EngineChoice::Auto => Self::Auto,
            EngineChoice::Rten => Self::Rten,
            EngineChoice::OnnxRuntime => Self::OnnxRuntime,
        }
    }
}

/// Engines, before they see a file. What they need of the system they have got.
pub struct Engines {
    wanted: Name,
    runtime: Result<onnx_runtime::Library, EngineError>,
}

impl std::fmt::Debug for Engines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engines").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}

impl Engines {
    /// Loads the library of ONNX Runtime, if that is wanted and there.
    #[must_use]
    pub fn load(wanted: &Wanted) -> Self {
        let runtime = match wanted.engine {
            Name::Rten => Err(EngineError::Missing("it is not wanted".to_owned())),
            Name::Auto | Name::OnnxRuntime => onnx_runtime::load(wanted.library.as_deref()),
        };
        Self { wanted: wanted.engine, runtime }
    }

    /// Opens a file with the engine that is wanted. `before_runtime` is called before ONNX Runtime gets it.
    ///
    /// The built-in engine reads every file first: it is safe Rust, where ONNX Runtime is not. A file that is damaged never reaches
    /// the other one; one that merely has operators which are not built in does if ONNX Runtime is asked for by its name.
    ///
    /// # Errors
    /// If the file cannot be opened, or the engine is not there.
    pub fn open(self, file: &[u8], before_runtime: impl FnOnce()) -> Result<Box<dyn Engine>, EngineError> {
        let first = rten::Rten::open(file);
        let runtime = match (self.wanted, self.runtime) {
            (Name::Auto, Ok(library)) => library,
            // It is not there, or too old: the one that is built in always is.
            (Name::Rten | Name::Auto, _) => return Ok(Box::new(first?)),
            (Name::OnnxRuntime, library) => library?,
        };
        match first {
            Err(error) if self.wanted == Name::Auto || !error.is_of_operators => return Err(error.into()),
            _ => {}
        }
        before_runtime();
        Ok(Box::new(onnx_runtime::OnnxRuntime::open(file, runtime)?))
    }
}

/// Numbers as bytes, for networks that take pixels as they are.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 255")]
fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().map(|value| value.round().clamp(0.0, 255.0) as u8).collect()
}
