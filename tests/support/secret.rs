//! Pictures with a secret in them, and the search for it in what leaves the daemon.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use super::pictures::Picture;

pub(crate) const WIDTH: u32 = 320;
pub(crate) const HEIGHT: u32 = 240;

/// Where the secret is: left, top, right, bottom, in pixels. No block of a JPEG ends there.
const AREA: [u32; 4] = [99, 75, 189, 165];

/// The mask over it, for a camera that stands last in the configuration.
pub(crate) fn mask() -> String {
    let [left, top, right, bottom] = AREA.map(f64::from);
    let (x, y) =
        ([left / f64::from(WIDTH), right / f64::from(WIDTH)], [top / f64::from(HEIGHT), bottom / f64::from(HEIGHT)]);
    let corner = |x: f64, y: f64| format!("[{x}, {y}]");
    let corners = [corner(x[0], y[0]), corner(x[1], y[0]), corner(x[1], y[1]), corner(x[0], y[1])];
    format!("[[camera.mask]]\nname = \"secret\"\npolygon = [{}]\n", corners.join(", "))
}

/// A grey scene with a secret in it: random blocks, in colours that nothing else has.
#[derive(Debug)]
pub(crate) struct Secret {
    rgb: Vec<u8>,
}

impl Secret {
    /// Another secret for each number; all else is the same.
    pub(crate) fn new(number: u32) -> Self {
        let scene = Picture::scene(WIDTH, HEIGHT);
        let mut rgb = scene.repeated(3);
        let [left, top, right, bottom] = AREA;
        for y in top..bottom {
            for x in left..right {
                let seed =
                    (x / 6).wrapping_mul(2_654_435_761) ^ (y / 6).wrapping_mul(2_246_822_519) ^ number.wrapping_mul(97);
                let colours = [[0, 0, 255], [255, 0, 255], [0, 255, 255], [0, 255, 0]];
                let colour = colours[(seed.wrapping_mul(3_266_489_917) >> 30) as usize];
                let at = 3 * (y * WIDTH + x) as usize;
                rgb[at..at + 3].copy_from_slice(&colour);
            }
        }
        Self { rgb }
    }

    pub(crate) fn jpeg(&self, subsamp: Subsamp, is_progressive: bool) -> Vec<u8> {
        self.jpeg_of(subsamp, is_progressive, 90)
    }

    pub(crate) fn jpeg_of(&self, subsamp: Subsamp, is_progressive: bool, quality: i32) -> Vec<u8> {
        let mut compressor = Compressor::new().expect("there is memory");
        compressor.set_quality(quality).expect("1 to 100");
        compressor.set_subsamp(subsamp).expect("it exists");
        compressor.set_progressive(is_progressive).expect("it exists");
        let (width, height) = (WIDTH as usize, HEIGHT as usize);
        let image = Image { pixels: &self.rgb[..], width, pitch: 3 * width, height, format: PixelFormat::RGB };
        compressor.compress_to_vec(image).expect("a picture")
    }

    /// A baseline JPEG with a thumbnail in EXIF, a comment and something behind its end, all of which have the secret.
    pub(crate) fn jpeg_with_thumbnail(&self) -> Vec<u8> {
        let jpeg = self.jpeg(Subsamp::Sub2x2, false);
        let small = self.jpeg(Subsamp::Gray, false);
        let segment = |marker: u8, body: &[u8]| {
            let length = u16::try_from(body.len() + 2).expect("a thumbnail is small").to_be_bytes();
            [&[0xff, marker], &length[..], body].concat()
        };
        let exif = segment(0xe1, &[b"Exif\0\0MM\0*\0\0\0\x08", &small[..]].concat());
        let comment = segment(0xfe, &small);
        [&jpeg[..2], &exif, &comment, &jpeg[2..], &jpeg].concat()
    }

    pub(crate) fn png(&self) -> Vec<u8> {
        Picture::scene(WIDTH, HEIGHT).png_of(png::ColorType::Rgb, png::BitDepth::Eight, &self.rgb)
    }

