//! The outer rims of connected pixels.
//!
//! Found by Suzuki and Abe, Topological Structural Analysis of Digitized Binary Images by Border Following, 1985, the second
//! algorithm, which follows outermost borders alone. They are those of `cv::findContours` with `RETR_EXTERNAL` and
//! `CHAIN_APPROX_NONE`. That takes memory by the number of regions in each picture, so the heap grows with every picture that is
//! busier than those before it; here memory is kept.

use memchr::memchr;
use opencv::core::Point;

/// What a pixel is. The values are those of the paper for a picture whose borders all have one number.
const OUTSIDE: i8 = 0;
const INSIDE: i8 = 1;
const RIM: i8 = 2;
/// What lies at its right is not of the region.
const RIGHT_RIM: i8 = -2;

/// The pixels around one, from the east on against the clock, as columns and rows.
const AROUND: [[i32; 2]; 8] = [[1, 0], [1, -1], [0, -1], [-1, -1], [-1, 0], [-1, 1], [0, 1], [1, 1]];
const EAST: usize = 0;
const WEST: usize = 4;

/// Finds rims, and keeps what that takes.
#[derive(Debug, Default)]
pub(super) struct Rims {
    /// What each pixel is, with an `OUTSIDE` around the picture.
    marks: Vec<i8>,
    /// Of a row in `marks`.
    width: usize,
    /// The way in `marks` to each of the pixels `AROUND` one.
    ways: [isize; 8],
    /// The pixels along the last rim.
    rim: Vec<Point>,
}

impl Rims {
    /// Gets what pictures of this size take.
    pub(super) fn make_room(&mut self, [width, height]: [usize; 2]) {
        self.width = width + 2;
        self.ways = AROUND.map(|[columns, rows]| columns as isize + rows as isize * self.width.cast_signed());
        self.marks.clear();
        self.marks.resize(self.width * (height + 2), OUTSIDE);
        // No rim is longer: it passes the pixels of a thin line twice, but beside that line is another. What it does not use is
        // never touched.
        self.rim.clear();
        self.rim.reserve_exact(width * height);
    }

    /// Calls `look` with the pixels along each rim, in order. `picture` is 255 in regions, else 0, and of the size there is room for.
    pub(super) fn find(
        &mut self,
        picture: &[u8],
        mut look: impl FnMut(&[Point]) -> opencv::Result<()>,
    ) -> opencv::Result<()> {
        let width = self.width - 2;
        for (row, marks) in picture.chunks_exact(width).zip(self.marks.chunks_exact_mut(self.width).skip(1)) {
            marks[1..].iter_mut().zip(row).for_each(|(mark, pixel)| *mark = (pixel & 1).cast_signed());
        }
        for (y, row) in picture.chunks_exact(width).enumerate() {
            let first = (y + 1) * self.width + 1;
            // What the last pixel of a rim is: from there on the row is inside of its region, unless it is at the right.
            let mut last = OUTSIDE;
            let mut end = 0;
            while let Some(gap) = memchr(255, &row[end..]) {
                let start = end + gap;
                end = memchr(0, &row[start..]).map_or(width, |length| start + length);
                if self.marks[first + start] == INSIDE && last <= OUTSIDE {
                    self.follow(first + start, [start, y]);
                    look(&self.rim)?;
                }
                let run = self.marks[first + start..first + end].iter().rev();
                last = run.copied().find(|mark| matches!(*mark, RIM | RIGHT_RIM)).unwrap_or(last);
            }
        }
        Ok(())
    }

    /// Follows a rim from its first pixel in the highest row, against the clock.
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "columns and rows of a picture")]
    fn follow(&mut self, start: usize, [column, row]: [usize; 2]) {
        let mut pixel = Point::new(column as i32, row as i32);
        self.rim.clear();
        let clockwise_from_west = (1..AROUND.len()).map(|turns| (WEST + AROUND.len() - turns) % AROUND.len());
        let first = { clockwise_from_west }.find(|way| self.marks[self.beside(start, *way)] != OUTSIDE);
        let Some(first) = first else {
            self.rim.push(pixel);
            self.marks[start] = RIGHT_RIM;
            return;
        };
        // The rim ends where it comes back to its first pixel from here.
        let end = self.beside(start, first);
        let (mut at, mut came_from) = (start, first);
        loop {
            self.rim.push(pixel);
            let mut way = came_from + 1;
            // It comes back to where it came from, if nothing else is there.
            while self.marks[self.beside(at, way)] == OUTSIDE {
                way += 1;
            }
            if way > EAST + AROUND.len() {
                self.marks[at] = RIGHT_RIM;
            } else if self.marks[at] == INSIDE {
                self.marks[at] = RIM;
            }
            let next = self.beside(at, way);
            if next == start && at == end {
                return;
            }
            let [columns, rows] = AROUND[way % AROUND.len()];
            (pixel.x, pixel.y) = (pixel.x + columns, pixel.y + rows);
            (at, came_from) = (next, (way + AROUND.len() / 2) % AROUND.len());
        }
    }

    /// The pixel that way from one of the picture's.
    fn beside(&self, at: usize, way: usize) -> usize {
        at.wrapping_add_signed(self.ways[way % AROUND.len()])
    }
}

#[cfg(test)]
mod tests {
    use opencv::{
        core::{Mat, Vector},
        imgproc,
        prelude::*,
    };

    use super::*;

    /// Pixels by chance; `coarse` pixels beside each other are alike.
    fn chance([width, height]: [usize; 2], coarse: usize, of_eight: u64) -> Vec<u8> {
        let hash = |x: usize, y: usize| (y / coarse * 7919 + x / coarse) as u64 * 2_654_435_761 % (1 << 32);
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        pixels.map(|(x, y)| if hash(x, y) >> 29 < of_eight { 255 } else { 0 }).collect()
    }

    #[test]
    fn they_are_those_of_opencv() {
        let mut rims = Rims::default();
        for size @ [width, height] in [[1, 1], [1, 9], [9, 1], [2, 2], [31, 17], [160, 90]] {
            rims.make_room(size);
            for (coarse, of_eight) in [1, 2, 3, 5].into_iter().flat_map(|coarse| (0..=8).map(move |of| (coarse, of))) {
                let picture = chance(size, coarse, of_eight);
                let mut found = Vec::new();
                let end = rims.find(&picture, |rim| {
                    found.push(rim.to_vec());
                    Ok(())
                });
                end.expect("nothing fails");
                found.reverse(); // OpenCV begins with the lowest
                let rows = i32::try_from(height).expect("a small picture");
                let picture = Mat::new_rows_cols_with_data(rows, i32::try_from(width).expect("one"), &picture);
                let mut expected = Vector::<Vector<Point>>::new();
                let picture = picture.expect("bytes");
                imgproc::find_contours_def(&picture, &mut expected, imgproc::RETR_EXTERNAL, imgproc::CHAIN_APPROX_NONE)
                    .expect("bytes");
                let expected: Vec<Vec<Point>> = expected.iter().map(|rim| rim.to_vec()).collect();
                assert!(found == expected, "{width}x{height}, {coarse}, {of_eight} of 8");
            }
        }
    }
}
