//! Polygons to the cells of a grid that they cover a part of.

use super::Grid;

/// A cell counts as covered only if the polygon reaches at least so far into it, in pixels. It is more than a corner's
/// fraction is rounded by, so that a polygon that ends between two cells covers only one of them.
const SLACK_PX: f64 = 1.0 / 256.0;

/// The masked cells of a grid: for each row of cells the columns, as ranges that do not touch.
#[derive(Debug, PartialEq, Eq)]
pub struct Cells {
    /// `[from, to)`, all rows one after the other.
    ranges: Vec<[u32; 2]>,
    /// Where the ranges of each row end.
    row_ends: Vec<usize>,
}

/// A side of a polygon, in pixels.
#[derive(Clone, Copy, Debug)]
struct Side {
    from: [f64; 2],
    to: [f64; 2],
}

impl Cells {
    /// The cells of the grid that the polygons cover, their corners in fractions of the picture.
    pub(super) fn of<'p>(polygons: impl Iterator<Item = &'p [[f32; 2]]>, grid: Grid) -> Self {
        let size = [grid.full.width_px, grid.full.height_px];
        let cell_px = grid.cell_px.map(|side| side.max(1));
        let [columns, rows] = [0, 1].map(|axis| size[axis].div_ceil(cell_px[axis]));
        let polygons: Vec<Vec<Side>> = polygons.map(|corners| sides(corners, size.map(f64::from))).collect();
        let (mut ranges, mut row_ends) = (Vec::new(), Vec::with_capacity(rows as usize));
        let mut found = Vec::new();
        for row in 0..rows {
            let height = f64::from(cell_px[1]);
            let (top, bottom) = (f64::from(row) * height + SLACK_PX, f64::from(row + 1) * height - SLACK_PX);
            found.clear();
            for sides in &polygons {
                covered(sides, top, bottom, |left, right| {
                    let cells = cells_between(left, right, f64::from(cell_px[0]), columns);
                    found.extend(cells);
                });
            }
            append_joined(&mut found, &mut ranges, row_ends.last().copied().unwrap_or(0));
            row_ends.push(ranges.len());
        }
        Self { ranges, row_ends }
    }

    /// The masked columns of a row of cells, as ranges from the left.
    #[must_use]
    pub fn row(&self, row: usize) -> &[[u32; 2]] {
        let Some(&end) = self.row_ends.get(row) else { return &[] };
        let start = row.checked_sub(1).map_or(0, |before| self.row_ends[before]);
        &self.ranges[start..end]
    }

    /// All rows of cells.
    pub fn rows(&self) -> impl Iterator<Item = &[[u32; 2]]> {
        (0..self.row_ends.len()).map(|row| self.row(row))
    }

    /// Whether a cell is masked.
    #[must_use]
    pub fn contains(&self, column: u32, row: usize) -> bool {
        self.row(row).iter().any(|[from, to]| (*from..*to).contains(&column))
    }
}

fn sides(corners: &[[f32; 2]], size: [f64; 2]) -> Vec<Side> {
    let scaled = |[x, y]: [f32; 2]| [f64::from(x) * size[0], f64::from(y) * size[1]];
    let next = corners.iter().cycle().skip(1);
    corners.iter().zip(next).map(|(from, to)| Side { from: scaled(*from), to: scaled(*to) }).collect()
}

/// Gives the stretches of the band from `top` to `bottom` that the polygon covers: those along its sides, and those that are
/// inside of it at half height. What is neither is left out all over the band.
fn covered(sides: &[Side], top: f64, bottom: f64, mut found: impl FnMut(f64, f64)) {
    if top >= bottom {
        return;
    }
    let middle = f64::midpoint(top, bottom);
    let mut crossings = Vec::new();
    for &Side { from, to } in sides {
        let (upper, lower) = if from[1] <= to[1] { (from, to) } else { (to, from) };
        if lower[1] <= top || upper[1] >= bottom {
            continue;
        }
        let at = |y: f64| {
            let share = (y.clamp(upper[1], lower[1]) - upper[1]) / (lower[1] - upper[1]).max(f64::MIN_POSITIVE);
            upper[0] + (lower[0] - upper[0]) * share
        };
        let ends = if upper[1] < lower[1] { [at(top), at(bottom)] } else { [upper[0], lower[0]] };
        found(ends[0].min(ends[1]), ends[0].max(ends[1]));
        if upper[1] <= middle && middle < lower[1] {
            crossings.push((at(middle), if from[1] < to[1] { 1 } else { -1 }));
        }
    }
    crossings.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut turns = 0;
    for pair in crossings.windows(2) {
        turns += pair[0].1;
        if turns != 0 {
            found(pair[0].0, pair[1].0);
        }
    }
}

/// The columns of cells between two places of a row.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "columns of a picture; the cast saturates")]
fn cells_between(left: f64, right: f64, width: f64, columns: u32) -> Option<[u32; 2]> {
    let from = ((left + SLACK_PX) / width).floor().max(0.0) as u32;
    let to = (((right - SLACK_PX) / width).ceil().max(0.0) as u32).min(columns);
    (from < to).then_some([from, to])
}

/// Appends ranges from left to right, those that touch as one. `start` is where the row begins in `ranges`.
fn append_joined(found: &mut [[u32; 2]], ranges: &mut Vec<[u32; 2]>, start: usize) {
    found.sort_unstable();
    for &[from, to] in found.iter() {
        match ranges[start..].last_mut() {
            Some(last) if from <= last[1] => last[1] = last[1].max(to),
            _ => ranges.push([from, to]),
        }
    }
}
