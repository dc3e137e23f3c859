//! The pictures: ordinary ones, and those that cost most of what the default limits let in.

use bytes::Bytes;
use fovea::frame::{PixelFormat, Size};
use png::{BitDepth, ColorType};
use turbojpeg::{Compressor, Image, Subsamp};

use crate::{
    Result, footage,
    pngs::{self, Fill, Kind, Random},
    scans::{self, Scan},
};

/// `server.max_message_bytes`, but for a header.
pub(crate) const MAX_BYTES: usize = (8 << 20) - 64;

/// `server.max_pixels`, as a square.
pub(crate) const LARGEST: Size = Size { width_px: 4096, height_px: 4096 };

/// The clip is enlarged much, and so smooth. With this noise a JPEG has the bits of a phone's of that size.
pub(crate) const NOISE: f64 = 12.0;

/// Frames of one kind, sent round and round.
pub(crate) struct Picture {
    pub(crate) name: String,
    pub(crate) format: PixelFormat,
    pub(crate) size: Size,
    pub(crate) files: Vec<Bytes>,
}

/// A picture that is made when its turn comes: all of them at once would be too many.
pub(crate) type Make = Box<dyn Fn() -> Result<Picture>>;

/// What all others are compared with: a camera's JPEG of 4096x4096.
pub(crate) fn yardstick() -> Result<Picture> {
    jpeg("a camera's JPEG", LARGEST, camera(LARGEST, false)?)
}

pub(crate) fn all() -> Vec<Make> {
    let mut all = ordinary();
    all.extend(encoded());
    all.extend(by_hand());
    all.extend(segments());
    all.extend(portable());
    all.extend(raw());
    all
}

fn jpeg(name: &str, size: Size, file: impl Into<Bytes>) -> Result<Picture> {
    let file = file.into();
    if file.len() > MAX_BYTES {
        return Err(format!("{name}: {} bytes are too many", file.len()).into());
    }
    Ok(Picture { name: name.to_owned(), format: PixelFormat::Jpeg, size, files: vec![file] })
}

/// A file as cameras make them: of 2.1 bits a pixel.
fn camera(size: Size, is_progressive: bool) -> Result<Bytes> {
    Ok(footage::frames_by(size, 1, NOISE, |jpeg| jpeg.set_progressive(is_progressive))?.remove(0))
}

fn size(width_px: u32, height_px: u32) -> Size {
    Size { width_px, height_px }
}

/// As phones and programs make them.
fn ordinary() -> Vec<Make> {
    let sizes = [
        (4000, 3000),
        (4096, 4096),
        (8192, 2048),
        (2048, 8192),
        (1440, 3200),
        (1800, 1350),
        (1800, 3900),
        (1600, 8192),
    ];
    let progressive = sizes.map(|(width, height)| -> Make {
        Box::new(move || {
            let size = size(width, height);
            jpeg("a usual progressive JPEG", size, camera(size, true)?)
        })
    });
    let baseline = [(8192, 2048), (2048, 8192), (4000, 3000)].map(|(width, height)| -> Make {
        Box::new(move || {
            let size = size(width, height);
            jpeg("a baseline JPEG", size, camera(size, false)?)
        })
    });
    progressive.into_iter().chain(baseline).collect()
}

/// By an encoder, as large as may be.
fn encoded() -> Vec<Make> {
    type Set = fn(&mut Compressor) -> turbojpeg::Result<()>;
    let kinds: [(&str, Set); 6] = [
        ("baseline 4:4:4 of 8 MiB", |_| Ok(())),
        ("progressive 4:4:4 of 8 MiB", |jpeg| jpeg.set_progressive(true)),
        ("progressive gray of 8 MiB", |jpeg| {
            jpeg.set_subsamp(Subsamp::Gray)?;
            jpeg.set_progressive(true)
        }),
        ("arithmetic 4:2:0", |jpeg| {
            jpeg.set_subsamp(Subsamp::Sub2x2)?;
            jpeg.set_arithmetic(true)
        }),
        ("arithmetic 4:4:4 of 8 MiB", |jpeg| jpeg.set_arithmetic(true)),
        ("arithmetic and progressive, 4:4:4 of 8 MiB", |jpeg| {
            jpeg.set_arithmetic(true)?;
            jpeg.set_progressive(true)
        }),
    ];
    let of_footage = kinds.map(|(name, set)| -> Make {
        Box::new(move || {
            for quality in [97, 95, 92, 90, 85, 80, 70, 60] {
                let files = footage::frames_by(LARGEST, 1, NOISE, |jpeg| {
                    jpeg.set_quality(quality)?;
                    jpeg.set_subsamp(Subsamp::None)?;
                    set(jpeg)
                });
                let file = files?.remove(0);
                if file.len() <= MAX_BYTES {
                    return jpeg(name, LARGEST, file);
                }
            }
            Err("no quality is low enough".into())
        })
    });
    let tile: Make = Box::new(|| {
        let (side, mut random) = (4096, Random(1));
        let tile: Vec<_> = (0..64).map(|_| random.byte()).collect();
        let pixels: Vec<_> = (0..side * side).map(|at| tile[at / side % 8 * 8 + at % 8]).collect();
        let image =
            Image { pixels: &pixels[..], width: side, pitch: side, height: side, format: turbojpeg::PixelFormat::GRAY };
        let mut compressor = Compressor::new()?;
        compressor.set_subsamp(Subsamp::Gray)?;
        compressor.set_quality(75)?;
        compressor.set_arithmetic(true)?;
        jpeg("arithmetic, gray, each block the same", LARGEST, compressor.compress_to_vec(image)?)
    });
    of_footage.into_iter().chain([tile]).collect()
}

