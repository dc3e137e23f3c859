//! FastestDet: one map of `1 x (5 + classes) x rows x columns`: objectness, the middle of the box (relative to the cell), its sides
//! (parts of the picture), and the classes.

use super::{Outputs, rows::agreed};
use crate::model::candidate::{Candidates, best_class, sigmoid};

pub(super) fn classes(outputs: Outputs<'_>) -> Option<usize> {
    let [tensor] = outputs.tensors else { return None };
    let [1, channels, rows, columns] = *tensor.shape() else { return None };
    // One cell for 8, 16 or 32 pixels; more or fewer are another network's.
    let is_grid = |cells: usize, side: u32| (8..=32).any(|stride| side.div_ceil(stride) as usize == cells);
    let is_map = is_grid(columns, outputs.input.width_px) && is_grid(rows, outputs.input.height_px);
    agreed(channels.checked_sub(5).filter(|_| is_map)?, outputs)
}

pub(super) fn decode(outputs: Outputs<'_>, candidates: &mut Candidates<'_>) -> Option<()> {
    let classes = classes(outputs)?;
    let tensor = outputs.tensors.first()?;
    let [_, _, rows, columns] = *tensor.shape() else { return None };
    let cells = rows * columns; // at most as many as there are values
    let at = |channel: usize, cell: usize| tensor.values()[channel * cells + cell];
    let [width, height] = [outputs.input.width_px, outputs.input.height_px].map(|side| side as f32);
    for cell in 0..cells {
        let Some((class, best)) = best_class((0..classes).map(|class| at(5 + class, cell))) else { continue };
        // Its author's formula: how sure it is that there is something counts more than what it is.
        let score = at(0, cell).max(0.0).powf(0.6) * best.max(0.0).powf(0.4);
        if !candidates.counts(class, score) {
            continue;
        }
        let (column, row) = ((cell % columns) as f32, (cell / columns) as f32);
        let x = (column + at(1, cell).tanh()) / columns as f32 * width;
        let y = (row + at(2, cell).tanh()) / rows as f32 * height;
        candidates.add_middle(class, score, [x, y], [sigmoid(at(3, cell)) * width, sigmoid(at(4, cell)) * height]);
    }
    Some(())
}
