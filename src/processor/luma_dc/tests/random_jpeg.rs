//! JPEGs of random coefficients, coded with the standard's tables or random ones: what encoders never do, and may.

use super::super::{
    huffman::Codes,
    standard::{CHROMA, LUMA},
};
use crate::frame::Size;

/// Numbers that look random, the same on every machine.
#[derive(Clone, Debug)]
pub(super) struct Random(pub(super) u64);

/// Symbols and their codes, in order.
#[derive(Debug)]
struct Coder {
    definition: Vec<u8>,
    /// A code and its length, by symbol.
    codes: Vec<Option<(u64, u32)>>,
    symbols: Vec<u8>,
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    last: u64,
    count: u32,
}

impl Random {
    /// Less than `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    /// Whether something happens that happens once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn bits(&mut self, count: u32) -> u64 {
        u64::try_from(self.below(1 << count)).unwrap()
    }
}

impl Coder {
    fn new(definition: &[u8]) -> Self {
        let (counts, symbols) = definition.split_at(16);
        let mut codes = vec![None; 256];
        let (mut code, mut rest) = (0, symbols.iter());
        for (length, &count) in (1..).zip(counts) {
            for &symbol in rest.by_ref().take(count.into()) {
                codes[usize::from(symbol)] = Some((code, length));
                code += 1;
            }
            code <<= 1;
        }
        Self { definition: definition.to_vec(), codes, symbols: symbols.to_vec() }
    }

    /// Random lengths for all of `symbols`.
    fn random(random: &mut Random, mut symbols: Vec<u8>) -> Self {
        for at in (1..symbols.len()).rev() {
            symbols.swap(at, random.below(at + 1));
        }
        let (mut counts, mut rest, mut free) = (vec![], symbols.len(), 1);
        for length in 1..=16 {
            free *= 2;
            // Codes of this length, if the longest ones are enough for the others, and one is left that is no code.
            let possible = (0..=rest.min(free - 1)).rev().find(|count| (free - count) << (16 - length) > rest - count);
            let count = match possible.unwrap_or(0).min(255) {
                most if length == 16 => most,
                most => random.below(most.min(1 + length) + 1),
            };
            counts.push(u8::try_from(count).unwrap());
            (rest, free) = (rest - count, free - count);
        }
        assert_eq!(rest, 0);
        Self::new(&[counts, symbols].concat())
    }

    fn write(&self, symbol: u8, bits: &mut Bits) {
        let (code, length) = self.codes[usize::from(symbol)].unwrap();
        bits.write(code, length);
    }
}

impl Bits {
    fn write(&mut self, value: u64, count: u32) {
        (self.last, self.count) = (self.last << count | value, self.count + count);
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.last >> self.count & 0xff).try_into().unwrap();
            self.bytes.push(byte);
            if byte == 0xff {
                self.bytes.push(0);
            }
        }
    }

    /// Fills the last byte.
    fn end(&mut self) {
        let free = (8 - self.count) % 8;
        self.write((1 << free) - 1, free);
    }
}