/// In scans that no encoder would choose.
fn by_hand() -> Vec<Make> {
    let refined = |component, from: u8| (0..from).rev().map(move |low| Scan::FlatRefined { component, low });
    let flat = move |count: usize| -> Vec<_> {
        let first = [Scan::Dc, Scan::Flat { component: 1, low: 13 }];
        let more = [2, 3]
            .into_iter()
            .flat_map(move |component| [Scan::Flat { component, low: 13 }].into_iter().chain(refined(component, 13)));
        first.into_iter().chain(refined(1, 13)).chain(more).take(count).collect()
    };
    let dense = move |count: usize| -> Vec<_> {
        let dense = [
            Scan::Dc,
            Scan::Dense { component: 1, low: 2 },
            Scan::DenseRefined { component: 1, low: 1 },
            Scan::DenseRefined { component: 1, low: 0 },
            Scan::Flat { component: 2, low: 13 },
        ];
        dense.into_iter().chain(refined(2, 13)).take(count).collect()
    };
    let means = |count: u8| -> Vec<_> {
        [Scan::Dc].into_iter().chain((0..13).rev().map(|low| Scan::DcRefined { low })).take(count.into()).collect()
    };
    let mut all: Vec<Make> = Vec::new();
    let mut add = |name: String, size: Size, scans: Vec<Scan>| {
        all.push(Box::new(move || jpeg(&name, size, scans::progressive(size, 3, &scans))));
    };
    for count in [1, 2, 4, 6, 8, 10, 12, 16, 24] {
        add(format!("progressive, flat, in {count} scans"), LARGEST, flat(count));
    }
    for count in [4, 8, 10, 12] {
        add(format!("progressive, no coefficient zero, in {count} scans"), LARGEST, dense(count));
    }
    for count in [6, 12] {
        add(format!("progressive, means only, in {count} scans"), LARGEST, means(count));
    }
    for (width, height) in [(4000, 3000), (8192, 2048), (2048, 8192), (2896, 2896)] {
        add("progressive, flat, in 12 scans".into(), size(width, height), flat(12));
    }
    for (width, height) in [(1800, 1350), (1800, 3900), (1600, 8192)] {
        for count in [8, 10, 12, 20, 42] {
            add(format!("progressive, flat, in {count} scans"), size(width, height), flat(count));
        }
        add("progressive, no coefficient zero, in 6 scans".into(), size(width, height), dense(6));
    }
    for (name, components, repeats, is_dense) in [
        ("sequential, flat, in 3 scans", 3, 1, false),
        ("sequential, flat, in 12 scans", 3, 4, false),
        ("sequential, no coefficient zero", 1, 1, true),
    ] {
        all.push(Box::new(move || jpeg(name, LARGEST, scans::sequential(LARGEST, components, repeats, is_dense))));
    }
    all.push(Box::new(|| {
        let size = size(3328, 3328);
        jpeg("sequential, no coefficient zero, in 3 scans", size, scans::sequential(size, 3, 1, true))
    }));
    all
}

