//! Tables of codes, kept for the next pictures: most cameras send the same codes each time, or none. Browsers' canvases send
//! others each time.

use super::huffman::{Advance, Codes, Tables};

/// Pairs of tables that are kept: those of the standard, and others for a few cameras.
const CACHED: usize = 8;

/// Tables by what they were made of, the most recently used ones first.
#[derive(Debug, Default)]
pub(super) struct TableCache {
    cached: Vec<Cached>,
    /// Memory for [`Tables::fill`].
    shorter: Vec<Advance>,
}

#[derive(Debug, Default)]
struct Cached {
    dc: Vec<u8>,
    ac: Vec<u8>,
    tables: Box<Tables>,
}

impl TableCache {
    /// The tables of three components; `None` if libjpeg would not accept one.
    pub(super) fn of(&mut self, codes: [Codes<'_>; 3]) -> Option<[&Tables; 3]> {
        for codes in codes {
            self.make(codes)?;
        }
        let find =
            |codes: Codes<'_>| self.cached.iter().find(|cached| cached.is_of(codes)).map(|cached| &*cached.tables);
        let [first, second, third] = codes;
        Some([find(first)?, find(second)?, find(third)?])
    }

    /// Sees to it that the tables of `codes` come first.
    fn make(&mut self, codes: Codes<'_>) -> Option<()> {
        if let Some(index) = self.cached.iter().position(|cached| cached.is_of(codes)) {
            self.cached[..=index].rotate_right(1);
            return Some(());
        }
        let oldest = if self.cached.len() < CACHED { None } else { self.cached.pop() };
        let mut cached = oldest.unwrap_or_default();
        cached.tables.fill(codes, &mut self.shorter)?;
        for (kept, new) in [(&mut cached.dc, codes.dc), (&mut cached.ac, codes.ac)] {
            kept.clear();
            kept.extend(new);
        }
        self.cached.insert(0, cached);
        Some(())
    }
}

impl Cached {
    fn is_of(&self, codes: Codes<'_>) -> bool {
        self.dc == codes.dc && self.ac == codes.ac
    }
}
