//! ONNX Runtime: a library of the system's, about twice as fast as what is built in.
//!
//! It is loaded when a network asks for it and it is there. Nothing is linked with it, and nothing fetches it.

use ort::{
    environment::{Environment, EnvironmentBuilder},
    session::{Session, builder::GraphOptimizationLevel},
    value::{DynValue, TensorElementType, ValueType},
};

use super::{Engine, EngineError, bytes};
use crate::model::tensor::Tensor;

/// The library as Debian calls it, and as others do.
const LIBRARIES: [&str; 3] = ["libonnxruntime.so.1.21", "libonnxruntime.so.1", "libonnxruntime.so"];

/// A network in ONNX Runtime.
#[derive(Debug)]
pub(super) struct OnnxRuntime {
    session: Session,
    library: String,
    input: String,
    wants_bytes: bool,
}

/// The library, loaded into this process.
pub(super) struct Library {
    builder: EnvironmentBuilder,
    name: String,
}

impl OnnxRuntime {
    /// Opens a file.
    pub(super) fn open(file: &[u8], Library { builder, name: library }: Library) -> Result<Self, EngineError> {
        // Microsoft's builds of the library report to Microsoft unless told not to.
        let environment = builder.with_telemetry(false).build();
        let environment = environment
            .map_err(|error| EngineError::Open { engine: "ONNX Runtime", reason: error.message().to_owned() })?;
        let session = session(&environment, file)
            .map_err(|error| EngineError::Open { engine: "ONNX Runtime", reason: error.message().to_owned() })?;
        let [input] = session.inputs() else {
            let reason = format!("it has {} inputs", session.inputs().len());
            return Err(EngineError::Open { engine: "ONNX Runtime", reason });
        };
        let wants_bytes = matches!(input.dtype(), ValueType::Tensor { ty: TensorElementType::Uint8, .. });
        Ok(Self { input: input.name().to_owned(), wants_bytes, library, session })
    }
}

/// Loads the library at a path, or the system's. It is not asked for anything yet.
pub(super) fn load(library: Option<&str>) -> Result<Library, EngineError> {
    let names = library.as_ref().map_or(&LIBRARIES[..], std::slice::from_ref);
    let mut reasons = Vec::new();
    for name in names {
        match ort::init_from(name) {
            Ok(builder) => return Ok(Library { builder, name: (*name).to_owned() }),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    let reason = reasons.into_iter().next().unwrap_or_default();
    Err(EngineError::Missing(format!(
        "ONNX Runtime 1.21 or newer is not there: install it (Debian 13: apt install libonnxruntime1.21), or set engine = \"auto\" \
         or \"rten\" ({reason})"
    )))
}

/// A session of one thread.
fn session(environment: &Environment, file: &[u8]) -> ort::Result<Session> {
    let mut builder = Session::builder(environment)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_log_level(ort::logging::LogLevel::Error)?
        .with_optimization_level(GraphOptimizationLevel::All)?;
    builder.commit_from_memory(file)
}

impl Engine for OnnxRuntime {
    fn name(&self) -> String {
        format!("ONNX Runtime ({})", self.library)
    }

    fn run(&mut self, input: Tensor) -> Result<Vec<Tensor>, EngineError> {
        let failed = |error: ort::Error| EngineError::Run(error.message().to_owned());
        let shape = input.shape().to_vec();
        let values = input.into_values();
        let value: DynValue = if self.wants_bytes {
            ort::value::Tensor::from_array((shape, bytes(&values))).map_err(failed)?.into_dyn()
        } else {
            ort::value::Tensor::from_array((shape, values)).map_err(failed)?.into_dyn()
        };
        let outputs = self.session.run(vec![(self.input.as_str(), value)]).map_err(failed)?;
        outputs.iter().map(|(name, value)| tensor(name, &value)).collect()
    }
}

fn tensor(name: &str, value: &DynValue) -> Result<Tensor, EngineError> {
    macro_rules! read {
        ($kind:ty) => {{
            let (shape, values) =
                value.try_extract_tensor::<$kind>().map_err(|_| EngineError::Kind(name.to_owned()))?;
            (shape.iter().copied().collect::<Vec<i64>>(), values.iter().map(|value| *value as f32).collect())
        }};
    }
    let ValueType::Tensor { ty, .. } = value.dtype() else { return Err(EngineError::Kind(name.to_owned())) };
    let (shape, values): (Vec<i64>, Vec<f32>) = match ty {
        TensorElementType::Float32 => read!(f32),
        TensorElementType::Int64 => read!(i64),
        TensorElementType::Int32 => read!(i32),
        TensorElementType::Uint8 => read!(u8),
        TensorElementType::Int8 => read!(i8),
        _ => return Err(EngineError::Kind(name.to_owned())),
    };
    let shape: Option<Vec<usize>> = shape.into_iter().map(|side| usize::try_from(side).ok()).collect();
    Ok(Tensor::new(name, &shape.unwrap_or_default(), values)?)
}
