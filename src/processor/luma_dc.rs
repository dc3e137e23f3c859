//! Luma at 1/8 of a JPEG, without the transform: a pixel there is the mean of a block of 8x8, and that is the block's DC
//! coefficient. So the codes of AC coefficients are skipped, several at a time, and those of chroma too.
//!
//! It is an accelerator and decides nothing: what it gives is to the byte what libjpeg-turbo gives, and whatever it finds odd
//! it leaves to libjpeg-turbo, whose verdict and message count. It reads what cameras send: baseline and extended sequential
//! JPEGs with Huffman codes and 8 bits, gray or YCbCr, in one scan.
//!
//! `header` finds the scan and its codes, `huffman` makes tables of codes that skip, `table_cache` keeps them, `bit_reader`
//! reads the scan's bits, and `scan` puts them together.

mod bit_reader;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod header;
mod huffman;
mod scan;
mod standard;
mod table_cache;

use header::Header;
use table_cache::TableCache;

use crate::frame::Size;

/// Decodes one picture after the other. Keeps tables of codes for the next ones.
#[derive(Debug, Default)]
pub(super) struct LumaDc {
    tables: TableCache,
}

impl LumaDc {
    /// Writes the luma of `file`, a picture of `full` size, at 1/8: rows without padding, top row first. `pixels` has to have
    /// room for exactly that.
    ///
    /// `None` if the file is of another kind, damaged, or odd in any way: then pixels are anything.
    pub(super) fn decode(&mut self, file: &[u8], full: Size, pixels: &mut [u8]) -> Option<()> {
        let header = Header::read(file)?;
        if header.size != full {
            return None;
        }
        let tables = self.tables.of(header.codes())?;
        scan::decode(&header, &tables, pixels)
    }
}

#[cfg(test)]
mod tests;
