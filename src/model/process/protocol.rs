//! What fovea and the process that runs a network say to each other: a line of JSON with its length in front, then the bytes that it
//! announces.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::model::{
    engine::Wanted,
    tensor::{Tensor, value_count},
};

/// The longest line.
const MAX_HEAD_BYTES: u32 = 64 << 10;

/// The most outputs.
const MAX_OUTPUTS: usize = 64;

/// The first message to the worker. The file follows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) wanted: Wanted,
    pub(crate) max_memory_bytes: u64,
    pub(crate) file_bytes: u64,
}

/// A tensor whose values follow.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    name: String,
    shape: Vec<usize>,
}

/// What the worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The built-in engine has opened the file, and ONNX Runtime is to open it now.
    Trying,
    /// The file is open.
    Opened { engine: String },
    /// The outputs follow.
    Ran { outputs: Vec<Head>, run_us: u64, peak_memory_bytes: u64 },
    /// It did not work.
    Failed { reason: String },
}

/// Sends a message.
pub(crate) fn send(to: &mut impl Write, head: &impl Serialize) -> io::Result<()> {
    let line = serde_json::to_vec(head)?;
    let length = u32::try_from(line.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&line)
}

/// Receives a message.
pub(crate) fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > MAX_HEAD_BYTES {
        return Err(io::Error::other("a message is too long"));
    }
    let mut line = vec![0; length as usize];
    from.read_exact(&mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

/// Announces tensors.
pub(crate) fn heads(tensors: &[Tensor]) -> Vec<Head> {
    tensors.iter().map(|tensor| Head { name: tensor.name().to_owned(), shape: tensor.shape().to_vec() }).collect()
}

/// Sends a tensor.
pub(crate) fn send_tensor(to: &mut impl Write, tensor: &Tensor) -> io::Result<()> {
    send(to, &Head { name: tensor.name().to_owned(), shape: tensor.shape().to_vec() })?;
    send_values(to, tensor)
}

/// Sends the values of a tensor that was announced.
pub(crate) fn send_values(to: &mut impl Write, tensor: &Tensor) -> io::Result<()> {
    // In pieces: all of them at once would be as much memory again.
    let mut piece = Vec::with_capacity(4 * PIECE_VALUES);
    for values in tensor.values().chunks(PIECE_VALUES) {
        piece.clear();
        piece.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        to.write_all(&piece)?;
    }
    Ok(())
}

/// Values that are sent in one piece.
const PIECE_VALUES: usize = 16 << 10;

/// Receives a tensor.
pub(crate) fn receive_tensor(from: &mut impl Read) -> io::Result<Tensor> {
    let head: Head = receive(from)?;
    receive_values(from, head)
}

/// Receives tensors that were announced. All together have at most as many values as one may have.
pub(crate) fn receive_all(from: &mut impl Read, heads: Vec<Head>) -> io::Result<Vec<Tensor>> {
    let counts = heads.iter().map(|head| value_count(&head.shape).unwrap_or(usize::MAX));
    let sum = counts.fold(0_usize, usize::saturating_add);
    if heads.len() > MAX_OUTPUTS || value_count(&[sum]).is_none() {
        return Err(io::Error::other("the outputs are too large"));
    }
    heads.into_iter().map(|head| receive_values(from, head)).collect()
}

fn receive_values(from: &mut impl Read, Head { name, shape }: Head) -> io::Result<Tensor> {
    let count = value_count(&shape).ok_or_else(|| io::Error::other("a tensor is too large"))?;
    let mut values = Vec::with_capacity(count);
    let mut piece = vec![0; 4 * PIECE_VALUES.min(count)];
    while values.len() < count {
        let length = 4 * PIECE_VALUES.min(count - values.len());
        from.read_exact(&mut piece[..length])?;
        values.extend(piece[..length].as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)));
    }
    Tensor::new(&name, &shape, values).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_arrive_as_they_were_sent() {
        let tensors = [
            Tensor::new("a", &[2, 20_000], (0..40_000_u16).map(f32::from).collect()).unwrap(),
            Tensor::new("b", &[], vec![f32::INFINITY]).unwrap(),
            Tensor::new("c", &[0], Vec::new()).unwrap(),
        ];
        let mut wire = Vec::new();
        send(&mut wire, &heads(&tensors)).unwrap();
        tensors.iter().for_each(|tensor| send_values(&mut wire, tensor).unwrap());
        send_tensor(&mut wire, &tensors[0]).unwrap();
        let mut from = wire.as_slice();
        let announced: Vec<Head> = receive(&mut from).unwrap();
        assert_eq!(receive_all(&mut from, announced).unwrap(), tensors);
        assert_eq!(receive_tensor(&mut from).unwrap(), tensors[0]);
        assert!(from.is_empty());
    }

    #[test]
    fn what_is_too_large_is_not_received() {
        let head = |shape: &[usize]| Head { name: "a".into(), shape: shape.to_vec() };
        let zeros = &mut io::repeat(0);
        assert!(receive_values(zeros, head(&[usize::MAX, 2])).is_err());
        assert!(receive_all(zeros, vec![head(&[40 << 20]), head(&[40 << 20])]).is_err());
        assert!(receive::<u8>(&mut io::repeat(0xff)).is_err());
    }
}
