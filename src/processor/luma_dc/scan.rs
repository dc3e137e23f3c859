//! The data of a scan, block by block: luma's DC coefficients become pixels, everything else is skipped.

use super::{
    bit_reader::{BitReader, REFILLED_BITS},
    header::Header,
    huffman::{AC_MOST_BITS, Advance, DC_MOST_BITS, DcAdvance, Tables, difference},
};

/// Bytes between the last MCU and the end mark that are read over, as with libjpeg-turbo.
const MOST_STRAY_BYTES: usize = 16;

/// Look-ups of AC coefficients for which there are bits behind a refill, and after a DC coefficient.
const LOOKUPS: u32 = REFILLED_BITS / AC_MOST_BITS;
const LOOKUPS_AFTER_DC: u32 = (REFILLED_BITS - DC_MOST_BITS) / AC_MOST_BITS;

/// Writes one pixel for each block of luma. `tables` are those of each component.
///
/// `None` if the data is not in order to the last bit.
pub(super) fn decode(header: &Header<'_>, tables: &[&Tables], pixels: &mut [u8]) -> Option<()> {
    let [width, height] = [header.size.width_px, header.size.height_px].map(|side| side.div_ceil(8) as usize);
    let (&luma_tables, chroma_tables) = tables.split_first()?;
    let luma = header.components().next()?;
    if width == 0 || pixels.len() != width.checked_mul(height)? {
        return None;
    }
    // Each block of chroma in an MCU, by its tables.
    let mut chroma = [luma_tables; 8];
    let mut chroma_count = 0;
    for (component, tables) in header.components().skip(1).zip(chroma_tables) {
        for _ in 0..component.across * component.down {
            *chroma.get_mut(chroma_count)? = *tables;
            chroma_count += 1;
        }
    }
    let chroma = &chroma[..chroma_count];

    let quantizer = i32::from(header.quantizer);
    let mut reader = BitReader::new(header.data);
    let mut dc = 0_i32;
    let (mut before_restart, mut next_restart) = (u32::from(header.restart_interval), 0_u8);
    let mut rows = pixels.chunks_mut(width * luma.down);
    let mcus = width.div_ceil(luma.across);
    for _ in 0..height.div_ceil(luma.down) {
        let pixels = rows.next()?;
        for mcu in 0..mcus {
            if header.restart_interval != 0 {
                if before_restart == 0 {
                    reader.restart(next_restart)?;
                    next_restart = (next_restart + 1) % 8;
                    before_restart = header.restart_interval.into();
                    dc = 0;
                }
                before_restart -= 1;
            }
            for row in 0..luma.down {
                for column in mcu * luma.across..(mcu + 1) * luma.across {
                    dc = dc.wrapping_add(block(&mut reader, luma_tables)?);
                    // Blocks beyond the right and the lower edge are filling.
                    if column < width
                        && let Some(place) = pixels.get_mut(row * width + column)
                    {
                        *place = pixel(dc, quantizer);
                    }
                }
            }
            for tables in chroma {
                block(&mut reader, tables)?;
            }
            if reader.has_overrun() {
                return None;
            }
        }
    }
    (reader.bytes_before_end()? <= MOST_STRAY_BYTES).then_some(())
}

/// Reads a block and returns by how much its DC coefficient differs from that of the block before.
#[inline(always)]
fn block(reader: &mut BitReader<'_>, tables: &Tables) -> Option<i32> {
    reader.refill();
    let entry = tables.dc(reader.peek());
    let (mut difference, mut next) = (entry.difference(), 1 + entry.advance());
    if next < 64 {
        reader.consume(entry.bits());
    } else if Advance::is_end_of_block(next) {
        reader.consume(entry.bits());
        return Some(difference);
    } else {
        let bits;
        (bits, difference) = dc_by_code(entry, reader.peek(), tables)?;
        next = 1;
        reader.consume(bits);
        reader.refill();
    }
    if let Some(is_good) = skip::<LOOKUPS_AFTER_DC>(reader, tables, &mut next) {
        return is_good.then_some(difference);
    }
    loop {
        reader.refill();
        if let Some(is_good) = skip::<LOOKUPS>(reader, tables, &mut next) {
            return is_good.then_some(difference);
        }
    }
}

/// Skips AC coefficients from `next` on by so many look-ups. If the block ended, whether there were only known codes.
#[inline(always)]
fn skip<const TIMES: u32>(reader: &mut BitReader<'_>, tables: &Tables, next: &mut u32) -> Option<bool> {
    for _ in 0..TIMES {
        let entry = tables.ac(reader.peek());
        let sum = *next + entry.advance();
        if sum < 64 {
            reader.consume(entry.bits());
            *next = sum;
        } else if Advance::is_end_of_block(sum) {
            reader.consume(entry.bits());
            return Some(true);
        } else {
            reader.refill();
            let Some((bits, coefficients)) = ac_by_code(reader.peek(), tables) else { return Some(false) };
            reader.consume(bits);
            *next += coefficients;
            return (*next >= 64).then_some(true);
        }
    }
    None
}

/// A DC coefficient that is too long for a look-up: its bits, and the difference.
#[inline(never)]
fn dc_by_code(entry: DcAdvance, next: u64, tables: &Tables) -> Option<(u32, i32)> {
    let (bits, size) = match entry.code() {
        Some(code) => code,
        None => tables.dc_code.first(next).map(|(bits, size)| (bits, size.into()))?,
    };
    Some((bits + size, difference(next << bits, size)))
}

/// A code of AC coefficients that is too long for a look-up: its bits, and how many coefficients, 64 for the rest of a block.
#[inline(never)]
fn ac_by_code(next: u64, tables: &Tables) -> Option<(u32, u32)> {
    let (bits, symbol) = tables.ac_code.first(next)?;
    let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
    let is_end = size == 0 && run != 15;
    Some((bits + size, if is_end { 64 } else { run + 1 }))
}

/// A pixel as libjpeg makes one of a block's DC coefficient, which it keeps in 16 bits: an eighth of it, rounded, in 10 bits,
/// around 128, from 0 to 255.
#[inline(always)]
fn pixel(dc: i32, quantizer: i32) -> u8 {
    #[expect(clippy::cast_possible_truncation, reason = "so does libjpeg")]
    let coefficient = i32::from(dc as i16);
    let eighth = (coefficient * quantizer + 4) >> 3;
    let wrapped = eighth << 22 >> 22;
    #[expect(clippy::cast_sign_loss, reason = "it is from 0 to 255")]
    let pixel = (wrapped + 128).clamp(0, 255) as u8;
    pixel
}
