//! Everybody in six frames of vtest.avi, boxed by eye to three pixels or so. Somebody of 8x40 pixels behind a car is left out.

use fovea::{geometry::overlap, message::Rect};

/// A frame's number, and left, upper, right and lower edges, in pixels of the clip.
pub(crate) const PEOPLE: [(usize, &[[u32; 4]]); 6] = [
    (
        20,
        &[[364, 194, 399, 276], [415, 175, 431, 252], [440, 233, 480, 319], [688, 272, 723, 377], [729, 270, 756, 369]],
    ),
    (
        126,
        &[
            [150, 74, 165, 109],
            [382, 180, 409, 261],
            [422, 181, 441, 259],
            [581, 123, 601, 187],
            [602, 128, 621, 191],
            [668, 125, 689, 194],
            [561, 219, 586, 302],
            [633, 210, 675, 296],
        ],
    ),
    (
        285,
        &[
            [0, 172, 12, 236],
            [132, 149, 155, 220],
            [259, 176, 288, 253],
            [330, 161, 352, 227],
            [377, 221, 411, 312],
            [597, 144, 623, 215],
            [625, 148, 646, 215],
        ],
    ),
    (444, &[[301, 204, 322, 290], [490, 175, 518, 247], [588, 251, 620, 346]]),
    (
        550,
        &[
            [126, 168, 155, 232],
            [412, 164, 438, 242],
            [597, 167, 630, 243],
            [643, 304, 669, 412],
            [170, 368, 225, 512],
            [236, 375, 288, 509],
        ],
    ),
    (
        709,
        &[
            [73, 270, 109, 369],
            [209, 197, 235, 274],
            [223, 173, 250, 247],
            [354, 157, 379, 230],
            [411, 185, 438, 267],
            [496, 179, 522, 252],
            [513, 130, 533, 193],
            [618, 210, 663, 297],
        ],
    ),
];

/// The boxes, in a picture in which the clip begins at this place.
pub(crate) fn people(boxes: &[[u32; 4]], [left, top]: [u32; 2]) -> Vec<Rect> {
    let rect = |[x, y, right, lower]: &[u32; 4]| Rect { x: x + left, y: y + top, width: right - x, height: lower - y };
    boxes.iter().map(rect).collect()
}

/// How many people are found, each by a box of its own, and how many boxes show nobody.
pub(crate) fn score(people: &[Rect], found: &[Rect], is_hit: impl Fn(Rect, Rect) -> bool) -> [usize; 2] {
    let mut taken = vec![false; found.len()];
    let mut hits = 0;
    for person in people {
        let best = (0..found.len()).filter(|&n| !taken[n] && is_hit(*person, found[n]));
        let best = best.max_by(|&a, &b| overlap(*person, found[a]).1.total_cmp(&overlap(*person, found[b]).1));
        if let Some(n) = best {
            taken[n] = true;
            hits += 1;
        }
    }
    [hits, found.len() - taken.into_iter().filter(|taken| *taken).count()]
}
