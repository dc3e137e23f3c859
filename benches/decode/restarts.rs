//! Restart markers for JPEGs that have none: the same coefficients, coded anew where the difference to the block before counts.

use std::collections::HashMap;

/// A kind of code: its symbols by length and code, and the other way round.
#[derive(Default)]
struct Code {
    symbols: HashMap<(u32, u32), u8>,
    codes: HashMap<u8, (u32, u32)>,
}

struct Reader<'a> {
    bytes: &'a [u8],
    bit: usize,
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    last: u32,
    count: u32,
}

impl Code {
    /// Of a definition as it is in a file.
    fn new(definition: &[u8]) -> (Self, usize) {
        let (mut made, mut code, mut at) = (Self::default(), 0, 16);
        for length in 1..=16 {
            for _ in 0..definition[length as usize - 1] {
                made.symbols.insert((length, code), definition[at]);
                made.codes.insert(definition[at], (length, code));
                (code, at) = (code + 1, at + 1);
            }
            code <<= 1;
        }
        (made, at)
    }
}

impl Reader<'_> {
    fn bits(&mut self, count: u32) -> u32 {
        (0..count).fold(0, |value, _| {
            let bit = self.bytes[self.bit / 8] >> (7 - self.bit % 8) & 1;
            self.bit += 1;
            value << 1 | u32::from(bit)
        })
    }

    fn symbol(&mut self, code: &Code) -> u8 {
        let (mut length, mut read) = (0, 0);
        loop {
            (length, read) = (length + 1, read << 1 | self.bits(1));
            if let Some(symbol) = code.symbols.get(&(length, read)) {
                return *symbol;
            }
        }
    }
}

impl Writer {
    fn bits(&mut self, value: u32, count: u32) {
        for at in (0..count).rev() {
            self.last = self.last << 1 | value >> at & 1;
            self.count += 1;
            if self.count == 8 {
                let byte = self.last.to_le_bytes()[0];
                self.bytes.push(byte);
                if byte == 0xff {
                    self.bytes.push(0);
                }
                self.count = 0;
            }
        }
    }

    fn symbol(&mut self, code: &Code, symbol: u8) {
        let (length, bits) = code.codes[&symbol];
        self.bits(bits, length);
    }

    fn restart(&mut self, number: usize) {
        while self.count > 0 {
            self.bits(1, 1);
        }
        self.bytes.extend([0xff, 0xd0 + (number % 8).to_le_bytes()[0]]);
    }
}

/// `file` is of one scan, 4:2:0 and a whole number of MCUs wide, as libjpeg-turbo makes it. It becomes one with a restart
/// marker behind each `interval` MCUs.
pub(crate) fn with_restarts(file: &[u8], interval: u16, mcus: usize) -> Vec<u8> {
    let scan = position(file, 0xda);
    let (head, data) = file.split_at(scan + 14);
    let mut codes = HashMap::new();
    let mut at = 2;
    while at < scan {
        let end = at + 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
        let mut start = at + 4;
        while file[at + 1] == 0xc4 && start < end {
            let (code, length) = Code::new(&file[start + 1..]);
            codes.insert(file[start], code);
            start += 1 + length;
        }
        at = end;
    }
    let bytes: Vec<_> =
        (0..data.len() - 2).filter(|&at| at == 0 || data[at - 1..=at] != [0xff, 0]).map(|at| data[at]).collect();
    let (mut reader, mut writer) = (Reader { bytes: &bytes, bit: 0 }, Writer::default());
    let (mut read, mut written) = ([0; 3], [0; 3]);
    for mcu in 0..mcus {
        if mcu > 0 && mcu % usize::from(interval) == 0 {
            writer.restart(mcu / usize::from(interval) - 1);
            written = [0; 3];
        }
        for component in [0, 0, 0, 0, 1, 2] {
            let kind = u8::from(component > 0);
            let (dc, ac) = (&codes[&kind], &codes[&(0x10 | kind)]);
            let size = u32::from(reader.symbol(dc));
            let bits = i64::from(reader.bits(size));
            let is_negative = size > 0 && bits < 1 << (size - 1);
            read[component] += bits - if is_negative { (1 << size) - 1 } else { 0 };
            let difference = read[component] - written[component];
            written[component] = read[component];
            let size = 64 - difference.abs().leading_zeros();
            writer.symbol(dc, size.to_le_bytes()[0]);
            let bits = if difference < 0 { difference + (1 << size) - 1 } else { difference };
            writer.bits(u32::try_from(bits).expect("it has few bits"), size);
            let mut next = 1;
            while next < 64 {
                let symbol = reader.symbol(ac);
                let size = u32::from(symbol & 15);
                writer.symbol(ac, symbol);
                writer.bits(reader.bits(size), size);
                next += if symbol == 0 { 64 } else { usize::from(symbol >> 4) + 1 };
            }
        }
    }
    writer.restart(0);
    writer.bytes.truncate(writer.bytes.len() - 2);
    let [high, low] = interval.to_be_bytes();
    [&head[..scan], &[0xff, 0xdd, 0, 4, high, low], &head[scan..], &writer.bytes, &[0xff, 0xd9]].concat()
}

fn position(file: &[u8], marker: u8) -> usize {
    file.windows(2).position(|pair| pair == [0xff, marker]).expect("it is a JPEG")
}
