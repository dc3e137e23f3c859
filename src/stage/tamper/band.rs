//! Structure of one size: a picture's Laplacian, now, at the last look, and as it usually is.
//!
//! The Laplacian is what a pixel differs from its four neighbours by. It is zero where a picture is flat or changes
//! evenly, whatever the light; a change of the light scales it. Noise has no place in it: it goes out of any product with
//! structure that was learnt from many pictures.

use std::ops::Range;

/// Cells across and down. What passes in front of a part of them leaves the others as they are.
pub(super) const CELLS: [usize; 2] = [8, 6];

/// The numbers of cells.
pub(super) const CELL_COUNT: usize = CELLS[0] * CELLS[1];

/// Structure of one size. Planes are rows of `width` numbers; those at the border are 0.
#[derive(Debug, Default)]
pub(super) struct Band {
    width: usize,
    height: usize,
    now: Vec<f32>,
    last: Vec<f32>,
    usual: Vec<f32>,
}

/// Sums over one cell, each a mean over its pixels.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Products {
    /// Of now and usual.
    pub(super) now_usual: f32,
    /// Of usual and usual.
    pub(super) usual_usual: f32,
    /// Of now and now.
    pub(super) now_now: f32,
    /// Of now and last: noise, which is another one in each picture, goes out of it.
    pub(super) now_last: f32,
}

impl Band {
    /// A band of this size; nothing is usual yet.
    pub(super) fn new(width: usize, height: usize) -> Self {
        let plane = || vec![0.0; width * height];
        Self { width, height, now: plane(), last: plane(), usual: plane() }
    }

    /// Whether it is of exactly this size.
    pub(super) fn is_of(&self, width: usize, height: usize) -> bool {
        (self.width, self.height) == (width, height)
    }

    /// Whether it is at least this wide and high.
    pub(super) fn is_at_least(&self, [width, height]: [usize; 2]) -> bool {
        self.width >= width && self.height >= height
    }

    /// The next picture, rows without padding, of this band's size.
    pub(super) fn see<T: Copy + Into<f32>>(&mut self, pixels: &[T]) {
        std::mem::swap(&mut self.now, &mut self.last);
        let width = self.width;
        if width < 3 {
            return;
        }
        let inside = 1..width - 1;
        for y in 1..self.height.saturating_sub(1) {
            let row = |y: usize| &pixels[y * width..][..width];
            let (above, here, below) = (&row(y - 1)[inside.clone()], row(y), &row(y + 1)[inside.clone()]);
            let beside = here[..width - 2].iter().zip(&here[2..]);
            let around = beside.zip(above.iter().zip(below));
            let out = &mut self.now[y * width..][inside.clone()];
            for ((out, &here), ((&left, &right), (&above, &below))) in out.iter_mut().zip(&here[1..]).zip(around) {
                let sum: f32 = left.into() + right.into() + above.into() + below.into();
                *out = sum - 4.0 * here.into();
            }
        }
    }

    /// Takes the structure at these places out of the picture that was seen last.
    pub(super) fn blank(&mut self, places: &[usize]) {
        for place in places {
            if let Some(now) = self.now.get_mut(*place) {
                *now = 0.0;
            }
        }
    }

    /// Moves what is usual towards what is seen now by this part of the difference.
    pub(super) fn learn(&mut self, part: f32) {
        for (usual, &now) in self.usual.iter_mut().zip(&self.now) {
            *usual += (now - *usual) * part;
        }
    }

    /// The products of each cell, row by row.
    #[expect(clippy::cast_precision_loss, reason = "a cell has fewer pixels than f32 counts exactly")]
    pub(super) fn products(&self) -> [Products; CELL_COUNT] {
        std::array::from_fn(|number| {
            let columns = part(number % CELLS[0], CELLS[0], self.width);
            let rows = part(number / CELLS[0], CELLS[1], self.height);
            let pixels = (rows.len() * columns.len()).max(1) as f32;
            let mut sums = [[0.0; LANES]; 4];
            for y in rows {
                let row = y * self.width + columns.start..y * self.width + columns.end;
                let [now, last, usual] = [&self.now, &self.last, &self.usual].map(|plane| &plane[row.clone()]);
                add_products(&mut sums, now, last, usual);
            }
            let [now_usual, usual_usual, now_now, now_last] = sums.map(|lanes| lanes.iter().sum::<f32>() / pixels);
            Products { now_usual, usual_usual, now_now, now_last }
        })
    }
}

/// Sums side by side: one alone would have each addition wait for the one before it.
const LANES: usize = 8;

fn add_products(sums: &mut [[f32; LANES]; 4], now: &[f32], last: &[f32], usual: &[f32]) {
    let mut add = |lane: usize, now: f32, last: f32, usual: f32| {
        let products = [now * usual, usual * usual, now * now, now * last];
        for (sum, product) in sums.iter_mut().zip(products) {
            sum[lane] += product;
        }
    };
    let ((now, now_rest), (last, last_rest), (usual, usual_rest)) =
        (now.as_chunks::<LANES>(), last.as_chunks::<LANES>(), usual.as_chunks::<LANES>());
    for ((now, last), usual) in now.iter().zip(last).zip(usual) {
        for lane in 0..LANES {
            add(lane, now[lane], last[lane], usual[lane]);
        }
    }
    for (lane, ((&now, &last), &usual)) in now_rest.iter().zip(last_rest).zip(usual_rest).enumerate() {
        add(lane, now, last, usual);
    }
}

fn part(number: usize, of: usize, length: usize) -> Range<usize> {
    number * length / of..(number + 1) * length / of
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 64 x 48 pixels of checks, `size` pixels each.
    fn checks(size: usize, light: f32) -> Vec<f32> {
        (0..64 * 48).map(|i| if (i % 64 / size + i / 64 / size).is_multiple_of(2) { light } else { 0.0 }).collect()
    }

    #[test]
    fn flat_pictures_and_slopes_have_no_structure() {
        let mut band = Band::new(64, 48);
        let slope: Vec<u16> = (0..64 * 48).map(|i| 3 * (i % 64) + 7 * (i / 64)).collect();
        band.see(&slope);
        assert!(band.products().iter().all(|cell| cell.now_now == 0.0));
    }

    #[test]
    fn light_scales_structure_and_leaves_it_in_place() {
        let mut band = Band::new(64, 48);
        band.see(&checks(4, 100.0));
        band.learn(1.0);
        band.see(&checks(4, 50.0));
        for cell in band.products() {
            assert!((cell.now_usual / cell.usual_usual - 0.5).abs() < 1e-3, "{cell:?}");
            assert!((cell.now_usual.powi(2) / cell.now_now / cell.usual_usual - 1.0).abs() < 1e-3, "{cell:?}");
        }
    }

    #[test]
    fn it_may_have_no_inside() {
        for (width, height) in [(0, 0), (1, 1), (2, 9), (9, 2), (3, 3)] {
            let mut band = Band::new(width, height);
            band.see(&vec![1_u8; width * height]);
            band.learn(0.5);
            assert!(band.products().iter().all(|cell| cell.now_now == 0.0));
        }
    }
}
