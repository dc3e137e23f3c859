//! What spoils a picture.

use super::canvas::Canvas;

/// Something that happens in a scene, the same at each run with the same seed.
pub(crate) trait Effect {
    /// Paints it over what is there at `time`; times only grow.
    fn paint(&mut self, canvas: &mut Canvas, time: f64);

    /// Replaces what it hides for good by its own mean level: what people before it differ from.
    fn cover(&self, _pixels: &mut [u8]) {}
}
