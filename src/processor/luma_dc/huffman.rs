//! Huffman codes (ITU-T T.81, annex C), and tables that skip several of them at a time.
//!
//! An entry of the AC table is for the next 12 bits: it skips as many whole codes as they begin with, each with the bits that
//! belong to it. Of the last one these may lie beyond the 12 bits, as nobody wants to know them. An entry of the DC table, for
//! 11 bits, begins with the difference of a DC coefficient.

const AC_INDEX_BITS: u32 = 12;
const DC_INDEX_BITS: u32 = 11;

/// Bits that an entry skips at the most.
pub(super) const AC_MOST_BITS: u32 = 18;
pub(super) const DC_MOST_BITS: u32 = 20;

/// The codes of a component: of each kind how many codes there are of each length from 1 to 16, then what they stand for,
/// as in a file (B.2.4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Codes<'a> {
    pub(super) dc: &'a [u8],
    pub(super) ac: &'a [u8],
}

/// An entry of an AC table: how many bits to skip, and what to add to the number of the next coefficient.
///
/// The bits are in the low byte. The high byte is the number of coefficients, up to 63, and 128 if the block ends behind them.
/// So a sum below 64 is the next coefficient, and what [`Self::is_end_of_block`] finds is an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Advance(u16);

/// An entry of a DC table: in the high half the difference, in the low one an [`Advance`].
#[derive(Clone, Copy, Debug)]
pub(super) struct DcAdvance(u32);

/// The tables of a component.
#[derive(Debug)]
pub(super) struct Tables {
    dc: [DcAdvance; 1 << DC_INDEX_BITS],
    ac: [Advance; 1 << AC_INDEX_BITS],
    pub(super) dc_code: Code,
    pub(super) ac_code: Code,
}

/// A code, for one symbol after the other.
#[derive(Debug)]
pub(super) struct Code {
    /// Behind the last code of each length, in 16 bits; 0 if there is none of that length.
    ends: [u32; 17],
    /// What to add to a code of each length to find its symbol.
    offsets: [u32; 17],
    /// In the order of their codes, each with the length of its code.
    symbols: Vec<(u32, u8)>,
}

impl Advance {
    /// There is no entry for these bits. No sum with it is an end or a coefficient.
    const NONE: Self = Self(0xff00);

    fn new(bits: u32, coefficients: u32, is_end: bool) -> Option<Self> {
        let is_possible = bits <= AC_MOST_BITS && coefficients < 64;
        is_possible
            .then(|| Self(u16::try_from(u32::from(is_end) << 15 | coefficients << 8 | bits).unwrap_or(Self::NONE.0)))
    }

    /// What a code of AC coefficients says: a run of zeros and one coefficient, 16 zeros, or that the rest is zeros.
    fn of_symbol(length: u32, symbol: u8) -> Option<Self> {
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        let is_end = size == 0 && run != 15;
        Self::new(length + size, if is_end { 0 } else { run + 1 }, is_end)
    }

    /// Both, if that is possible.
    fn and(self, next: Self) -> Option<Self> {
        if next == Self::NONE || self.is_end() {
            return None;
        }
        Self::new(self.bits() + next.bits(), self.advance() + (next.advance() & 63), next.is_end())
    }

    fn is_end(self) -> bool {
        self.0 & 0x8000 != 0
    }

    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        u32::from(self.0 & 0x3f) // shifts by it need no other mask
    }

    #[inline(always)]
    pub(super) fn advance(self) -> u32 {
        u32::from(self.0 >> 8)
    }

    /// Whether a sum is the end of a block, because an entry says so. If it is 64 or more and this is not, the entry may be
    /// about codes of the next block, too.
    #[inline(always)]
    pub(super) fn is_end_of_block(sum: u32) -> bool {
        sum.wrapping_sub(128) < 64
    }
}

impl DcAdvance {
    /// There is no entry for these bits.
    const NONE: Self = Self(0xff00);

    fn new(bits: u32, difference: i32, ac: Advance) -> Option<Self> {
        // With 63 coefficients the sum would be taken for that of no entry.
        (bits <= DC_MOST_BITS && ac.advance() & 63 < 63)
            .then_some(Self((difference << 16).cast_unsigned() | ac.advance() << 8 | bits))
    }

    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        self.0 & 0x3f
    }

    #[inline(always)]
    pub(super) fn advance(self) -> u32 {
        self.0 >> 8 & 0xff
    }

    /// There is no entry, but this is the length of the code and the size of the difference.
    fn of_code(length: u32, size: u32) -> Self {
        Self(size << 16 | Self::NONE.0 | length)
    }

    /// The length of the code and the size of the difference where there is no entry, if they are known.
    pub(super) fn code(self) -> Option<(u32, u32)> {
        (self.bits() > 0).then_some((self.bits(), self.0 >> 16))
    }

    #[inline(always)]
    pub(super) fn difference(self) -> i32 {
        self.0.cast_signed() >> 16
    }
}

impl Tables {
    #[inline(always)]
    pub(super) fn dc(&self, next: u64) -> DcAdvance {
        self.dc[(next >> (64 - DC_INDEX_BITS)) as usize]
    }

    #[inline(always)]
    pub(super) fn ac(&self, next: u64) -> Advance {
        self.ac[(next >> (64 - AC_INDEX_BITS)) as usize]
    }

