//! Bits of entropy-coded data (ITU-T T.81, F.2.2.5): a stuffed zero behind 0xff is left out, a marker ends them.

/// How many bits there are at least behind a [`BitReader::refill`].
pub(super) const REFILLED_BITS: u32 = 56;

const EOI: u8 = 0xd9;
const RST0: u8 = 0xd0;

/// Reads bits from the front. A copy of it is a place to go back to.
///
/// Behind the last bit there are zeros without end. Who reads them finds out by [`Self::has_overrun`].
#[derive(Clone, Copy, Debug)]
pub(super) struct BitReader<'a> {
    data: &'a [u8],
    /// The next byte to take bits from, or the 0xff of the marker that ended them.
    at: usize,
    /// The next bits, first one highest. Below the `count` there are zeros, or bits of the byte at `at`.
    bits: u64,
    /// How many bits are known. Never more than 63.
    count: u32,
    /// How many bits were made up since the end was reached.
    made_up: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, bits: 0, count: 0, made_up: 0 }
    }

    /// Sees to it that [`REFILLED_BITS`] are known.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        match self.data.get(self.at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) if !has_ff(u64::from_be_bytes(*bytes)) => {
                self.bits |= u64::from_be_bytes(*bytes) >> self.count;
                self.at += ((63 - self.count) / 8) as usize;
                self.count |= REFILLED_BITS;
            }
            _ => {
                // Part by part, so that none of them has to be in memory in a hot loop.
                let state = (self.at, self.bits, self.count, self.made_up);
                (self.at, self.bits, self.count, self.made_up) = refilled_by_bytes(self.data, state);
            }
        }
    }

    /// The next bits, of which the highest are the first ones.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        self.bits
    }

    /// Goes on behind so many bits, which have to be known.
    #[inline(always)]
    pub(super) fn consume(&mut self, bits: u32) {
        self.bits <<= bits;
        self.count -= bits;
    }

    /// The first byte that is not 0xff, from the 0xff at `at` on, and where the one behind it is.
    #[inline(always)]
    fn behind_fill(&self) -> Option<(u8, usize)> {
        behind_fill(self.data, self.at)
    }

    /// Whether bits behind the end were consumed.
    #[inline(always)]
    pub(super) fn has_overrun(&self) -> bool {
        self.made_up > self.count
    }

    /// Goes on behind the restart marker of this number, which has to follow at once.
    #[inline(always)] // or the reader of a hot loop would be in memory
    pub(super) fn restart(&mut self, number: u8) -> Option<()> {
        let is_at_the_marker = self.count.checked_sub(self.made_up)? < 8;
        match self.behind_fill() {
            Some((marker, behind)) if is_at_the_marker && marker == RST0 + number % 8 => {
                *self = Self { at: behind, ..Self::new(self.data) };
                Some(())
            }
            _ => None,
        }
    }

    /// How many bytes lie between here and the end mark of the picture, or more: a byte that has been read counts as two, as
    /// it may have been stuffed. `None` if anything else is there before the end mark.
    #[inline(always)] // as above
    pub(super) fn bytes_before_end(mut self) -> Option<usize> {
        let mut bytes = (self.count.checked_sub(self.made_up)? / 8 * 2) as usize;
        while let Some(&byte) = self.data.get(self.at) {
            if byte == 0xff {
                match self.behind_fill()? {
                    (EOI, _) => return Some(bytes),
                    (0, behind) => {
                        bytes += behind - self.at;
                        self.at = behind;
                    }
                    _ => return None,
                }
            } else {
                bytes += 1;
                self.at += 1;
            }
        }
        None
    }
}

#[cold]
#[inline(never)]
fn refilled_by_bytes(data: &[u8], state: (usize, u64, u32, u32)) -> (usize, u64, u32, u32) {
    let (mut at, mut bits, mut count, mut made_up) = state;
    while count < REFILLED_BITS {
        let byte = match data.get(at) {
            Some(0xff) => match behind_fill(data, at) {
                Some((0, behind)) => {
                    at = behind;
                    0xff
                }
                _ => {
                    made_up += 8;
                    0
                }
            },
            Some(&byte) => {
                at += 1;
                byte
            }
            None => {
                made_up += 8;
                0
            }
        };
        bits |= u64::from(byte) << (56 - count);
        count += 8;
    }
    (at, bits, count, made_up)
}

/// The first byte that is not 0xff, from the 0xff at `at` on, and where the one behind it is.
fn behind_fill(data: &[u8], at: usize) -> Option<(u8, usize)> {
    let rest = data.get(at..)?;
    let fill = rest.iter().position(|&byte| byte != 0xff)?;
    (fill > 0).then(|| (rest[fill], at + fill + 1))
}

