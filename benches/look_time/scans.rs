//! JPEGs made by hand: correct ones, in scans that no encoder would choose.

use fovea::frame::Size;

/// How the coefficients of all blocks are spread over scans.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scan {
    /// The mean of each block of all components: all the same.
    Dc,
    /// One more bit of it.
    DcRefined {
        /// The bit.
        low: u8,
    },
    /// The other 63 coefficients of a component, from bit `low` on: all zero, in a few bytes.
    Flat {
        /// From 1 on.
        component: u8,
        /// The lowest bit that is told.
        low: u8,
    },
    /// One more bit of them: still zero.
    FlatRefined {
        /// From 1 on.
        component: u8,
        /// The bit.
        low: u8,
    },
    /// The other 63 coefficients of a component: none is zero, at two bits each.
    Dense {
        /// From 1 on.
        component: u8,
        /// The lowest bit that is told.
        low: u8,
    },
    /// One more bit of each of them.
    DenseRefined {
        /// From 1 on.
        component: u8,
        /// The bit.
        low: u8,
    },
}

/// Huffman tables of one symbol each, whose code is 0: the end of a block or a run of 16384 blocks and more, and a
/// coefficient of one bit right behind the one before.
const END_OF_RUN: (u8, u8) = (0x10, 0xe0);
const ONE_BIT: (u8, u8) = (0x11, 0x01);
const END_OF_BLOCK: (u8, u8) = (0x12, 0x00);

/// A progressive JPEG without subsampling, of these scans.
pub(crate) fn progressive(size: Size, components: u8, scans: &[Scan]) -> Vec<u8> {
    let blocks = blocks(size);
    let mut file = head(0xc2, size, components);
    for scan in scans {
        match *scan {
            Scan::Dc => {
                let bits = Bits::zeros(blocks * u64::from(components));
                file.extend(all(components, 0x00, [0, 0, 0x0d], bits));
            }
            Scan::DcRefined { low } => {
                let bits = Bits::zeros(blocks * u64::from(components));
                file.extend(all(components, 0x00, [0, 0, (low + 1) << 4 | low], bits));
            }
            Scan::Flat { component, low } => {
                file.extend(one(component, 0x00, [1, 63, low], Bits::runs(blocks, 0)));
            }
            Scan::FlatRefined { component, low } => {
                file.extend(one(component, 0x00, [1, 63, (low + 1) << 4 | low], Bits::runs(blocks, 0)));
            }
            Scan::Dense { component, low } => {
                file.extend(one(component, 0x01, [1, 63, low], Bits::zeros(blocks * 63 * 2)));
            }
            Scan::DenseRefined { component, low } => {
                file.extend(one(component, 0x00, [1, 63, (low + 1) << 4 | low], Bits::runs(blocks, 63)));
            }
        }
    }
    file.extend([0xff, 0xd9]);
    file
}

/// A sequential JPEG without subsampling: each component in scans of its own, all of them `repeats` times, `dense` or of
/// nothing.
pub(crate) fn sequential(size: Size, components: u8, repeats: usize, is_dense: bool) -> Vec<u8> {
    let blocks = blocks(size);
    let mut file = head(0xc1, size, components);
    for component in (1..=components).cycle().take(usize::from(components) * repeats) {
        let (table, bits) = if is_dense { (0x01, 1 + 63 * 2) } else { (0x02, 2) };
        file.extend(one(component, table, [0, 63, 0], Bits::zeros(blocks * bits)));
    }
    file.extend([0xff, 0xd9]);
    file
}

/// The same file with as many segments of some kind before its own as there is room for.
pub(crate) fn with_many(jpeg: &[u8], segment: &[u8], max_bytes: usize) -> Vec<u8> {
    let count = (max_bytes - jpeg.len()) / segment.len();
    [&jpeg[..2], &segment.repeat(count), &jpeg[2..]].concat()
}

/// Eight by eight pixels each, those at the edges in part.
fn blocks(size: Size) -> u64 {
    u64::from(size.width_px.div_ceil(8)) * u64::from(size.height_px.div_ceil(8))
}

fn head(frame: u8, size: Size, components: u8) -> Vec<u8> {
    let side = |pixels: u32| u16::try_from(pixels).expect("a JPEG's side").to_be_bytes();
    let mut file = vec![0xff, 0xd8];
    file.extend(segment(0xdb, &[&[0][..], &[1; 64]].concat()));
    let mut body = vec![8];
    body.extend([side(size.height_px), side(size.width_px)].concat());
    body.push(components);
    (1..=components).for_each(|component| body.extend([component, 0x11, 0]));
    file.extend(segment(frame, &body));
    for (kind, symbol) in [(0x00, 0x00), END_OF_RUN, ONE_BIT, END_OF_BLOCK] {
        let counts = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        file.extend(segment(0xc4, &[&[kind][..], &counts, &[symbol]].concat()));
    }
    file
}

fn all(components: u8, tables: u8, band: [u8; 3], bits: Bits) -> Vec<u8> {
    let mut body = vec![components];
    (1..=components).for_each(|component| body.extend([component, tables]));
    body.extend(band);
    [segment(0xda, &body), bits.coded()].concat()
}

fn one(component: u8, tables: u8, band: [u8; 3], bits: Bits) -> Vec<u8> {
    [segment(0xda, &[&[1, component, tables][..], &band].concat()), bits.coded()].concat()
}

fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).expect("short").to_be_bytes();
    [&[0xff, marker][..], &length, body].concat()
}

/// Entropy-coded bits, the first one the highest.
struct Bits {
    bytes: Vec<u8>,
    count: u64,
}

impl Bits {
    fn zeros(count: u64) -> Self {
        let mut bits = Self { bytes: Vec::new(), count: 0 };
        bits.skip(count);
        bits
    }

    /// Runs over all blocks without a new coefficient, and in each block so many zeros for those that are known.
    fn runs(blocks: u64, known: u64) -> Self {
        const LONGEST: u64 = 32_767;
        let mut bits = Self::zeros(0);
        let count = blocks.div_ceil(LONGEST);
        for n in 0..count {
            let run = blocks * (n + 1) / count - blocks * n / count;
            bits.skip(1); // the code
            (0..14).rev().for_each(|bit| bits.push((run - 16_384) >> bit & 1 == 1));
            bits.skip(run * known);
        }
        bits
    }

    fn skip(&mut self, count: u64) {
        self.count += count;
        self.bytes.resize(usize::try_from(self.count.div_ceil(8)).expect("it is in memory"), 0);
    }

    fn push(&mut self, is_set: bool) {
        self.skip(1);
        let last = self.bytes.last_mut().expect("there is a bit");
        *last |= u8::from(is_set) << (7 - (self.count - 1) % 8);
    }

    /// Filled up with ones, and without a 0xff that could be a marker.
    fn coded(mut self) -> Vec<u8> {
        while !self.count.is_multiple_of(8) {
            self.push(true);
        }
        let mut coded = Vec::with_capacity(self.bytes.len());
        for byte in self.bytes {
            coded.push(byte);
            if byte == 0xff {
                coded.push(0);
            }
        }
        coded
    }
}
