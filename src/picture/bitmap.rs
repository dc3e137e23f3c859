//! Drawing into pictures: boxes on a snapshot, and text in place of a camera's picture.

use std::convert::Infallible;

use embedded_graphics::{
    mono_font::{MonoTextStyle, ascii::FONT_10X20},
    pixelcolor::{Bgr888, RgbColor},
    prelude::*,
    primitives::{PrimitiveStyle, PrimitiveStyleBuilder, Rectangle, StrokeAlignment},
    text::{Alignment, Text},
};

use crate::{frame::Size, message::Rect};

/// The colour of boxes: visible on most of what cameras see.
const BOX: Bgr888 = Bgr888::new(255, 176, 0);

const BACKGROUND: Bgr888 = Bgr888::new(32, 36, 40);
const TEXT: Bgr888 = Bgr888::new(208, 212, 216);

/// Pixels to draw into: rows x columns x 3 channels (blue, green, red), no padding, top row first.
#[derive(Debug)]
pub struct Bitmap {
    size: Size,
    pixels: Vec<u8>,
}

impl Bitmap {
    /// A picture of these pixels; there must be as many as `size` says.
    #[must_use]
    pub fn new(size: Size, pixels: Vec<u8>) -> Self {
        Self { size, pixels }
    }

    /// Lines of text in the middle of an empty picture.
    #[must_use]
    pub fn from_text(size: Size, lines: &[String]) -> Self {
        let pixels =
            [BACKGROUND.b(), BACKGROUND.g(), BACKGROUND.r()].repeat(size.width_px as usize * size.height_px as usize);
        let mut bitmap = Self { size, pixels };
        let style = MonoTextStyle::new(&FONT_10X20, TEXT);
        let middle = bitmap.bounding_box().center();
        let text = lines.join("\n");
        let up = 10 * i32::try_from(lines.len()).unwrap_or_default() - 20;
        let Ok(_) = Text::with_alignment(&text, middle - Point::new(0, up), style, Alignment::Center).draw(&mut bitmap);
        bitmap
    }

    /// Draws the outline of a box, inside its bounds. What is outside the picture is left out.
    pub fn draw_box(&mut self, bounds: Rect) {
        let Size { width_px, height_px } = self.size;
        let (x, y) = (bounds.x.min(width_px), bounds.y.min(height_px));
        let (width, height) = (bounds.width.min(width_px - x), bounds.height.min(height_px - y));
        let upper_left = Point::new(x.cast_signed(), y.cast_signed());
        let stroke: PrimitiveStyle<_> = PrimitiveStyleBuilder::new()
            .stroke_color(BOX)
            .stroke_width((width_px / 400).max(2))
            .stroke_alignment(StrokeAlignment::Inside)
            .build();
        let Ok(()) = Rectangle::new(upper_left, (width, height).into()).into_styled(stroke).draw(self);
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Its rows, top first.
    #[must_use]
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl OriginDimensions for Bitmap {
    fn size(&self) -> embedded_graphics::geometry::Size {
        (self.size.width_px, self.size.height_px).into()
    }
}

impl DrawTarget for Bitmap {
    type Color = Bgr888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Bgr888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        let bounds = self.bounding_box();
        for Pixel(point, colour) in pixels.into_iter().filter(|pixel| bounds.contains(pixel.0)) {
            let (x, y) = (point.x.cast_unsigned() as usize, point.y.cast_unsigned() as usize);
            // All rows are in memory, so this is less than the number of their bytes.
            let at = 3 * (y * self.size.width_px as usize + x);
            if let Some(pixel) = self.pixels.get_mut(at..at + 3) {
                pixel.copy_from_slice(&[colour.b(), colour.g(), colour.r()]);
            }
        }
        Ok(())
    }
}
