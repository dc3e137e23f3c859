//! YOLOX: rows of `5 + classes` for the cells of strides 8, 16 and 32: the middle of the box in cells from its own, its sides as
//! logarithms of cells, objectness, and the classes.

use super::{
    Outputs,
    anchor_free::{cell_count, cells},
    rows::{Rows, agreed},
};
use crate::model::candidate::{Candidates, best_class};

const STRIDES: [u16; 3] = [8, 16, 32];

pub(super) fn classes(outputs: Outputs<'_>) -> Option<usize> {
    let rows = Rows::only(outputs)?;
    let is_grid = cell_count(outputs.input, &STRIDES) == Some(rows.count);
    agreed(rows.width.checked_sub(5).filter(|_| is_grid)?, outputs)
}

pub(super) fn decode(outputs: Outputs<'_>, candidates: &mut Candidates<'_>) -> Option<()> {
    classes(outputs)?;
    for (row, cell) in Rows::only(outputs)?.iter().zip(cells(outputs.input, &STRIDES)) {
        let [x, y, width, height, objectness, scores @ ..] = row else { return None };
        let Some((class, best)) = best_class(scores.iter().copied()) else { continue };
        let middle = [(x + cell.column) * cell.stride, (y + cell.row) * cell.stride];
        candidates.add_middle(class, objectness * best, middle, [width, height].map(|side| side.exp() * cell.stride));
    }
    Some(())
}
