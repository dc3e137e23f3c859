//! Cells of several grids in one list, as YOLOX, NanoDet and YuNet have them: first all of the finest grid, row by row.

use crate::frame::Size;

/// A cell of a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) column: f32,
    pub(super) row: f32,
    /// Pixels of the input from one cell to the next.
    pub(super) stride: f32,
}

/// Columns and rows of the grid with this stride.
pub(super) fn grid(input: Size, stride: u16) -> [usize; 2] {
    [input.width_px, input.height_px].map(|side| side.div_ceil(u32::from(stride)) as usize)
}

/// How many cells the grids have together.
pub(super) fn cell_count(input: Size, strides: &[u16]) -> Option<usize> {
    strides.iter().try_fold(0, |sum: usize, stride| {
        let [columns, rows] = grid(input, *stride);
        sum.checked_add(columns.checked_mul(rows)?)
    })
}

/// All cells in their order.
pub(super) fn cells(input: Size, strides: &[u16]) -> impl Iterator<Item = Cell> {
    strides.iter().flat_map(move |&stride| {
        let [columns, rows] = grid(input, stride);
        (0..rows).flat_map(move |row| {
            (0..columns).map(move |column| Cell { column: column as f32, row: row as f32, stride: f32::from(stride) })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_go_row_by_row_and_grid_by_grid() {
        let input = Size { width_px: 32, height_px: 20 };
        let all: Vec<_> = cells(input, &[8, 16]).collect();
        assert_eq!(Some(all.len()), cell_count(input, &[8, 16]));
        assert_eq!(all.len(), 4 * 3 + 2 * 2);
        assert_eq!(all[5], Cell { column: 1.0, row: 1.0, stride: 8.0 });
        assert_eq!(all[15], Cell { column: 1.0, row: 1.0, stride: 16.0 });
    }
}