    pub(crate) fn bgr(&self) -> Vec<u8> {
        self.rgb.as_chunks().0.iter().flat_map(|&[r, g, b]| [b, g, r]).collect()
    }

    /// Luma and both colour differences of a pixel.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
    fn yuv(&self, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y * WIDTH as usize + x);
        let [r, g, b] = [0, 1, 2].map(|channel| f64::from(self.rgb[at + channel]));
        let (luma, blue) = (0.299 * r + 0.587 * g + 0.114 * b, 128.0 - 0.169 * r - 0.331 * g + 0.5 * b);
        [luma, blue, 128.0 + 0.5 * r - 0.419 * g - 0.081 * b].map(|value| value.round().clamp(0.0, 255.0) as u8)
    }

    /// A plane of each pixel's luma, or of a colour difference of one pixel in each square of four.
    fn plane(&self, which: usize) -> Vec<u8> {
        let step = if which == 0 { 1 } else { 2 };
        let rows = (0..HEIGHT as usize).step_by(step);
        rows.flat_map(|y| (0..WIDTH as usize).step_by(step).map(move |x| self.yuv(x, y)[which])).collect()
    }

    pub(crate) fn i420(&self) -> Vec<u8> {
        [0, 1, 2].map(|which| self.plane(which)).concat()
    }

    pub(crate) fn nv12(&self) -> Vec<u8> {
        let colour = self.plane(1).into_iter().zip(self.plane(2)).flat_map(|(blue, red)| [blue, red]);
        self.plane(0).into_iter().chain(colour).collect()
    }

    pub(crate) fn yuyv(&self) -> Vec<u8> {
        let pixels = (0..HEIGHT as usize).flat_map(|y| (0..WIDTH as usize).map(move |x| (x, y)));
        // The colour of a pair is that of its first pixel.
        pixels.flat_map(|(x, y)| [self.yuv(x, y)[0], self.yuv(x / 2 * 2, y)[1 + x % 2]]).collect()
    }
}

/// How many pixels of a JPEG file have a colour of the secret. There must be one picture in the file.
pub(crate) fn secret_pixels(jpeg: &[u8]) -> usize {
    let starts = jpeg.windows(3).filter(|bytes| bytes == &[0xff, 0xd8, 0xff]).count();
    let picture = turbojpeg::decompress(jpeg, PixelFormat::RGB).expect("a good JPEG");
    let is_secret = |&[r, g, b]: &[u8; 3]| {
        let is_coloured = r.max(g).max(b) - r.min(g).min(b) > 60;
        // The boxes that fovea draws are orange.
        is_coloured && b.max(g) > r.saturating_add(20) || b > g.saturating_add(60)
    };
    let pixels: &[[u8; 3]] = picture.pixels.as_chunks().0;
    pixels.iter().filter(|pixel| is_secret(pixel)).count() + 1_000_000 * (starts - 1)
}

/// Checks that two JPEG files are the same picture, to the bit, but for the mask and the blocks that it reaches into.
pub(crate) fn assert_same_outside(what: &str, sent: &[u8], got: &[u8]) {
    let decode = |jpeg| turbojpeg::decompress(jpeg, PixelFormat::RGB).expect("a good JPEG").pixels;
    let (sent, got) = (decode(sent), decode(got));
    assert_eq!(sent.len(), got.len(), "{what}");
    // A block of colour is 16 pixels wide, and spread over one more.
    let [left, top, right, bottom] = AREA;
    let (columns, rows) =
        (left / 16 * 16 - 1..right.next_multiple_of(16) + 1, top / 16 * 16 - 1..bottom.next_multiple_of(16) + 1);
    for y in 0..HEIGHT {
        for x in (0..WIDTH).filter(|x| !(columns.contains(x) && rows.contains(&y))) {
            let at = 3 * (y * WIDTH + x) as usize;
            assert_eq!(sent[at..at + 3], got[at..at + 3], "{what}: {x},{y} is not as it was sent");
        }
    }
}
