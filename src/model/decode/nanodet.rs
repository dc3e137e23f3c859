//! NanoDet and NanoDet-Plus: rows of `classes + 32` for each cell: the classes, then for left, upper, right and lower edge how likely
//! it is 0, 1 ... 7 cells away.

use super::{
    Outputs,
    anchor_free::{cell_count, cells},
    rows::{Rows, agreed},
};
use crate::model::candidate::{Candidates, best_class};

/// Strides of NanoDet-Plus. NanoDet has the first three.
const STRIDES: [u16; 4] = [8, 16, 32, 64];

/// Distances that have a likelihood.
const BINS: usize = 8;

/// Where in a cell its edges are measured from, in cells, with the strides.
fn kind(rows: Rows<'_>, outputs: Outputs<'_>) -> Option<(f32, &'static [u16])> {
    let kinds: [(f32, &'static [u16]); 2] = [(0.0, &STRIDES), (0.5, &STRIDES[..3])];
    kinds.into_iter().find(|(_, strides)| cell_count(outputs.input, strides) == Some(rows.count))
}

pub(super) fn classes(outputs: Outputs<'_>) -> Option<usize> {
    let rows = Rows::only(outputs)?;
    kind(rows, outputs)?;
    agreed(rows.width.checked_sub(4 * BINS)?, outputs)
}

pub(super) fn decode(outputs: Outputs<'_>, candidates: &mut Candidates<'_>) -> Option<()> {
    let classes = classes(outputs)?;
    let rows = Rows::only(outputs)?;
    let (from, strides) = kind(rows, outputs)?;
    for (row, cell) in rows.iter().zip(cells(outputs.input, strides)) {
        let (scores, distances) = row.split_at_checked(classes)?;
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
