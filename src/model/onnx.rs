//! What an ONNX file says of itself, read before any engine sees it.
//!
//! The file may be a stranger's. This reads its structure, refuses what no network for pictures needs and what engines could stumble
//! over (networks in networks without end, weights in other files, weights that are not there), and takes neither more memory than
//! the names in it nor more time than its bytes. Numbers of fields are those of `onnx.proto3`.

mod fields;

use self::fields::{Fields, Value, packed};

/// The largest file that is read: fifty times what a small board runs in a second.
pub const MAX_FILE_BYTES: usize = 128 << 20;

/// The most operators. Networks for pictures have some hundred.
const MAX_NODES: usize = 20_000;

/// The most tensors of weights.
const MAX_WEIGHTS: usize = 50_000;

/// How deep networks may be inside operators (`If`, `Loop`) of networks.
const MAX_DEPTH: usize = 4;

/// The most inputs or outputs, and axes of each. A picture has four.
const MAX_PORTS: usize = 64;

/// An input or an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// What its numbers are.
    pub kind: Kind,
    /// Its sides, the slowest axis first; `None` is a side that the file leaves open.
    pub shape: Vec<Option<usize>>,
}

/// What numbers a tensor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 32-bit floating point.
    Float,
    /// Bytes.
    Byte,
    /// Others, by their number in `onnx.proto3`.
    Other(u64),
}

/// What a file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Inputs that are not weights.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
    /// Operators.
    pub nodes: usize,
    /// Numbers in its weights.
    pub parameters: u64,
    /// Who made it.
    pub producer: String,
    /// Tensors of weights.
    weights: usize,
    /// Those of the outermost network, by name.
    names: Vec<String>,
}

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnnxError {
    /// It is no ONNX, or only a part of one.
    #[error("it is not an ONNX file, or is damaged or cut off: {0}")]
    Damaged(&'static str),
    /// There is nothing in it.
    #[error("it has no network: it is not an ONNX file, or is damaged")]
    Empty,
    /// Its weights are elsewhere.
    #[error(
        "its weights are in another file, which fovea does not read; export it with the weights inside (save_as_external_data=False)"
    )]
    External,
    /// Weights of which there are more or fewer than they say.
    #[error("it is damaged: weights {name:?} should be {wanted} bytes and are {found}")]
    Weights {
        /// What they are called, shortened.
        name: String,
        /// As their shape says.
        wanted: u64,
        /// As there are.
        found: u64,
    },
    /// More than any network for pictures has.
    #[error("it has more than {most} {what}: fovea does not open such files")]
    TooMany {
        /// What of.
        what: &'static str,
        /// How many may be.
        most: usize,
    },
    /// A picture cannot go into it.
    #[error("it has {0} inputs; fovea gives a network one picture and nothing else")]
    Inputs(usize),
}

/// Reads what is in a file.
///
/// # Errors
/// If it is no ONNX, or not one that fovea opens.
pub fn survey(file: &[u8]) -> Result<Survey, OnnxError> {
    let mut survey = Survey::default();
    let mut has_graph = false;
    for field in Fields::of(file) {
        match field? {
            (2, Value::Bytes(producer)) => survey.producer = short(producer),
            (7, Value::Bytes(_)) if has_graph => return Err(OnnxError::Damaged("it has two networks")),
            (7, Value::Bytes(graph)) => {
                has_graph = true;
                read_graph(graph, 0, &mut survey)?;
            }
            _ => {}
        }
    }
    if !has_graph || survey.nodes == 0 {
        return Err(OnnxError::Empty);
    }
    // Old files list the weights among the inputs.
    survey.names.sort_unstable();
    let (names, inputs) = (std::mem::take(&mut survey.names), &mut survey.inputs);
    inputs.retain(|input| names.binary_search(&input.name).is_err());
    match survey.inputs.len() {
        1 => Ok(survey),
        other => Err(OnnxError::Inputs(other)),
    }
}

fn read_graph(graph: &[u8], depth: usize, survey: &mut Survey) -> Result<(), OnnxError> {
    if depth > MAX_DEPTH {
        return Err(OnnxError::TooMany { what: "networks inside of each other", most: MAX_DEPTH });
    }
    for field in Fields::of(graph) {
        match field? {
            (1, Value::Bytes(node)) => {
                count(&mut survey.nodes, "operators", MAX_NODES)?;
                read_node(node, depth, survey)?;
            }
            (5, Value::Bytes(tensor)) => {
                let name = read_tensor(tensor, survey)?;
                if depth == 0 {
                    survey.names.push(name);
                }
            }
            (11, Value::Bytes(port)) if depth == 0 => add_port(port, MAX_WEIGHTS, &mut survey.inputs)?,
            (12, Value::Bytes(port)) if depth == 0 => add_port(port, MAX_PORTS, &mut survey.outputs)?,
            _ => {}
        }
    }
    Ok(())
}

