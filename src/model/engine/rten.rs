//! rten: Rust without C code, built in.

use std::sync::Arc;

use rten::{DataType, LoadErrorKind, Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value, ValueType};
use rten_tensor::prelude::*;

use super::{Engine, EngineError};
use crate::model::tensor::Tensor;

/// A network in rten.
#[derive(Debug)]
pub(super) struct Rten {
    model: Model,
    /// Of one thread: the others of the board have their own work.
    pool: Arc<ThreadPool>,
    input: NodeId,
    outputs: Vec<(String, NodeId)>,
}

/// Why it does not open a file.
#[derive(Debug)]
pub(super) struct OpenError {
    reason: String,
    /// Whether it only lacks an operator.
    pub(super) is_of_operators: bool,
}

impl From<OpenError> for EngineError {
    fn from(error: OpenError) -> Self {
        Self::Open { engine: "rten", reason: error.reason }
    }
}

impl Rten {
    pub(super) fn open(file: &[u8]) -> Result<Self, OpenError> {
        let failed = |reason: String| OpenError { reason, is_of_operators: false };
        let load = ModelOptions::with_all_ops().load(file.to_vec());
        let model = load.map_err(|error| OpenError {
            is_of_operators: error.kind() == LoadErrorKind::OperatorInvalid,
            reason: error.to_string(),
        })?;
        let [input] = *model.input_ids() else {
            return Err(failed(format!("it has {} inputs", model.input_ids().len())));
        };
        let name = |id: NodeId| model.node_info(id).and_then(|node| node.name().map(str::to_owned)).unwrap_or_default();
        let outputs = model.output_ids().iter().map(|id| (name(*id), *id)).collect();
        Ok(Self { pool: Arc::new(ThreadPool::with_num_threads(1)), input, outputs, model })
    }
}

impl Engine for Rten {
    fn name(&self) -> String {
        "rten (built in)".to_owned()
    }

    fn run(&mut self, input: Tensor) -> Result<Vec<Tensor>, EngineError> {
        let shape = input.shape().to_vec();
        let wants_bytes =
            self.model.node_info(self.input).and_then(|node| node.dtype()) == Some(ValueType::Tensor(DataType::UInt8));
        let values = input.into_values();
        let value: Value = if wants_bytes {
            rten_tensor::Tensor::from_data(&shape, super::bytes(&values)).into()
        } else {
            rten_tensor::Tensor::from_data(&shape, values).into()
        };
        let ids: Vec<_> = self.outputs.iter().map(|(_, id)| *id).collect();
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.pool)));
        let outputs = self.model.run(vec![(self.input, value.into())], &ids, Some(options));
        let outputs = outputs.map_err(|error| EngineError::Run(error.to_string()))?;
        self.outputs.iter().zip(outputs).map(|((name, _), value)| tensor(name, value)).collect()
    }
}

fn tensor(name: &str, value: Value) -> Result<Tensor, EngineError> {
    let (shape, values) = match value {
        Value::FloatTensor(tensor) => (tensor.shape().to_vec(), tensor.to_vec()),
        Value::Int32Tensor(tensor) => (tensor.shape().to_vec(), tensor.iter().map(|value| *value as f32).collect()),
        Value::UInt8Tensor(tensor) => (tensor.shape().to_vec(), tensor.iter().map(|value| f32::from(*value)).collect()),
        Value::Int8Tensor(tensor) => (tensor.shape().to_vec(), tensor.iter().map(|value| f32::from(*value)).collect()),
        _ => return Err(EngineError::Kind(name.to_owned())),
    };
    Ok(Tensor::new(name, &shape, values)?)
}
