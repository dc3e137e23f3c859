//! NanoDet and NanoDet-Plus: rows of `classes + 32` for each cell: the classes, then for left, upper, right and lower edge how likely
//! it is 0, 1 ... 7 cells away. Older files have both apart, for each stride: `cells x classes` and `cells x 32`.

use super::{
    Outputs,
    anchor_free::{cell_count, cells},
    rows::{Rows, agreed},
};
use crate::model::{
    candidate::{Candidates, best_class},
    tensor::Tensor,
};

/// Strides of NanoDet-Plus. NanoDet has the first three.
const STRIDES: [u16; 4] = [8, 16, 32, 64];

/// Distances that have a likelihood.
const BINS: usize = 8;

/// How many distances there are for a cell.
const DISTANCES: usize = 4 * BINS;

/// The kinds of networks: where in a cell its edges are measured from, in cells, and the strides.
const KINDS: [(f32, &[u16]); 2] = [(0.0, &STRIDES), (0.5, STRIDES.split_at(3).0)];

/// Rows for all cells of some strides.
struct Grids<'o> {
    from: f32,
    strides: &'static [u16],
    scores: Rows<'o>,
    /// If they are not behind the scores in the same row.
    distances: Option<Rows<'o>>,
}

/// All of a network's rows, and how many classes it has.
fn grids<'o>(outputs: Outputs<'o>) -> Option<(usize, Vec<Grids<'o>>)> {
    let (width, grids) = match outputs.tensors {
        [tensor] => {
            let scores = Rows::of(tensor)?;
            let has_all = |(_, strides): &(f32, &[u16])| cell_count(outputs.input, strides) == Some(scores.count);
            let (from, strides) = KINDS.into_iter().find(has_all)?;
            (scores.width.checked_sub(DISTANCES)?, vec![Grids { from, strides, scores, distances: None }])
        }
        tensors => {
            let (from, strides) = KINDS.into_iter().find(|(_, strides)| 2 * strides.len() == tensors.len())?;
            let grids = strides.chunks(1).map(|stride| apart(tensors, outputs, from, stride));
            let grids = grids.collect::<Option<Vec<_>>>()?;
            let width = grids.first()?.scores.width;
            (grids.iter().all(|grid| grid.scores.width == width).then_some(width)?, grids)
        }
    };
    Some((agreed(width, outputs)?, grids))
}

/// The two outputs of a stride, in whichever order.
fn apart<'o>(tensors: &'o [Tensor], outputs: Outputs<'_>, from: f32, strides: &'static [u16]) -> Option<Grids<'o>> {
    let count = cell_count(outputs.input, strides)?;
    let mut rows = tensors.iter().filter_map(Rows::of).filter(|rows| rows.count == count);
    let (first, second) = (rows.next()?, rows.next()?);
    // If there are 32 classes, too, they come first, as in every file that is known.
    let (scores, distances) = if second.width == DISTANCES { (first, second) } else { (second, first) };
    (distances.width == DISTANCES).then_some(Grids { from, strides, scores, distances: Some(distances) })
}

pub(super) fn classes(outputs: Outputs<'_>) -> Option<usize> {
    grids(outputs).map(|(classes, _)| classes)
}

pub(super) fn decode(outputs: Outputs<'_>, candidates: &mut Candidates<'_>) -> Option<()> {
    let (classes, grids) = grids(outputs)?;
    for Grids { from, strides, scores, distances } in grids {
        let mut apart = distances.map(Rows::iter);
        for (row, cell) in scores.iter().zip(cells(outputs.input, strides)) {
            let (scores, behind) = row.split_at_checked(classes)?;
            let distances = apart.as_mut().map_or(Some(behind), Iterator::next)?;
            let Some((class, score)) = best_class(scores.iter().copied()) else { continue };
            if !candidates.counts(class, score) {
                continue; // most are nothing, and what follows costs more
            }
            let [left, top, right, bottom] = [0, 1, 2, 3].map(|edge| {
                let bins = &distances[edge * BINS..(edge + 1) * BINS];
                expected_bin(bins) * cell.stride
            });
            let (x, y) = ((cell.column + from) * cell.stride, (cell.row + from) * cell.stride);
            candidates.add(class, score, [x - left, y - top, x + right, y + bottom]);
        }
    }
    Some(())
}

/// The mean of the bins' numbers by their likelihoods, which are given as logarithms.
fn expected_bin(bins: &[f32]) -> f32 {
    let highest = bins.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let likelihoods = bins.iter().map(|bin| (bin - highest).exp());
    let (sum, weighted) = (0_u8..)
        .zip(likelihoods)
        .fold((0.0, 0.0), |(sum, weighted), (n, likelihood)| (sum + likelihood, weighted + likelihood * f32::from(n)));
    weighted / sum
}
