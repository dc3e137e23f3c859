//! YuNet, which finds faces: for each of the strides 8, 16 and 32 the likelihood of a face and that of a thing (`1 x cells x 1` each,
//! `cls_8`, `obj_8`), the box (`1 x cells x 4`, `bbox_8`) and five points of the face, which nothing here needs.

use super::{
    Outputs,
    anchor_free::{cell_count, cells},
    rows::Rows,
};
use crate::model::candidate::Candidates;

const STRIDES: [u16; 3] = [8, 16, 32];

/// The outputs of one stride.
struct Grid<'o> {
    stride: u16,
    face: Rows<'o>,
    thing: Rows<'o>,
    bounds: Rows<'o>,
}

fn grids<'o>(outputs: Outputs<'o>) -> Option<Vec<Grid<'o>>> {
    let rows = |kind: &str, stride: u16, width: usize| {
        let name = format!("{kind}_{stride}");
        let tensor = outputs.tensors.iter().find(|tensor| tensor.name() == name)?;
        let count = cell_count(outputs.input, &[stride])?;
        Rows::of(tensor).filter(|rows| rows.width == width && rows.count == count)
    };
    let grid = |stride: u16| {
        let (face, thing, bounds) = (rows("cls", stride, 1)?, rows("obj", stride, 1)?, rows("bbox", stride, 4)?);
        Some(Grid { stride, face, thing, bounds })
    };
    STRIDES.into_iter().map(grid).collect()
}

pub(super) fn classes(outputs: Outputs<'_>) -> Option<usize> {
    grids(outputs)?;
    outputs.classes.is_none_or(|known| known == 1).then_some(1)
}

pub(super) fn decode(outputs: Outputs<'_>, candidates: &mut Candidates<'_>) -> Option<()> {
    classes(outputs)?;
    for Grid { stride, face, thing, bounds } in grids(outputs)? {
        let scores = face.iter().zip(thing.iter()).zip(bounds.iter());
        for (((face, thing), bounds), cell) in scores.zip(cells(outputs.input, &[stride])) {
            let ([face], [thing], &[x, y, width, height]) = (face, thing, bounds) else { return None };
            let score = (face.clamp(0.0, 1.0) * thing.clamp(0.0, 1.0)).sqrt();
            let middle = [(cell.column + x) * cell.stride, (cell.row + y) * cell.stride];
            candidates.add_middle(0, score, middle, [width, height].map(|side| side.exp() * cell.stride));
        }
    }
    Some(())
}
