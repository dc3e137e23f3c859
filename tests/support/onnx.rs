//! ONNX files made by hand: the few fields of `onnx.proto3` that small networks need.

/// What stands before so many bytes in a field.
pub(crate) fn head(number: u8, length: usize) -> Vec<u8> {
    [varint(u64::from(number) << 3 | 2), varint(length as u64)].concat()
}

/// A field with bytes in it: text, a message, or a list of numbers.
pub(crate) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&head(number, bytes.len()), bytes].concat()
}

/// A field with a number.
pub(crate) fn number(field: u8, value: u64) -> Vec<u8> {
    [varint(u64::from(field) << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

/// An input or output of floating-point numbers (1) or others. A side of 0 is any.
pub(crate) fn port(name: &str, kind: u64, sides: &[u64]) -> Vec<u8> {
    let shape: Vec<u8> = sides.iter().flat_map(|side| field(1, &number(1, *side))).collect();
    let tensor = [number(1, kind), field(2, &shape)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

/// Weights, or another constant: floating-point numbers (1), 64-bit numbers (7), booleans (9).
pub(crate) fn tensor(name: &str, kind: u64, sides: &[u64], raw: &[u8]) -> Vec<u8> {
    let sides: Vec<u8> = sides.iter().flat_map(|side| number(1, *side)).collect();
    [sides, number(2, kind), field(8, name.as_bytes()), field(9, raw)].concat()
}

/// An operator.
pub(crate) fn node(operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|name| field(1, name.as_bytes())).collect();
    let outputs: Vec<u8> = outputs.iter().flat_map(|name| field(2, name.as_bytes())).collect();
    let attributes: Vec<u8> = attributes.iter().flat_map(|attribute| field(5, attribute)).collect();
    [inputs, outputs, field(4, operator.as_bytes()), attributes].concat()
}

/// An attribute that is a list of numbers.
pub(crate) fn numbers(name: &str, values: &[u64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|value| number(8, *value)).collect();
    [field(1, name.as_bytes()), values, number(20, 7)].concat()
}

/// An attribute that is a network.
pub(crate) fn network(name: &str, graph: &[u8]) -> Vec<u8> {
    [field(1, name.as_bytes()), field(6, graph), number(20, 5)].concat()
}

/// The parts of a network.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Vec<u8>>,
    pub(crate) tensors: Vec<Vec<u8>>,
    pub(crate) inputs: Vec<Vec<u8>>,
    pub(crate) outputs: Vec<Vec<u8>>,
}

impl Graph {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let fields = |number: u8, all: &[Vec<u8>]| all.iter().flat_map(|one| field(number, one)).collect::<Vec<u8>>();
        [
            fields(1, &self.nodes),
            field(2, b"graph"),
            fields(5, &self.tensors),
            fields(11, &self.inputs),
            fields(12, &self.outputs),
        ]
        .concat()
    }

    /// A file with this network.
    pub(crate) fn file(&self) -> Vec<u8> {
        file(&self.bytes())
    }
}

/// A file with a network.
pub(crate) fn file(graph: &[u8]) -> Vec<u8> {
    [number(1, 8), field(2, b"hand"), field(7, graph), field(8, &[field(1, b""), number(2, 13)].concat())].concat()
}

/// Numbers as they stand in a file.
pub(crate) fn raw(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
