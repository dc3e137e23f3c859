//! Privacy masks: the parts of a camera's picture that nobody gets to see.
//!
//! A mask is rounded outwards to the cells of a grid: pixels, pairs of them that share their colour, blocks of a JPEG. Every
//! cell that a polygon covers a part of is painted. The processor and the side that shows pictures have each an instance of
//! their own, so that neither waits for the other's lock.

mod raster;

use std::sync::Arc;

pub use self::raster::Cells;
use crate::{
    config::mask::Mask,
    frame::{PixelFormat, Size},
    geometry::corners,
    moving_mask::Covers,
    sync::Mutex,
};

/// What masked pixels become in every channel: the grey that a JPEG block without coefficients shows.
pub const GREY: u8 = 128;

/// Rasters that are kept. A camera's frames need one or two.
const KEPT: usize = 8;

/// All of a picture.
const WHOLE: [[f32; 2]; 4] = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];

/// The masks of one camera.
#[derive(Debug)]
pub struct PrivacyMask {
    masks: Vec<Mask>,
    /// What those of them that move cover of one frame.
    moving: Vec<Vec<[f32; 2]>>,
    kept: Mutex<Vec<(Grid, Arc<Cells>)>>,
}

/// Cells of a picture, from its upper left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The size of the picture.
    pub full: Size,
    /// Columns and rows of a cell, in pixels of the whole picture.
    pub cell_px: [u32; 2],
}

/// Rows of bytes that hold pixels, one part of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Plane {
    /// The first byte.
    pub start: usize,
    /// From one row to the next.
    pub stride_bytes: usize,
    /// Bytes of a row without padding.
    pub row_bytes: usize,
    /// Rows.
    pub rows: usize,
    /// Rows of a cell.
    pub cell_rows: usize,
    /// Bytes of a cell in each of these rows.
    pub cell_bytes: usize,
    /// Rows around a masked cell that have something of it.
    pub margin_rows: usize,
    /// Bytes on each side of it that do.
    pub margin_bytes: usize,
}

impl PrivacyMask {
    /// The masks as configured; `None` if there are none.
    #[must_use]
    pub fn new(masks: &[Mask]) -> Option<Self> {
        (!masks.is_empty()).then(|| Self { masks: masks.to_vec(), moving: Vec::new(), kept: Mutex::default() })
    }

    /// Those alone that stay where they are: what a network is to find, a stage has to see.
    #[must_use]
    pub fn of_stages(masks: &[Mask]) -> Option<Self> {
        let still: Vec<_> = masks.iter().filter(|mask| !mask.is_moving()).cloned().collect();
        Self::new(&still)
    }

    /// The masks as they are in one frame; `None` if none of them moves, and so they are the same in each. Without covers that were
    /// made for these masks, those that move cover all that they can.
    #[must_use]
    pub fn in_frame(&self, covers: Option<&Covers>, full: Size) -> Option<Self> {
        let mut movers = self.masks.iter().filter(|mask| mask.is_moving()).peekable();
        movers.peek()?;
        let moving = match covers.and_then(|covers| covers.boxes(&self.masks)) {
            Some(boxes) => boxes.iter().map(|bounds| corners(*bounds, full).to_vec()).collect(),
            None => movers.map(|mask| mask.polygon().unwrap_or(&WHOLE).to_vec()).collect(),
        };
        Some(Self { masks: self.masks.clone(), moving, kept: Mutex::default() })
    }

    /// As configured.
    #[must_use]
    pub fn masks(&self) -> &[Mask] {
        &self.masks
    }

    /// The cells of a grid that are masked. They are kept for the next frame.
    #[must_use]
    pub fn cells(&self, grid: Grid) -> Arc<Cells> {
        let mut kept = self.kept.lock();
        if let Some((_, cells)) = kept.iter().find(|(of, _)| *of == grid) {
            return cells.clone();
        }
        let still = self.masks.iter().filter(|mask| !mask.is_moving()).filter_map(Mask::polygon);
        let cells = Arc::new(Cells::of(still.chain(self.moving.iter().map(Vec::as_slice)), grid));
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((grid, cells.clone()));
        cells
    }

