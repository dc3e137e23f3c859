//! Numbers in a shape: what goes into a network and what comes out.

use std::fmt;

/// The most numbers of one tensor: 256 MiB. The largest picture that a network may ask for has a fifth of it.
const MAX_VALUES: usize = 64 << 20;

/// The most axes of a tensor. Networks for pictures have five at most.
const MAX_AXES: usize = 8;

/// A tensor as an engine takes or gives it. There are as many values as its shape says.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    name: String,
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// Why there is no such tensor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// More than any network for pictures has.
    #[error("{name} is {shape}: that is too large")]
    TooLarge {
        /// The tensor's name.
        name: String,
        /// Its shape.
        shape: Shape,
    },
    /// The shape does not fit to the values.
    #[error("{name} is {shape}, but has {values} values")]
    Values {
        /// The tensor's name.
        name: String,
        /// Its shape.
        shape: Shape,
        /// How many values it has.
        values: usize,
    },
}

/// A shape to be printed: `1x3x352x352`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape(pub Vec<usize>);

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("a single number");
        }
        for (n, side) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { "x" };
            write!(f, "{separator}{side}")?;
        }
        Ok(())
    }
}

/// How many values a tensor of this shape has; `None` if that is more than one may have.
#[must_use]
pub fn value_count(shape: &[usize]) -> Option<usize> {
    let count = shape.iter().try_fold(1, |count: usize, side| count.checked_mul(*side))?;
    (count <= MAX_VALUES && shape.len() <= MAX_AXES).then_some(count)
}

impl Tensor {
    /// A tensor of these values, the last axis the fastest.
    ///
    /// # Errors
    /// If there are not as many values as `shape` says, or too many.
    pub fn new(name: &str, shape: &[usize], values: Vec<f32>) -> Result<Self, ShapeError> {
        let printed = || (name.to_owned(), Shape(shape.iter().copied().take(MAX_AXES + 1).collect()));
        match value_count(shape) {
            None => {
                let (name, shape) = printed();
                Err(ShapeError::TooLarge { name, shape })
            }
            Some(count) if count != values.len() => {
                let (name, shape) = printed();
                Err(ShapeError::Values { name, shape, values: values.len() })
            }
            Some(_) => Ok(Self { name: name.to_owned(), shape: shape.to_vec(), values }),
        }
    }

    /// Its name in the network.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its shape, the slowest axis first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its shape, to be printed.
    #[must_use]
    pub fn printed_shape(&self) -> Shape {
        Shape(self.shape.clone())
    }

    /// Its values.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Gives up its values.
    #[must_use]
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_has_as_many_values_as_its_shape_says() {
        assert_eq!(Tensor::new("out", &[2, 3], vec![0.0; 6]).unwrap().shape(), [2, 3]);
        let error = Tensor::new("out", &[2, 3], vec![0.0; 5]).unwrap_err();
        assert_eq!(error.to_string(), "out is 2x3, but has 5 values");
        assert!(Tensor::new("none", &[0, 3], Vec::new()).is_ok());
        assert!(Tensor::new("one", &[], vec![1.0]).is_ok());
    }

    #[test]
    fn absurd_shapes_are_refused() {
        for shape in [&[usize::MAX, 2][..], &[usize::MAX, usize::MAX], &[1 << 20, 65], &[1; 9]] {
            assert!(matches!(Tensor::new("out", shape, vec![0.0]), Err(ShapeError::TooLarge { .. })), "{shape:?}");
        }
    }
}
