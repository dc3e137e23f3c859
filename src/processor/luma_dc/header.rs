//! The head of a JPEG, up to the data of its one scan: what it takes to find the DC coefficients of luma.

use super::{huffman::Codes, standard};
use crate::{
    frame::Size,
    processor::jpeg_structure::{self as marker, Segments},
};

/// Components: gray has one, YCbCr three.
const MOST_COMPONENTS: usize = 3;

/// Blocks of an MCU that libjpeg decodes at the most.
const MOST_BLOCKS: usize = 10;

/// Tables of a kind.
const TABLES: usize = 4;

#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) size: Size,
    components: [Component<'a>; MOST_COMPONENTS],
    component_count: usize,
    /// By what luma's DC coefficients are multiplied.
    pub(super) quantizer: i16,
    /// MCUs between two restart markers; 0 if there are none.
    pub(super) restart_interval: u16,
    /// What follows the header of the scan.
    pub(super) data: &'a [u8],
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Component<'a> {
    id: u8,
    /// Blocks in an MCU, side by side and one above the other.
    pub(super) across: usize,
    pub(super) down: usize,
    quantizers: usize,
    pub(super) codes: Codes<'a>,
}

/// What was defined so far.
struct Tables<'a> {
    /// The first of each: what DC coefficients are multiplied by.
    quantizers: [Option<u16>; TABLES],
    dc: [Option<&'a [u8]>; TABLES],
    ac: [Option<&'a [u8]>; TABLES],
    restart_interval: u16,
}

impl<'a> Header<'a> {
    /// `None` if the file is of a kind that is not read here, or not in order.
    pub(super) fn read(file: &'a [u8]) -> Option<Self> {
        let mut segments = Segments::of(file)?;
        let mut frame = None;
        // Motion JPEGs may come without the standard's tables.
        let mut tables = Tables {
            quantizers: [None; TABLES],
            dc: [Some(standard::LUMA.dc), Some(standard::CHROMA.dc), None, None],
            ac: [Some(standard::LUMA.ac), Some(standard::CHROMA.ac), None, None],
            restart_interval: 0,
        };
        loop {
            let segment = segments.next()?;
            match segment.marker {
                marker::SOF0 | marker::SOF1 if frame.is_none() => frame = Some(Self::of_frame_header(segment.body)?),
                marker::SOF0 | marker::SOF1 | marker::EOI => return None,
                marker::DQT => tables.define_quantizers(segment.body)?,
                marker::DHT => tables.define_codes(segment.body)?,
                marker::DRI => tables.restart_interval = u16::from_be_bytes(segment.body.try_into().ok()?),
                marker::SOS => {
                    let mut header = frame?;
                    header.read_scan_header(segment.body, &tables)?;
                    header.data = segments.rest;
                    return Some(header);
                }
                // Of other kinds of JPEGs there are none without a frame header of theirs.
                _ => {}
            }
        }
    }

    /// Of gray all three are the same.
    pub(super) fn codes(&self) -> [Codes<'a>; MOST_COMPONENTS] {
        self.components.map(|one| if self.component_count == 1 { self.components[0].codes } else { one.codes })
    }

    pub(super) fn components(&self) -> impl ExactSizeIterator<Item = Component<'a>> {
        self.components.into_iter().take(self.component_count)
    }

    fn of_frame_header(body: &[u8]) -> Option<Self> {
        let (&[precision, height_high, height_low, width_high, width_low, count], rest) = body.split_first_chunk()?;
        let component_count = usize::from(count);
        let is_supported = precision == 8 && matches!(component_count, 1 | MOST_COMPONENTS);
        if !is_supported || rest.len() != 3 * component_count {
            return None;
        }
        let mut components = [Component::default(); MOST_COMPONENTS];
        for (component, field) in components.iter_mut().zip(rest.chunks_exact(3)) {
            let (across, down) = (usize::from(field[1] >> 4), usize::from(field[1] & 15));
            *component = Component { id: field[0], across, down, quantizers: usize::from(field[2]), ..*component };
        }
        let used = &mut components[..component_count];
        if used.iter().any(|one| !(1..=4).contains(&one.across) || !(1..=4).contains(&one.down)) {
            return None;
        }
        // Luma with fewer samples than chroma is not its own size at 1/8.
        if used.iter().any(|one| one.across > used[0].across || one.down > used[0].down) {
            return None;
        }
        // A scan of one component has one block in each MCU, whatever its header says (A.2.2).
        if let [luma] = used {
            (luma.across, luma.down) = (1, 1);
        }
        if used.iter().map(|one| one.across * one.down).sum::<usize>() > MOST_BLOCKS {
            return None;
        }
        let size = Size {
            width_px: u16::from_be_bytes([width_high, width_low]).into(),
            height_px: u16::from_be_bytes([height_high, height_low]).into(),
        };
        Some(Self { size, components, component_count, quantizer: 0, restart_interval: 0, data: &[] })
    }

    fn read_scan_header(&mut self, body: &[u8], tables: &Tables<'a>) -> Option<()> {
        let (&count, rest) = body.split_first()?;
        let (chosen, whole) = rest.split_at_checked(2 * self.component_count)?;
        // All coefficients, all bits of them, all components in their order.
        if usize::from(count) != self.component_count || whole != [0, 63, 0] {
            return None;
        }
        for (component, field) in self.components.iter_mut().zip(chosen.chunks_exact(2)) {
            let (dc, ac) = (usize::from(field[1] >> 4), usize::from(field[1] & 15));
            if component.id != field[0] {
                return None;
            }
            component.codes = Codes { dc: (*tables.dc.get(dc)?)?, ac: (*tables.ac.get(ac)?)? };
            // Chroma's have to be there, too.
            (*tables.quantizers.get(component.quantizers)?)?;
        }
        let quantizer = tables.quantizers[self.components[0].quantizers]?;
        self.quantizer = quantizer.try_into().ok()?; // libjpeg takes a larger one for a negative one, or not
        self.restart_interval = tables.restart_interval;
        Some(())
    }
}

impl<'a> Tables<'a> {
    fn define_quantizers(&mut self, mut body: &[u8]) -> Option<()> {
        while let Some((&kind, rest)) = body.split_first() {
            let is_wide = kind >> 4 != 0;
            let (table, behind) = rest.split_at_checked(if is_wide { 128 } else { 64 })?;
            let first = if is_wide { u16::from_be_bytes([table[0], table[1]]) } else { table[0].into() };
            *self.quantizers.get_mut(usize::from(kind & 15))? = Some(first);
            body = behind;
        }
        Some(())
    }

    fn define_codes(&mut self, mut body: &'a [u8]) -> Option<()> {
        while let Some((&kind, rest)) = body.split_first() {
            let values: usize = rest.get(..16)?.iter().map(|&count| usize::from(count)).sum();
            let (table, behind) = rest.split_at_checked(16 + values)?;
            let tables = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return None,
            };
            *tables.get_mut(usize::from(kind & 15))? = Some(table);
            body = behind;
        }
        Some(())
    }
}