/// Of many segments, and of strips.
fn segments() -> Vec<Make> {
    let many = |name: &'static str, segment: &'static [u8]| -> Make {
        Box::new(move || {
            let flat = scans::progressive(LARGEST, 1, &[Scan::Dc]);
            jpeg(name, LARGEST, scans::with_many(&flat, segment, MAX_BYTES))
        })
    };
    const TABLE: &[u8] = &[0xff, 0xc4, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut all = vec![
        many("8 MiB of empty comments", b"\xff\xfe\x00\x02"),
        many("8 MiB of Huffman tables", TABLE),
        many("8 MiB of restart intervals", b"\xff\xdd\x00\x04\x00\x01"),
    ];
    for (width, height) in [(1, 8192), (8192, 1), (8, 8192), (452, 1812), (904, 7248)] {
        all.push(Box::new(move || {
            let size = size(width, height);
            jpeg("baseline", size, camera(size, false)?)
        }));
    }
    all
}

/// PNGs of every colour type and depth.
fn portable() -> Vec<Make> {
    use BitDepth::{Eight, Four, One, Sixteen, Two};
    let kinds: [(ColorType, &[BitDepth]); 5] = [
        (ColorType::Grayscale, &[One, Two, Four, Eight, Sixteen]),
        (ColorType::GrayscaleAlpha, &[Eight, Sixteen]),
        (ColorType::Indexed, &[One, Two, Four, Eight]),
        (ColorType::Rgb, &[Eight, Sixteen]),
        (ColorType::Rgba, &[Eight, Sixteen]),
    ];
    let mut all: Vec<Make> = Vec::new();
    for (colour, depths) in kinds {
        for &depth in depths {
            for is_interlaced in [false, true] {
                for &fill in fills(depth, is_interlaced) {
                    let kind = Kind { colour, depth, is_interlaced, fill };
                    for size in sizes(kind) {
                        all.push(Box::new(move || png(&name(kind), size, pngs::file(size, kind)?)));
                    }
                }
            }
        }
    }
    let gray = |fill| Kind { colour: ColorType::Grayscale, depth: Eight, is_interlaced: false, fill };
    all.push(Box::new(move || {
        let file = pngs::in_small_chunks(LARGEST, gray(Fill::Noisy), MAX_BYTES)?;
        png("PNG in chunks of a few bytes", LARGEST, file)
    }));
    all.push(Box::new(move || {
        let (small, kind) = (size(64, 48), Kind { colour: ColorType::Rgba, depth: Sixteen, ..gray(Fill::Flat) });
        png("PNG with the pixels of one of 4096x4096", small, pngs::with_more_pixels(small, LARGEST, kind)?)
    }));
    for name in [b"tEXt", b"zTXt", b"nICE", b"gAMA"] {
        all.push(Box::new(move || {
            let file = pngs::with_many_chunks(&pngs::file(LARGEST, gray(Fill::Flat))?, name, MAX_BYTES);
            png(&format!("PNG and 8 MiB of {} chunks", String::from_utf8_lossy(name)), LARGEST, file)
        }));
    }
    all
}

/// Of all depths the quickest and the slowest; of the usual one all.
fn fills(depth: BitDepth, is_interlaced: bool) -> &'static [Fill] {
    if depth == BitDepth::Eight && !is_interlaced {
        &[Fill::Flat, Fill::Filtered, Fill::Words, Fill::Noisy, Fill::Noisier]
    } else {
        &[Fill::Flat, Fill::Noisy]
    }
}

fn name(kind: Kind) -> String {
    let Kind { colour, depth, is_interlaced, fill } = kind;
    format!("PNG {colour:?} {}{}, {fill:?}", depth as u8, if is_interlaced { ", interlaced" } else { "" })
}

/// The largest squares that `server.max_pixels` and, of what does not deflate, `server.max_message_bytes` let in; and the
/// largest of those that are looked at.
fn sizes(kind: Kind) -> Vec<Size> {
    let pixel_bytes = f64::from(kind.depth as u8) * kind.colour.samples() as f64 / 8.0;
    let most_bytes = match kind.fill {
        Fill::Flat | Fill::Filtered => f64::INFINITY,
        Fill::Words => 60e6,
        Fill::Noisy => 42e6,
        Fill::Noisier => 13e6,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a side")]
    let side = |bytes: f64| (bytes.min(most_bytes) / pixel_bytes).sqrt().min(4096.0) as u32;
    let mut sides = [f64::INFINITY, 50e6, 33e6, 24e6, 16e6].map(side).to_vec();
    sides.dedup();
    sides.into_iter().map(|side| size(side, side)).collect()
}

fn png(name: &str, size: Size, file: Vec<u8>) -> Result<Picture> {
    if file.len() > MAX_BYTES {
        return Err(format!("{name}: {} bytes are too many", file.len()).into());
    }
    Ok(Picture { name: name.to_owned(), format: PixelFormat::Png, size, files: vec![file.into()] })
}

/// Rows of pixels, two pictures by turns that have nothing to do with each other.
fn raw() -> Vec<Make> {
    let kinds = [
        (PixelFormat::Yuyv, size(2048, 2047)),
        (PixelFormat::Yuyv, size(512, 8191)),
        (PixelFormat::Bgr24, size(1672, 1672)),
        (PixelFormat::Rgb24, size(341, 8192)),
        (PixelFormat::Grey, size(2896, 2896)),
        (PixelFormat::Grey, size(452, 1812)),
        (PixelFormat::Grey, size(904, 904)),
        (PixelFormat::Grey, size(1, 8192)),
        (PixelFormat::Nv12, size(2364, 2364)),
        (PixelFormat::I420, size(2364, 2364)),
    ];
    let noise = kinds.map(|(format, size)| -> Make {
        Box::new(move || {
            let mut random = Random(1);
            let bytes = match format {
                PixelFormat::Yuyv => size.pixels() * 2,
                PixelFormat::Grey => size.pixels(),
                PixelFormat::Nv12 | PixelFormat::I420 => size.pixels() / 2 * 3,
                _ => size.pixels() * 3,
            };
            let files = (0..2).map(|_| (0..bytes).map(|_| random.byte()).collect::<Vec<_>>().into()).collect();
            Ok(Picture { name: format!("{format:?}, other noise each time"), format, size, files })
        })
    });
    noise.into_iter().collect()
}