    /// Makes the tables of other codes. `None` if libjpeg would not accept them. `shorter` is memory for tables of fewer bits:
    /// those for `n` bits begin at `1 << n`.
    pub(super) fn fill(&mut self, codes: Codes<'_>, shorter: &mut Vec<Advance>) -> Option<()> {
        self.dc_code.read(codes.dc)?;
        self.ac_code.read(codes.ac)?;
        if self.dc_code.symbols.iter().any(|&(_, size)| size > 15) {
            return None;
        }
        shorter.resize(1 << AC_INDEX_BITS, Advance::NONE);
        shorter[1] = Advance::NONE;
        for bits in 1..AC_INDEX_BITS {
            let (before, table) = shorter.split_at_mut(1 << bits);
            self.ac_code.fill(&mut table[..1 << bits], bits, before);
        }
        self.ac_code.fill(&mut self.ac, AC_INDEX_BITS, shorter);
        self.fill_dc(shorter);
        Some(())
    }

    fn fill_dc(&mut self, shorter: &[Advance]) {
        self.dc.fill(DcAdvance::NONE);
        let mut places = &mut self.dc[..];
        for &(length, size) in &self.dc_code.symbols {
            let size = u32::from(size);
            let Some(free) = DC_INDEX_BITS.checked_sub(length) else { return };
            let Some((mine, behind)) = places.split_at_mut_checked(1 << free) else { return };
            mine.fill(DcAdvance::of_code(length, size));
            if let Some(rest) = free.checked_sub(size) {
                for (bits, entry) in mine.iter_mut().enumerate() {
                    let value = difference((bits as u64).checked_shl(64 - free).unwrap_or(0), size);
                    let used = length + size;
                    let only = DcAdvance::new(used, value, Advance(0));
                    let ac = shorter[(1 << rest) + (bits & ((1 << rest) - 1))];
                    let both = (ac != Advance::NONE).then(|| DcAdvance::new(used + ac.bits(), value, ac)).flatten();
                    *entry = both.or(only).unwrap_or(*entry);
                }
            }
            places = behind;
        }
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            dc: [DcAdvance::NONE; 1 << DC_INDEX_BITS],
            ac: [Advance::NONE; 1 << AC_INDEX_BITS],
            dc_code: Code::default(),
            ac_code: Code::default(),
        }
    }
}

impl Default for Code {
    fn default() -> Self {
        Self { ends: [0; 17], offsets: [0; 17], symbols: Vec::with_capacity(256) }
    }
}

impl Code {
    /// Reads how many codes there are of each length, and their symbols. `None` if libjpeg would not accept them.
    fn read(&mut self, definition: &[u8]) -> Option<()> {
        let (counts, symbols) = definition.split_first_chunk::<16>()?;
        if symbols.is_empty() || symbols.len() > 256 {
            return None;
        }
        (self.ends, self.offsets) = ([0; 17], [0; 17]);
        self.symbols.clear();
        let mut code = 0_u32;
        for (length, &count) in (1_u32..).zip(counts) {
            let count = u32::from(count);
            let index = self.symbols.len();
            let (place, end) = (length as usize, code + count);
            if count > 0 {
                self.ends[place] = end << (16 - length);
                self.offsets[place] = u32::try_from(index).ok()?.wrapping_sub(code);
                self.symbols.extend(symbols.get(index..index + count as usize)?.iter().map(|&symbol| (length, symbol)));
            }
            // No code is all ones. Codes that are not used any more cannot be too long, either.
            if index < symbols.len() && end >= 1 << length {
                return None;
            }
            code = end << 1;
        }
        Some(())
    }

    /// The first symbol of these bits and the length of its code.
    pub(super) fn first(&self, next: u64) -> Option<(u32, u8)> {
        let next = (next >> 48) as u32;
        let length = (1..=16).find(|&length: &usize| next < self.ends[length])?;
        let index = (next >> (16 - length)).wrapping_add(self.offsets[length]);
        self.symbols.get(index as usize).copied()
    }

    /// Fills a table for so many bits. `shorter` has those for fewer bits.
    fn fill(&self, table: &mut [Advance], bits: u32, shorter: &[Advance]) {
        table.fill(Advance::NONE);
        let mut places = table;
        for &(length, symbol) in &self.symbols {
            let Some(free) = bits.checked_sub(length) else { return };
            let Some((mine, behind)) = places.split_at_mut_checked(1 << free) else { return };
            if let Some(first) = Advance::of_symbol(length, symbol) {
                let rest = free.saturating_sub(u32::from(symbol & 15));
                // The bits of a coefficient are skipped, whatever they are.
                for run in mine.chunks_mut(1 << rest) {
                    for (entry, next) in run.iter_mut().zip(&shorter[1 << rest..]) {
                        *entry = first.and(*next).unwrap_or(first);
                    }
                }
            }
            places = behind;
        }
    }
}

/// The number that the first `size` bits stand for (F.2.2.1).
pub(super) fn difference(bits: u64, size: u32) -> i32 {
    if size == 0 {
        return 0;
    }
    let value = (bits >> 48 >> (16 - size)) as i32;
    if value < 1 << (size - 1) { value + 1 - (1 << size) } else { value }
}