/// Whether one of eight bytes is 0xff.
#[inline(always)]
fn has_ff(bytes: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    (!bytes).wrapping_sub(ONES) & bytes & (ONES << 7) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All bits of `data`, in steps of `step`, up to the end.
    fn bits(data: &[u8], step: u32) -> String {
        let (mut reader, mut text) = (BitReader::new(data), String::new());
        loop {
            reader.refill();
            let bits = reader.peek() >> (64 - step);
            reader.consume(step);
            if reader.has_overrun() {
                return text;
            }
            text += &format!("{bits:0width$b}", width = step as usize);
        }
    }

    #[test]
    fn bits_are_those_of_the_bytes() {
        let plain: Vec<u8> = (0..200_u8).map(|at| at.wrapping_mul(37)).filter(|&byte| byte != 0xff).collect();
        let text: String = plain.iter().map(|byte| format!("{byte:08b}")).collect();
        for step in 1..=56 {
            let whole = text.len() / step as usize * step as usize;
            assert_eq!(bits(&plain, step), text[..whole], "{step} at a time");
        }
    }

    #[test]
    fn stuffed_zeros_are_left_out_and_a_marker_ends() {
        let one = "11111111";
        for at in 0..20 {
            let before = vec![0x55; at];
            let text = "01010101".repeat(at);
            for (rest, expected) in [
                (&[0xff, 0x00][..], one.to_owned()),
                (&[0xff, 0x00, 0xff, 0x00, 0xaa], format!("{one}{one}10101010")),
                (&[0xff, 0xff, 0x00, 0xff, 0xd9, 0x12], one.to_owned()),
                (&[0x00, 0xff], "00000000".to_owned()),
                (&[0xff, 0xd0, 0x12], String::new()),
            ] {
                for step in [1, 4, 8] {
                    assert_eq!(
                        bits(&[&before[..], rest].concat(), step),
                        format!("{text}{expected}"),
                        "{at}, {rest:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_restart_is_where_it_has_to_be() {
        let restarted = |data: &[u8], bits: u32, number: u8| {
            let mut reader = BitReader::new(data);
            reader.refill();
            reader.consume(bits);
            reader.restart(number)?;
            reader.refill();
            Some(reader.peek() >> 56)
        };
        assert_eq!(restarted(&[0xaa, 0xff, 0xd3, 0x77], 8, 3), Some(0x77));
        assert_eq!(restarted(&[0xaa, 0xff, 0xd3, 0x77], 1, 11), Some(0x77), "the last bits of a byte are filling");
        assert_eq!(restarted(&[0xaa, 0xff, 0xff, 0xd3, 0x77], 8, 3), Some(0x77), "0xff is filling");
        assert_eq!(restarted(&[0xaa, 0xff, 0xd3, 0x77], 0, 3), None, "a byte is left");
        assert_eq!(restarted(&[0xaa, 0xff, 0xd3, 0x77], 9, 3), None, "a bit too many was read");
        assert_eq!(restarted(&[0xaa, 0xff, 0xd4, 0x77], 8, 3), None, "the number is another");
        assert_eq!(restarted(&[0xaa, 0xff, 0x00, 0x77], 8, 3), None, "there is none");
        assert_eq!(restarted(&[0xaa, 0xff], 8, 3), None, "it is cut off");
    }

    #[test]
    fn bytes_before_the_end_are_counted() {
        let rest = |data: &[u8], bits: u32| {
            let mut reader = BitReader::new(data);
            reader.refill();
            reader.consume(bits);
            reader.bytes_before_end()
        };
        assert_eq!(rest(&[0xaa, 0xff, 0xd9], 3), Some(0));
        assert_eq!(rest(&[0xaa, 0xff, 0xff, 0xd9, 1], 8), Some(0));
        assert_eq!(rest(&[0xaa, 1, 2, 0xff, 0xd9], 8), Some(4), "read, and so perhaps of two bytes each");
        let far = [[0xaa; 7].as_slice(), &[1, 2, 0xff, 0, 0xff, 0xd9]].concat();
        assert_eq!(rest(&far, 56), Some(4));
        assert_eq!(rest(&[0xaa, 1, 2, 0xff, 0xd8], 8), None, "another marker");
        assert_eq!(rest(&[0xaa, 1, 2], 8), None, "none");
        assert_eq!(rest(&[0xaa, 0xff, 0xd9], 9), None, "a bit too many was read");
    }
}