/// An operator: its attributes may have weights and networks.
fn read_node(node: &[u8], depth: usize, survey: &mut Survey) -> Result<(), OnnxError> {
    for field in Fields::of(node) {
        let (5, Value::Bytes(attribute)) = field? else { continue };
        for field in Fields::of(attribute) {
            match field? {
                (5 | 10, Value::Bytes(tensor)) => drop(read_tensor(tensor, survey)?),
                (6 | 11, Value::Bytes(graph)) => read_graph(graph, depth + 1, survey)?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Weights: there must be as many bytes of them as their shape says. Returns their name.
fn read_tensor(tensor: &[u8], survey: &mut Survey) -> Result<String, OnnxError> {
    count(&mut survey.weights, "tensors of weights", MAX_WEIGHTS)?;
    let (mut name, mut kind, mut values) = (&[][..], 0, 1_u64);
    let (mut raw, mut listed) = (None, 0_u64);
    for field in Fields::of(tensor) {
        match field? {
            (1, Value::Number(side)) => values = values.saturating_mul(side),
            (1, Value::Bytes(sides)) => {
                for side in packed(sides) {
                    values = values.saturating_mul(side?);
                }
            }
            (2, Value::Number(number)) => kind = number,
            (8, Value::Bytes(bytes)) => name = bytes,
            (9, Value::Bytes(bytes)) => raw = Some(bytes.len() as u64),
            (13, _) | (14, Value::Number(1..)) => return Err(OnnxError::External),
            // Numbers one by one: at least a byte each.
            (4 | 5 | 7 | 10 | 11, Value::Bytes(bytes)) => listed = listed.saturating_add(bytes.len() as u64),
            (4 | 5 | 7 | 10 | 11, Value::Number(_) | Value::Fixed) => listed = listed.saturating_add(8),
            _ => {}
        }
    }
    let name = short(name);
    let size = match kind {
        2 | 3 | 9 => 1,
        4 | 5 | 10 | 16 => 2,
        7 | 11 | 13 => 8,
        _ => 4,
    };
    let wanted = values.saturating_mul(size);
    match raw {
        Some(found) if found != wanted => return Err(OnnxError::Weights { name, wanted, found }),
        None if listed < values => return Err(OnnxError::Weights { name, wanted, found: listed }),
        _ => {}
    }
    survey.parameters = survey.parameters.saturating_add(values);
    Ok(name)
}

fn add_port(port: &[u8], most: usize, ports: &mut Vec<Port>) -> Result<(), OnnxError> {
    if ports.len() >= most {
        return Err(OnnxError::TooMany { what: "inputs or outputs", most });
    }
    let mut read = Port { name: String::new(), kind: Kind::Other(0), shape: Vec::new() };
    for field in Fields::of(port) {
        match field? {
            (1, Value::Bytes(name)) => read.name = short(name),
            (2, Value::Bytes(kind)) => read_type(kind, &mut read)?,
            _ => {}
        }
    }
    ports.push(read);
    Ok(())
}

fn read_type(kind: &[u8], port: &mut Port) -> Result<(), OnnxError> {
    for field in Fields::of(kind) {
        let (1, Value::Bytes(tensor)) = field? else { continue };
        for field in Fields::of(tensor) {
            match field? {
                (1, Value::Number(1)) => port.kind = Kind::Float,
                (1, Value::Number(2)) => port.kind = Kind::Byte,
                (1, Value::Number(other)) => port.kind = Kind::Other(other),
                (2, Value::Bytes(shape)) => {
                    for axis in Fields::of(shape) {
                        let (1, Value::Bytes(axis)) = axis? else { continue };
                        if port.shape.len() >= MAX_PORTS {
                            return Err(OnnxError::TooMany { what: "axes of a tensor", most: MAX_PORTS });
                        }
                        port.shape.push(read_side(axis)?);
                    }
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The length of an axis. 0 and negative ones stand for any.
fn read_side(axis: &[u8]) -> Result<Option<usize>, OnnxError> {
    let mut side = None;
    for field in Fields::of(axis) {
        if let (1, Value::Number(number)) = field? {
            side = u32::try_from(number).ok().filter(|side| *side > 0).map(|side| side as usize);
        }
    }
    Ok(side)
}

fn count(counter: &mut usize, what: &'static str, most: usize) -> Result<(), OnnxError> {
    *counter += 1;
    if *counter > most { Err(OnnxError::TooMany { what, most }) } else { Ok(()) }
}

/// A name, at most so long that it fits into a line.
fn short(name: &[u8]) -> String {
    const LONGEST: usize = 200;
    String::from_utf8_lossy(&name[..name.len().min(LONGEST)]).into_owned()
}

#[cfg(test)]
mod tests;
