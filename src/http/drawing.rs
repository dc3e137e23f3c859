//! Drawing into pictures: boxes on a snapshot, and the words of a camera that is lost.

use std::convert::Infallible;

use embedded_graphics::{
    mono_font::{MonoTextStyle, ascii::FONT_10X20},
    pixelcolor::{Bgr888, RgbColor},
    prelude::*,
    primitives::{PrimitiveStyle, PrimitiveStyleBuilder, Rectangle, StrokeAlignment},
    text::{Alignment, Text},
};

use super::jpeg;
use crate::{
    frame::{Frame, Size},
    message::Rect,
    processor::pixels::Layout,
};

/// The colour of boxes: seen on most of what cameras see.
const BOX: Bgr888 = Bgr888::new(255, 176, 0);

const BACKGROUND: Bgr888 = Bgr888::new(32, 36, 40);
const WORDS: Bgr888 = Bgr888::new(208, 212, 216);

/// A picture to draw into: rows of blue, green, red.
pub(super) struct Canvas {
    size: Size,
    pixels: Vec<u8>,
}

impl Canvas {
    /// The frame's picture.
    pub(super) fn of(frame: &Frame) -> Result<Self, jpeg::Unshowable> {
        Ok(Self { size: frame.size(), pixels: jpeg::pixels(frame)? })
    }

    /// No picture, but some lines of words in its middle.
    pub(super) fn words(size: Size, lines: &[String]) -> Self {
        let pixels =
            [BACKGROUND.b(), BACKGROUND.g(), BACKGROUND.r()].repeat(size.width_px as usize * size.height_px as usize);
        let mut canvas = Self { size, pixels };
        let style = MonoTextStyle::new(&FONT_10X20, WORDS);
        let middle = canvas.bounding_box().center();
        let text = lines.join("\n");
        let up = 10 * i32::try_from(lines.len()).unwrap_or_default() - 20;
        let Ok(_) = Text::with_alignment(&text, middle - Point::new(0, up), style, Alignment::Center).draw(&mut canvas);
        canvas
    }

    /// Draws a box's outline, inwards.
    pub(super) fn outline(&mut self, around: Rect) {
        let Rect { x, y, width, height } = around;
        let upper_left = Point::new(x.cast_signed(), y.cast_signed());
        let stroke: PrimitiveStyle<_> = PrimitiveStyleBuilder::new()
            .stroke_color(BOX)
            .stroke_width((self.size.width_px / 400).max(2))
            .stroke_alignment(StrokeAlignment::Inside)
            .build();
        let Ok(()) = Rectangle::new(upper_left, (width, height).into()).into_styled(stroke).draw(self);
    }

    pub(super) fn to_jpeg(&self) -> Result<Vec<u8>, turbojpeg::Error> {
        jpeg::encode(&self.pixels, Layout::Bgr, self.size, 0)
    }
}

impl OriginDimensions for Canvas {
    fn size(&self) -> embedded_graphics::geometry::Size {
        (self.size.width_px, self.size.height_px).into()
    }
}

impl DrawTarget for Canvas {
    type Color = Bgr888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Bgr888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        let whole = self.bounding_box();
        for Pixel(point, colour) in pixels.into_iter().filter(|pixel| whole.contains(pixel.0)) {
            let (x, y) = (point.x.cast_unsigned() as usize, point.y.cast_unsigned() as usize);
            let at = 3 * (y * self.size.width_px as usize + x);
            self.pixels[at..at + 3].copy_from_slice(&[colour.b(), colour.g(), colour.r()]);
        }
        Ok(())
    }
}