    /// Paints decoded pixels: rows without padding, one byte a channel.
    pub fn paint_pixels(&self, pixels: &mut [u8], channels: usize, full: Size) {
        let (rows, row_bytes) = (full.height_px as usize, (full.width_px as usize).saturating_mul(channels));
        let plane = Plane {
            start: 0,
            stride_bytes: row_bytes,
            row_bytes,
            rows,
            cell_rows: 1,
            cell_bytes: channels,
            margin_rows: 0,
            margin_bytes: 0,
        };
        self.cells(Grid { full, cell_px: [1, 1] }).paint(pixels, plane, GREY);
    }

    /// Paints a raw picture. `bytes` are those of a frame of this format, size and stride.
    pub fn paint_raw(&self, bytes: &mut [u8], format: PixelFormat, full: Size, stride_bytes: usize) {
        let cells = self.cells(Grid { full, cell_px: raw_cell_px(format) });
        raw_planes(format, full, stride_bytes).for_each(|plane| cells.paint(bytes, plane, GREY));
    }
}

impl Cells {
    /// Gives the bytes of all masked cells this value.
    pub fn paint(&self, bytes: &mut [u8], plane: Plane, value: u8) {
        let Plane { start, stride_bytes, row_bytes, rows, cell_rows, cell_bytes, margin_rows, margin_bytes } = plane;
        for (number, ranges) in self.rows().enumerate().filter(|(_, ranges)| !ranges.is_empty()) {
            let first = number.saturating_mul(cell_rows).saturating_sub(margin_rows);
            let end = (number + 1).saturating_mul(cell_rows).saturating_add(margin_rows).min(rows);
            for row in first..end {
                let Some(bytes) = bytes.get_mut(start.saturating_add(row.saturating_mul(stride_bytes))..) else {
                    return;
                };
                let length = bytes.len().min(row_bytes);
                for [from, to] in ranges {
                    let byte = |cell: u32| (cell as usize).saturating_mul(cell_bytes);
                    let from = byte(*from).saturating_sub(margin_bytes).min(length);
                    let to = byte(*to).saturating_add(margin_bytes).min(length);
                    bytes[from..to].fill(value);
                }
            }
        }
    }
}

/// Pixels that share their colour are masked together.
#[must_use]
pub fn raw_cell_px(format: PixelFormat) -> [u32; 2] {
    match format {
        PixelFormat::Yuyv => [2, 1],
        PixelFormat::Nv12 | PixelFormat::I420 => [2, 2],
        _ => [1, 1],
    }
}

/// The planes of a raw format, with the bytes of each cell of [`raw_cell_px`].
fn raw_planes(format: PixelFormat, full: Size, stride_bytes: usize) -> impl Iterator<Item = Plane> {
    let (width, rows) = (full.width_px as usize, full.height_px as usize);
    let row_bytes = format.row_bytes(full.width_px).unwrap_or_default();
    let whole = |cell_rows, cell_bytes| Plane {
        start: 0,
        stride_bytes,
        row_bytes,
        rows,
        cell_rows,
        cell_bytes,
        margin_rows: 0,
        margin_bytes: 0,
    };
    // A frame has all rows of its planes, so the product is at most the number of its bytes.
    let colour = stride_bytes * rows;
    let planes = match format {
        PixelFormat::Jpeg | PixelFormat::Png => [None, None, None],
        PixelFormat::Grey => [Some(whole(1, 1)), None, None],
        PixelFormat::Yuyv => [Some(whole(1, 4)), None, None],
        PixelFormat::Bgr24 | PixelFormat::Rgb24 => [Some(whole(1, 3)), None, None],
        PixelFormat::Nv12 => {
            [Some(whole(2, 2)), Some(Plane { start: colour, rows: rows / 2, cell_rows: 1, ..whole(1, 2) }), None]
        }
        PixelFormat::I420 => {
            let half = |start| Plane {
                start,
                stride_bytes: stride_bytes / 2,
                row_bytes: width / 2,
                rows: rows / 2,
                cell_rows: 1,
                cell_bytes: 1,
                margin_rows: 0,
                margin_bytes: 0,
            };
            [Some(whole(2, 2)), Some(half(colour)), Some(half(colour + stride_bytes / 2 * (rows / 2)))]
        }
    };
    planes.into_iter().flatten()
}

#[cfg(test)]
mod tests;