/// A file, and its size.
pub(super) fn random_jpeg(random: &mut Random) -> (Vec<u8>, Size) {
    let [width, height] = [80, 60].map(|most| 1 + random.below(most));
    let components = if random.once_in(5) { 1 } else { 3 };
    let samplings = [(1, 1), (2, 1), (2, 2), (1, 2), (4, 1), (1, 4), (4, 2)];
    let (across, down) = samplings[random.below(samplings.len())];
    let is_standard = random.once_in(3);
    let has_wide_quantizers = random.once_in(3);
    let coders = if is_standard {
        [LUMA, CHROMA].map(|Codes { dc, ac }| [Coder::new(dc), Coder::new(ac)])
    } else {
        [(), ()].map(|()| {
            let (mut dc, mut ac): (Vec<u8>, Vec<u8>) = ((0..=15).collect(), (0..=255).collect());
            ac.retain(|symbol| symbol & 15 <= 10 || random.once_in(4));
            // Few symbols have short codes, and many of them fit into an entry of a table.
            if random.once_in(2) {
                dc.retain(|_| random.once_in(4));
                ac.retain(|symbol| random.once_in(if symbol & 15 < 2 { 20 } else { 200 }));
                dc.push(random.below(4).to_le_bytes()[0]);
                ac.extend([0xf0, 0xe1, 0x00]);
                for symbols in [&mut dc, &mut ac] {
                    symbols.sort_unstable();
                    symbols.dedup();
                }
            }
            [Coder::random(random, dc), Coder::random(random, ac)]
        })
    };

    let mut file = vec![0xff, 0xd8];
    let quantizers = (0..64).flat_map(|_| {
        let value = u16::try_from(1 + random.below(if has_wide_quantizers { 32_767 } else { 255 })).unwrap();
        value.to_be_bytes()[usize::from(!has_wide_quantizers)..].to_vec()
    });
    let quantizers = [vec![u8::from(has_wide_quantizers) << 4], quantizers.collect()].concat();
    segment(&mut file, 0xdb, &quantizers);
    let [[h1, h2], [w1, w2]] = [height, width].map(|side| u16::try_from(side).unwrap().to_be_bytes());
    let mut frame = vec![8, h1, h2, w1, w2, components];
    for at in 0..components {
        frame.extend([at + 1, if at == 0 { across << 4 | down } else { 0x11 }, 0]);
    }
    segment(&mut file, if random.once_in(2) { 0xc0 } else { 0xc1 }, &frame);
    if !is_standard || random.once_in(2) {
        for (at, [dc, ac]) in (0..).zip(&coders) {
            segment(&mut file, 0xc4, &[&[at][..], &dc.definition, &[0x10 | at], &ac.definition].concat());
        }
    }
    let interval = if random.once_in(2) { 1 + random.below(9) } else { 0 };
    if interval > 0 {
        segment(&mut file, 0xdd, &u16::try_from(interval).unwrap().to_be_bytes());
    }
    let mut scan = vec![components];
    for at in 0..components {
        scan.extend([at + 1, if at == 0 { 0x00 } else { 0x11 }]);
    }
    segment(&mut file, 0xda, &[&scan[..], &[0, 63, 0]].concat());

    // A scan of gray alone has one block in each MCU.
    let (across, down) = if components == 1 { (1, 1) } else { (usize::from(across), usize::from(down)) };
    let mcus = width.div_ceil(8 * across) * height.div_ceil(8 * down);
    let density = random.below(4);
    let mut bits = Bits::default();
    for mcu in 0..mcus {
        if interval > 0 && mcu > 0 && mcu % interval == 0 {
            bits.end();
            let number = u8::try_from((mcu / interval - 1) % 8).unwrap();
            bits.bytes.extend([0xff, 0xd0 + number]);
        }
        for _ in 0..across * down {
            block(random, &coders[0], density, &mut bits);
        }
        for _ in 1..components {
            block(random, &coders[1], density, &mut bits);
        }
    }
    bits.end();
    file.extend(bits.bytes);
    // Some webcams write more than there is.
    file.extend((0..[0, 0, 1, 2][random.below(4)]).map(|_| 0x5a));
    file.extend([0xff, 0xd9]);
    (file, Size { width_px: width.try_into().unwrap(), height_px: height.try_into().unwrap() })
}

/// A block, with few coefficients or many.
fn block(random: &mut Random, [dc, ac]: &[Coder; 2], density: usize, bits: &mut Bits) {
    // Small ones more often.
    let sizes = [(); 2].map(|()| dc.symbols[random.below(dc.symbols.len())]);
    let size = sizes[0].min(sizes[1]);
    dc.write(size, bits);
    bits.write(random.bits(size.into()), size.into());
    let mut next = 1;
    while next < 64 {
        let symbol = ac.symbols[random.below(ac.symbols.len())];
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        let is_end = size == 0 && run != 15;
        let is_wanted = if is_end {
            density < 3 && random.once_in(2)
        } else {
            run <= 1 + 4 * (3 - density) || ac.symbols.len() < 12
        };
        if !is_wanted && !random.once_in(8 << density) {
            continue;
        }
        ac.write(symbol, bits);
        bits.write(random.bits(size), size);
        if is_end {
            return;
        }
        // A run may lead beyond the block: nothing is there, and libjpeg does not mind.
        next += run + 1;
    }
}

fn segment(file: &mut Vec<u8>, marker: u8, body: &[u8]) {
    file.extend([0xff, marker]);
    file.extend(u16::try_from(body.len() + 2).unwrap().to_be_bytes());
    file.extend(body);
}
