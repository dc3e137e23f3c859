use super::*;
use crate::message::Rect;

const FULL: Size = Size { width_px: 64, height_px: 48 };

fn mask(polygon: &[[f32; 2]]) -> PrivacyMask {
    PrivacyMask::new(&[Mask::of(polygon.to_vec())]).expect("there is one")
}

fn grid(cell_px: [u32; 2]) -> Grid {
    Grid { full: FULL, cell_px }
}

/// Whether the polygon has a part in the cell, by many points in it: those of the cell's inside only.
fn covers(polygon: &[[f32; 2]], [cell_width, cell_height]: [u32; 2], column: u32, row: u32) -> bool {
    let is_inside = |x: f64, y: f64| {
        let next = polygon.iter().cycle().skip(1);
        let crossed = polygon.iter().zip(next).filter(|(from, to)| {
            let [x1, y1, x2, y2] = [from[0] * 64.0, from[1] * 48.0, to[0] * 64.0, to[1] * 48.0].map(f64::from);
            (y1 > y) != (y2 > y) && x < x1 + (x2 - x1) * (y - y1) / (y2 - y1)
        });
        crossed.count() % 2 == 1
    };
    let steps = |cell: u32, side: u32, full: u32| {
        (0..20)
            .map(move |step| (f64::from(cell) + (f64::from(step) + 0.5) / 20.0) * f64::from(side))
            .filter(move |at| *at < f64::from(full))
    };
    steps(column, cell_width, FULL.width_px).any(|x| steps(row, cell_height, FULL.height_px).any(|y| is_inside(x, y)))
}

#[test]
fn every_cell_that_a_polygon_reaches_into_is_masked_and_no_other() {
    let shapes: [&[[f32; 2]]; 5] = [
        &[[0.25, 0.25], [0.5, 0.25], [0.5, 0.5], [0.25, 0.5]],
        &[[0.1, 0.13], [0.83, 0.31], [0.4, 0.97]],
        &[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.2], [0.0, 1.0]],
        &[[0.303, 0.0], [0.304, 0.0], [0.304, 1.0], [0.303, 1.0]],
        &[[0.9, 0.9], [1.0, 0.9], [1.0, 1.0]],
    ];
    for shape in shapes {
        for cell_px in [[1, 1], [2, 1], [2, 2], [8, 8], [16, 16], [24, 8]] {
            let cells = mask(shape).cells(grid(cell_px));
            let mut found = 0;
            for row in 0..FULL.height_px.div_ceil(cell_px[1]) {
                for column in 0..FULL.width_px.div_ceil(cell_px[0]) {
                    let is_masked = cells.contains(column, row as usize);
                    found += u32::from(is_masked);
                    if covers(shape, cell_px, column, row) {
                        assert!(is_masked, "{shape:?} {cell_px:?}: {column},{row} is to be seen");
                    }
                }
            }
            let area = 64 * 48 / (cell_px[0] * cell_px[1]);
            assert!(found > 0 && found <= area.max(1) + 10, "{shape:?} {cell_px:?}: {found}");
        }
    }
}

#[test]
fn a_polygon_that_ends_between_two_cells_covers_one_of_them() {
    // 0.3 is not exact: 0.3 * 640 is 192.000005.
    let full = Size { width_px: 640, height_px: 480 };
    let cells = mask(&[[0.1, 0.2], [0.3, 0.2], [0.3, 0.6], [0.1, 0.6]]).cells(Grid { full, cell_px: [16, 16] });
    assert_eq!(cells.row(6), [[4, 12]]);
    assert_eq!((cells.row(5), cells.row(17), cells.row(18)), (&[][..], &[[4, 12]][..], &[][..]));
}

#[test]
fn masks_that_overlap_are_one() {
    let masks = [
        Mask::of(vec![[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]),
        Mask::of(vec![[0.25, 0.0], [0.75, 0.0], [0.75, 1.0], [0.25, 1.0]]),
    ];
    let cells = PrivacyMask::new(&masks).expect("two").cells(grid([1, 1]));
    assert_eq!(cells.row(20), [[0, 48]]);
    assert_eq!(cells.row(48), [] as [[u32; 2]; 0]);
}

/// Each byte that spells a masked pixel or its colour is painted, and padding is not.
#[test]
fn raw_pictures_are_painted_in_all_planes() {
    let mask = mask(&[[0.25, 0.25], [0.5, 0.25], [0.5, 0.5], [0.25, 0.5]]);
    for format in [PixelFormat::Grey, PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::I420, PixelFormat::Bgr24] {
        let stride = format.row_bytes(64).expect("raw") + 8;
        let (_, bytes) = format.raw_bytes(FULL, stride).expect("even");
        let mut picture = vec![7; bytes];
        mask.paint_raw(&mut picture, format, FULL, stride);
        let painted = picture.iter().filter(|byte| **byte == GREY).count();
        let pixels = 16 * 12;
        let expected = match format {
            PixelFormat::Grey => pixels,
            PixelFormat::Yuyv => pixels * 2,
            PixelFormat::Nv12 | PixelFormat::I420 => pixels * 3 / 2,
            _ => pixels * 3,
        };
        assert_eq!(painted, expected, "{format:?}");
        let per_pixel = if format == PixelFormat::Yuyv {
            2
        } else if format == PixelFormat::Bgr24 {
            3
        } else {
            1
        };
        for (x, y, is_masked) in
            [(16, 12, true), (31, 23, true), (15, 12, false), (32, 12, false), (16, 11, false), (31, 24, false)]
        {
            assert_eq!(picture[y * stride + x * per_pixel] == GREY, is_masked, "{format:?} {x},{y}");
        }
    }
}

/// What moves is covered where it is in the frame, and everywhere if nobody says where.
#[test]
fn masks_that_move_are_another_one_in_each_frame() {
    let polygon = vec![[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]];
    let still = Mask::of(vec![[0.75, 0.0], [1.0, 0.0], [1.0, 1.0], [0.75, 1.0]]);
    let faces = Mask::over(["face"]);
    let in_half = faces.clone();
    let in_half = Mask::of(polygon).with_labels(in_half.labels().clone());
    let row = |masks: &[Mask], covers: Option<&Covers>| {
        let mask = PrivacyMask::new(masks).expect("there is one").in_frame(covers, FULL).expect("one moves");
        mask.cells(grid([1, 1])).row(10).to_vec()
    };
    let covers = |masks: &[Mask]| Covers::new(masks.into(), vec![Rect { x: 10, y: 8, width: 5, height: 4 }]);
    let masks = [still.clone(), faces];
    assert_eq!(row(&masks, Some(&covers(&masks))), [[10, 15], [48, 64]]);
    assert_eq!(row(&masks, None), [[0, 64]]);
    let halves = [still.clone(), in_half];
    assert_eq!(row(&halves, Some(&covers(&masks))), [[0, 32], [48, 64]], "the covers are for other masks");
    // Stages see what moves.
    let of_stages = PrivacyMask::of_stages(&masks).expect("one stays");
    assert_eq!(of_stages.cells(grid([1, 1])).row(10), [[48, 64]]);
    assert!(PrivacyMask::of_stages(&masks[1..]).is_none());
    assert!(PrivacyMask::new(&[still]).expect("one").in_frame(None, FULL).is_none(), "it is the same in each");
}
