//! Masks a JPEG without decoding it: the blocks that a mask reaches into lose their coefficients, all others stay as the
//! camera sent them, to the bit. Entropy codes are written anew.
//!
//! Nothing else of the file is copied: thumbnails, comments and whatever stands behind its end can show what is masked.

mod transform;

use bytes::Bytes;

use crate::{
    frame::Frame,
    privacy_mask::{Cells, Grid, PrivacyMask},
    processor::{decoder::allowed_scans, jpeg_structure::Sampling},
    telemetry::rejections::RejectReason,
};

/// Coefficients of a block.
const BLOCK: usize = 64;

/// A JPEG frame with its masks.
///
/// # Errors
/// If it cannot be read to its end. Nothing of it may be shown then.
pub(super) fn masked(frame: &Frame, mask: &PrivacyMask) -> Result<Bytes, RejectReason> {
    let damaged = |what: &str| RejectReason::Damaged(what.to_owned());
    let sampling = Sampling::read(frame.bytes()).ok_or_else(|| damaged("its header is incomplete"))?;
    if sampling.size != frame.size() {
        return Err(damaged("it has two headers of different sizes"));
    }
    let scans = allowed_scans(frame)?;
    let cell_px = sampling.most().map(|most| 8 * most);
    let cells = mask.cells(Grid { full: frame.size(), cell_px });
    let mut eraser = Eraser { rows: vec![0; sampling.components.len()], sampling, cells };
    let jpeg = transform::transform(frame.bytes(), scans, Some(&mut eraser)).map_err(RejectReason::Damaged)?;
    // The library could not tell that it showed the filter a part only.
    if eraser.has_seen_all() { Ok(jpeg) } else { Err(damaged("it has other blocks than its header says")) }
}

/// Erases blocks, row by row.
#[derive(Debug)]
struct Eraser {
    sampling: Sampling,
    cells: std::sync::Arc<Cells>,
    /// How many rows of each component were seen, those of the last MCU that are beyond the picture included.
    rows: Vec<u32>,
}

/// Which row of blocks it is, and the columns and rows of its component.
#[derive(Clone, Copy, Debug)]
struct RowOfBlocks {
    component: usize,
    row: u32,
    columns: u32,
    rows: u32,
}

impl Eraser {
    /// Sets the coefficients of the masked blocks in a row to zero. `None` if there is no such row.
    fn erase(&mut self, at: RowOfBlocks, coefficients: &mut [i16]) -> Option<()> {
        let RowOfBlocks { component, row, columns, rows } = at;
        let [across, down] = *self.sampling.components.get(component)?;
        let seen = self.rows.get_mut(component)?;
        let is_known = *seen == row && Self::blocks(&self.sampling, component)? == [columns, rows];
        if !is_known || coefficients.len() != (columns as usize).checked_mul(BLOCK)? {
            return None;
        }
        *seen += 1;
        if row >= rows {
            coefficients.fill(0); // beyond the picture, and not written
            return Some(());
        }
        for &[from, to] in self.cells.row((row / down) as usize) {
            let at = |cell: u32| (cell.saturating_mul(across).min(columns) as usize).saturating_mul(BLOCK);
            coefficients.get_mut(at(from)..at(to))?.fill(0);
        }
        Some(())
    }

    /// Whether every row of every component was seen.
    fn has_seen_all(&self) -> bool {
        let rows = |component| Self::blocks(&self.sampling, component).map_or(u32::MAX, |[_, rows]| rows);
        self.rows.iter().enumerate().all(|(component, seen)| *seen >= rows(component))
    }

    /// The columns and rows of blocks that a component has (ITU-T T.81, A.2.4).
    fn blocks(sampling: &Sampling, component: usize) -> Option<[u32; 2]> {
        let most = sampling.most();
        let factors = sampling.components.get(component)?;
        let size = [sampling.size.width_px, sampling.size.height_px];
        Some([0, 1].map(|axis| (size[axis].saturating_mul(factors[axis])).div_ceil(8 * most[axis])))
    }
}

#[cfg(test)]
mod tests;
