//! Pictures to send: a textured scene, with or without something in it, in every format there is.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

/// Where something is: x, y, width, height.
pub(crate) type Box = [u32; 4];

/// A picture of `width` x `height` grey pixels, top row first.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Vec<u8>,
}

impl Picture {
    /// A scene with texture everywhere and grey levels from about 60 to 140; always the same.
    pub(crate) fn scene(width: u32, height: u32) -> Self {
        let level = |x: u32, y: u32| {
            let wave = 20 * ((x / 9 + y / 13) % 3) + 8 * (x / 31 % 2);
            let grain =
                (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)).wrapping_mul(3_266_489_917) >> 29;
            u8::try_from(60 + wave + grain).expect("at most 60 + 40 + 8 + 7")
        };
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| level(x, y))).collect();
        Self { width, height, pixels }
    }

    /// The same with something bright in it.
    pub(crate) fn with(&self, [x, y, width, height]: Box) -> Self {
        let mut picture = self.clone();
        for row in y..y + height {
            let start = (row * self.width + x) as usize;
            picture.pixels[start..start + width as usize].fill(235);
        }
        picture
    }

    /// A colour JPEG as a camera makes it.
    pub(crate) fn jpeg(&self) -> Vec<u8> {
        self.jpeg_by(|_| {})
    }

    /// A JPEG with another setting.
    pub(crate) fn jpeg_by(&self, set: impl FnOnce(&mut Compressor)) -> Vec<u8> {
        let rgb = self.repeated(3);
        let mut compressor = Compressor::new().expect("there is memory");
        compressor.set_quality(92).expect("1 to 100");
        compressor.set_subsamp(Subsamp::Sub2x2).expect("it exists");
        set(&mut compressor);
        compressor.compress_to_vec(self.image(&rgb, PixelFormat::RGB)).expect("a picture")
    }

    /// A progressive JPEG.
    pub(crate) fn progressive_jpeg(&self) -> Vec<u8> {
        self.jpeg_by(|compressor| compressor.set_progressive(true).expect("it exists"))
    }

    /// The pixels as an image of four channels, for JPEGs as printers want them.
    pub(crate) fn cmyk_jpeg(&self) -> Vec<u8> {
        let cmyk = self.repeated(4);
        let mut compressor = Compressor::new().expect("there is memory");
        compressor.set_colorspace(turbojpeg::Colorspace::CMYK).expect("it exists");
        compressor.compress_to_vec(self.image(&cmyk, PixelFormat::CMYK)).expect("a picture")
    }

    fn image<'a>(&self, pixels: &'a [u8], format: PixelFormat) -> Image<&'a [u8]> {
        let (width, height) = (self.width as usize, self.height as usize);
        Image { pixels, width, pitch: width * format.size(), height, format }
    }

    /// An 8-bit grey PNG.
    pub(crate) fn png(&self) -> Vec<u8> {
        self.png_of(png::ColorType::Grayscale, png::BitDepth::Eight, &self.pixels)
    }

    /// A PNG of other pixels of the same size.
    pub(crate) fn png_of(&self, colour: png::ColorType, depth: png::BitDepth, pixels: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.width, self.height);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if colour == png::ColorType::Indexed {
            encoder.set_palette((0..=255_u8).flat_map(|level| [level; 3]).collect::<Vec<_>>());
        }
        let mut writer = encoder.write_header().expect("a vector takes everything");
        writer.write_image_data(pixels).expect("as many as the size says");
        writer.finish().expect("a vector takes everything");
        file
    }

    /// Each grey level `count` times: grey in any channels.
    pub(crate) fn repeated(&self, count: usize) -> Vec<u8> {
        self.pixels.iter().flat_map(|&level| std::iter::repeat_n(level, count)).collect()
    }

    /// Rows of luma, `padding` bytes of rubbish behind each.
    pub(crate) fn grey(&self, padding: usize) -> Vec<u8> {
        rows(&self.pixels, self.width as usize, padding)
    }

    pub(crate) fn bgr(&self, padding: usize) -> Vec<u8> {
        rows(&self.repeated(3), 3 * self.width as usize, padding)
    }

    pub(crate) fn yuyv(&self, padding: usize) -> Vec<u8> {
        let packed: Vec<_> = self.pixels.iter().flat_map(|&level| [level, 128]).collect();
        rows(&packed, 2 * self.width as usize, padding)
    }

    pub(crate) fn nv12(&self, padding: usize) -> Vec<u8> {
        let mut planes = self.pixels.clone();
        planes.resize(planes.len() / 2 * 3, 128);
        rows(&planes, self.width as usize, padding)
    }

    /// `padding` is that of a row of luma, and even.
    pub(crate) fn i420(&self, padding: usize) -> Vec<u8> {
        let colour = vec![128; self.pixels.len() / 2];
        [self.grey(padding), rows(&colour, self.width as usize / 2, padding / 2)].concat()
    }
}

fn rows(bytes: &[u8], row_bytes: usize, padding: usize) -> Vec<u8> {
    bytes.chunks(row_bytes).flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0xee, padding))).collect()
}

/// How well two boxes agree: the part they share of all that they cover, 0 to 1.
pub(crate) fn overlap(a: Box, b: Box) -> f64 {
    let along = |axis: usize| {
        let end = (a[axis] + a[axis + 2]).min(b[axis] + b[axis + 2]);
        f64::from(end.saturating_sub(a[axis].max(b[axis])))
    };
    let area = |of: Box| f64::from(of[2]) * f64::from(of[3]);
    let shared = along(0) * along(1);
    shared / (area(a) + area(b) - shared)
}
