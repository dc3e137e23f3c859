//! The encoding of Protocol Buffers: a message is a list of numbered fields.

use super::OnnxError;

/// What a field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'b> {
    /// A number.
    Number(u64),
    /// Text, bytes, a message, or a list of numbers.
    Bytes(&'b [u8]),
    /// Four or eight bytes: a floating-point number, which nobody asks for.
    Fixed,
}

/// The fields of a message, with their numbers. It ends after the first mistake.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    pub(super) fn of(message: &'b [u8]) -> Self {
        Self(message)
    }

    fn take(&mut self, length: u64) -> Result<&'b [u8], OnnxError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or(OnnxError::Damaged("it ends in the middle of a field"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn read(&mut self) -> Result<(u64, Value<'b>), OnnxError> {
        let tag = varint(&mut self.0)?;
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut self.0)?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = varint(&mut self.0)?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(OnnxError::Damaged("a field is of no known kind")),
        };
        match tag >> 3 {
            0 => Err(OnnxError::Damaged("a field has no number")),
            number => Ok((number, value)),
        }
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Result<(u64, Value<'b>), OnnxError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// The numbers of a packed list.
pub(super) fn packed(mut list: &[u8]) -> impl Iterator<Item = Result<u64, OnnxError>> {
    std::iter::from_fn(move || {
        if list.is_empty() {
            return None;
        }
        let number = varint(&mut list);
        if number.is_err() {
            list = &[];
        }
        Some(number)
    })
}

/// A number: seven bits a byte, the lowest first; the last byte has no eighth.
fn varint(bytes: &mut &[u8]) -> Result<u64, OnnxError> {
    let mut number = 0;
    for (n, byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f) << (7 * n); // what does not fit of the tenth byte is lost, as elsewhere
        if byte & 0x80 == 0 {
            *bytes = &bytes[n + 1..];
            return Ok(number);
        }
    }
    Err(OnnxError::Damaged("a number does not end"))
}
