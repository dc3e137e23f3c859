use super::*;
use crate::{
    config::labels::LabelFilter,
    tracking::{Tracker, shared::Snapshot},
};

const FULL: Size = Size { width_px: 1000, height_px: 500 };
const BODY: Rect = Rect { x: 100, y: 100, width: 80, height: 200 };
const FACE: Rect = Rect { x: 130, y: 110, width: 20, height: 24 };

/// How long a track has been where it is to stand still.
const LONG_MS: u64 = 4000;

fn at(ms: u64) -> Monotonic {
    Monotonic::from_micros(100_000_000 + ms * 1000)
}

fn right(bounds: Rect, by: u32) -> Rect {
    Rect { x: bounds.x + by, ..bounds }
}

fn whole() -> Rect {
    Rect { x: 0, y: 0, width: FULL.width_px, height: FULL.height_px }
}

fn is_covered(boxes: &[Rect], thing: Rect) -> bool {
    boxes.iter().any(|bounds| Area::of(thing).is_in(Area::of(*bounds)))
}

/// A camera with masks, and what motion and a network say of it.
struct Scene {
    tracker: Tracker,
    tracks: Arc<SharedTracks>,
    looks: Arc<Looks>,
    mask: MovingMask,
    now: u64,
}

impl Scene {
    fn of(masks: &[Mask]) -> Self {
        let (tracks, looks): (Arc<SharedTracks>, Arc<Looks>) = Default::default();
        let mask = MovingMask::new(masks, tracks.clone(), looks.clone());
        Self { tracker: Tracker::new(Duration::from_secs(1)), tracks, looks, mask, now: 0 }
    }

    /// One with a mask over faces, of which the network has seen all.
    fn open() -> Self {
        let mut scene = Self::of(&[Mask::over(["face"])]);
        scene.frame(&[]);
        scene.look(whole(), &[]);
        scene
    }

    /// The covers of the next frame, a tenth of a second later, in which these boxes move.
    fn frame_of(&mut self, boxes: &[Rect], is_learning: bool) -> Option<Vec<Rect>> {
        self.now += 100;
        self.tracker.observe(boxes, at(self.now));
        let tracks = self.tracker.tracks().to_vec();
        self.tracks.publish(Snapshot { tracks, size: FULL, captured_at: at(self.now), is_learning });
        let covers = self.mask.cover(at(self.now), FULL)?;
        Some(covers.boxes(&self.mask.masks).expect("they are its masks").to_vec())
    }

    fn frame(&mut self, boxes: &[Rect]) -> Option<Vec<Rect>> {
        self.frame_of(boxes, false)
    }

    /// The same of a frame of which it is known what to cover.
    fn covers(&mut self, boxes: &[Rect]) -> Vec<Rect> {
        self.frame(boxes).expect("it is known")
    }

    /// The network looks at a part of the last frame, without making it smaller, and finds these faces.
    fn look(&mut self, part: Rect, faces: &[Rect]) {
        self.look_by(1.0, part, &faces.iter().map(|face| ("face", *face)).collect::<Vec<_>>());
    }

    fn look_by(&mut self, scale: f64, part: Rect, found: &[(&str, Rect)]) {
        let looked_at = |track: &Track| LookedAt {
            id: track.id(),
            bounds: track.bounds(),
            is_judged: Area::of(track.bounds()).is_in(Area::of(part)),
        };
        self.looks.push(Look {
            at: at(self.now),
            full: FULL,
            part,
            scale,
            tracks: self.tracker.tracks().iter().filter(|track| track.is_confirmed()).map(looked_at).collect(),
            found: found.iter().map(|(label, bounds)| ((*label).to_owned(), *bounds)).collect(),
            holds: Duration::from_secs(5),
        });
    }
}

#[test]
fn a_part_of_a_box_moves_as_its_sides_do() {
    let (before, face) = (Area::of(BODY), Area::of(FACE));
    assert_eq!(face.carried(before, before), face);
    assert_eq!(face.carried(before, Area::of(right(BODY, 50))), Area::of(right(FACE, 50)), "it moved");
    // It came nearer: twice as large, with the same foot point.
    let nearer = Area { low: [60.0, -100.0], high: [220.0, 300.0] };
    let grown = Area { low: [120.0, -80.0], high: [160.0, -32.0] };
    assert!(grown.is_in(face.carried(before, nearer)), "{:?}", face.carried(before, nearer));
    // Its legs alone are seen: the face may be where it was.
    let legs = Area { low: [100.0, 220.0], high: [180.0, 300.0] };
    assert!(face.is_in(face.carried(before, legs)));
    // It is in a box with somebody to the right.
    let both = Area { low: [140.0, 100.0], high: [400.0, 300.0] };
    let anywhere = Area { low: [170.0, 110.0], high: [370.0, 134.0] };
    assert!(anywhere.is_in(face.carried(before, both)));
}

#[test]
fn boxes_end_at_the_rim_of_the_picture() {
    let rect = |low, high| Area { low, high }.rect(FULL);
    assert_eq!(rect([-5.0, -5.0], [2000.0, 2000.0]), Some(whole()));
    assert_eq!(rect([1.5, 2.5], [3.5, 4.5]), Some(Rect { x: 1, y: 2, width: 3, height: 3 }), "outwards");
    assert_eq!(rect([-50.0, 10.0], [-10.0, 20.0]), None);
    assert_eq!(rect([f64::NAN, 10.0], [10.0, 20.0]), Some(Rect { x: 0, y: 10, width: 10, height: 10 }));
}

#[test]
fn everything_is_covered_until_it_is_known_what_moves_and_what_stands() {
    let mut scene = Scene::of(&[Mask::over(["face"])]);
    assert_eq!(scene.frame_of(&[], true), None, "the scene is learnt");
    assert_eq!(scene.frame(&[]), None, "the network has seen nothing");
    scene.look(BODY, &[]);
    assert_eq!(scene.frame(&[]), None, "a part of it");
    scene.look(whole(), &[]);
    assert_eq!(scene.frame(&[]), Some(Vec::new()));
    assert_eq!(scene.frame_of(&[], true), None, "the light was switched");
    assert_eq!(scene.frame(&[]), Some(Vec::new()));
    assert!(scene.mask.cover(at(scene.now + 50), FULL).is_none(), "motion failed on this frame");
    let other = Size { width_px: 500, height_px: 500 };
    assert!(scene.mask.cover(at(scene.now), other).is_none());
    assert_eq!(scene.frame(&[]), None, "it was another picture");
}

#[test]
fn a_track_is_covered_whole_until_the_network_has_found_its_face_and_that_moves_with_it() {
    let mut scene = Scene::open();
    for n in 0..5 {
        let body = right(BODY, 10 * n);
        assert!(is_covered(&scene.covers(&[body]), body), "{n}");
    }
    let by = |n: u32| 10 * n;
    scene.look(Rect { x: 0, y: 0, width: 400, height: 400 }, &[right(FACE, by(4))]);
    for n in 5..40 {
        let (body, face) = (right(BODY, by(n)), right(FACE, by(n)));
        let boxes = scene.covers(&[body]);
        assert!(is_covered(&boxes, face) && !is_covered(&boxes, body), "{n}: {boxes:?}");
        assert_eq!(boxes, [Rect { x: face.x - 10, y: face.y - 12, width: 40, height: 48 }], "grown by a half");
    }
    // Without a box of its own it moves on.
    let boxes = scene.covers(&[]);
    assert!(is_covered(&boxes, right(FACE, by(39))) && is_covered(&boxes, right(FACE, by(40))), "{boxes:?}");
}

/// As motion does with somebody who stops: it takes more and more of him for background.
#[test]
fn a_track_of_which_only_a_part_moves_is_covered_as_before() {
    let mut scene = Scene::open();
    for n in 0..5 {
        scene.covers(&[right(BODY, 10 * n)]);
    }
    for (n, part) in [
        (5, Rect { x: 70, width: 10, ..BODY }),
        (6, Rect { x: 0, width: 12, ..BODY }),
        (7, Rect { x: 20, y: 220, width: 30, height: 80 }),
    ] {
        let body = right(BODY, 10 * n);
        let boxes = scene.covers(&[Rect { x: body.x + part.x, ..part }]);
        assert!(is_covered(&boxes, body), "{n}: {boxes:?}");
    }
}

#[test]
fn a_face_stays_where_it_was_while_only_a_part_of_its_track_is_seen() {
    let mut scene = Scene::open();
    (0..5).for_each(|_| drop(scene.frame(&[BODY])));
    scene.look(whole(), &[FACE]);
    assert!(!is_covered(&scene.covers(&[BODY]), BODY));
    // A strip at the left, and one at the right: nothing moved by as much.
    let strips = [Rect { width: 12, ..BODY }, Rect { x: BODY.x + 68, width: 12, ..BODY }];
    for n in 0..60 {
        let boxes = scene.covers(&[strips[n / 20 % 2]]);
        assert!(is_covered(&boxes, FACE), "{n}: {boxes:?}");
        assert_eq!(is_covered(&boxes, BODY), n < 29, "{n}: {boxes:?}");
        scene.look(Rect { x: 500, ..BODY }, &[]);
    }
}

#[test]
fn two_looks_that_show_no_face_open_a_track_and_for_a_while_only() {
    let mut scene = Scene::open();
    let body = |n: u32| right(BODY, n % 2);
    (0..5).for_each(|n| drop(scene.frame(&[body(n)])));
    scene.look(whole(), &[]);
    assert_eq!(scene.covers(&[body(5)]).len(), 1, "one look may have missed it");
    scene.look(whole(), &[]);
    assert_eq!(scene.covers(&[body(6)]), []);
    // What the network no longer looks at is covered again.
    let covered: Vec<_> = (7..67).map(|n| scene.covers(&[body(n)]).len()).collect();
    assert_eq!([covered[..48].iter().sum::<usize>(), covered[50..].iter().sum()], [0, 10], "{covered:?}");
    scene.look(whole(), &[]);
    assert_eq!(scene.covers(&[body(67)]), [], "as before");
    scene.look(whole(), &[FACE]);
    assert!(is_covered(&scene.covers(&[body(68)]), FACE), "it turned round");
    scene.look(whole(), &[]);
    assert!(is_covered(&scene.covers(&[body(69)]), FACE), "one look may have missed it");
    scene.look(whole(), &[]);
    assert_eq!(scene.covers(&[body(70)]), [], "it turned away");
}

#[test]
fn a_look_that_did_not_show_the_track_says_nothing_of_it() {
    let mut scene = Scene::open();
    (0..5).for_each(|_| drop(scene.frame(&[BODY])));
    for _ in 0..5 {
        scene.look(Rect { x: 500, y: 0, width: 400, height: 400 }, &[]);
    }
    assert_eq!(scene.covers(&[BODY]).len(), 1);
    scene.look(whole(), &[FACE]);
    assert_eq!(scene.covers(&[BODY]).len(), 1);
    // The face would be too small in them.
    for _ in 0..5 {
        scene.look_by(0.2, whole(), &[]);
    }
    assert!(is_covered(&scene.covers(&[BODY]), FACE));
}

#[test]
fn of_a_track_that_ends_a_face_that_stood_still_is_covered_until_looks_show_nothing() {
    for (step, is_still) in [(10, false), (0, true)] {
        let mut scene = Scene::open();
        let frames = u32::try_from(LONG_MS / 100).unwrap();
        for n in 0..frames {
            let body = right(BODY, n * step);
            scene.covers(&[body]);
            scene.look(whole(), &[right(FACE, n * step)]);
        }
        // A track that stood still stays for a minute, the other for a second.
        for n in 0..700 {
            let boxes = scene.covers(&[]);
            if is_still {
                assert!(is_covered(&boxes, FACE), "{n}: {boxes:?}");
            } else {
                assert_eq!(boxes.is_empty(), n >= 9, "{n}: {boxes:?}");
            }
        }
        if is_still {
            assert_eq!(scene.tracker.tracks().len(), 0);
            scene.look(whole(), &[FACE]);
            scene.look(whole(), &[]);
            assert!(is_covered(&scene.covers(&[]), FACE));
            scene.look(whole(), &[]);
            assert_eq!(scene.covers(&[]), []);
        }
    }
}

/// Who sits there has no track, and who passes in front of him does not take his face along.
#[test]
fn a_face_without_a_track_stays_where_it_is() {
    let mut scene = Scene::open();
    let sitting = right(FACE, 300);
    scene.look(whole(), &[sitting]);
    for n in 0..60 {
        let boxes = scene.covers(&[right(BODY, n * 10)]);
        assert!(is_covered(&boxes, sitting), "{n}: {boxes:?}");
        if n % 5 == 0 {
            scene.look(whole(), &[sitting]);
        }
    }
}

#[test]
fn a_face_that_no_look_can_judge_is_forgotten_in_the_end() {
    let mut scene = Scene::open();
    scene.look(whole(), &[FACE]);
    let covered = (0..2000).filter(|_| !scene.covers(&[]).is_empty()).count();
    assert!(covered.abs_diff(1200) < 5, "{covered}");
}

/// Whose face it is can be seen only when they part.
#[test]
fn a_face_in_a_box_of_two_goes_with_both() {
    let mut scene = Scene::open();
    let (one, other) = (BODY, right(BODY, 400));
    for n in 0..16 {
        scene.frame(&[right(one, n * 10), Rect { x: other.x - n * 10, ..other }]);
    }
    let both = Rect { x: 250, width: 180, ..BODY };
    scene.frame(&[both]);
    assert_eq!(scene.tracker.tracks().len(), 2);
    let face = Rect { x: 340, ..FACE };
    scene.look(whole(), &[face]);
    assert!(is_covered(&scene.covers(&[both]), face));
    for n in 0..5 {
        let (left, right_one) = (Rect { x: 250 - n * 10, ..BODY }, Rect { x: 350 + n * 10, ..BODY });
        let boxes = scene.covers(&[left, right_one]);
        for face in [Rect { x: left.x + 30, ..FACE }, Rect { x: right_one.x + 30, ..FACE }] {
            assert!(is_covered(&boxes, face), "{n}: {face:?} is not in {boxes:?}");
        }
    }
}

#[test]
fn masks_cover_their_labels_where_their_polygons_are() {
    let left = vec![[0.0, 0.0], [0.3, 0.0], [0.3, 1.0], [0.0, 1.0]];
    let masks = [
        Mask::of(left).with_labels(LabelFilter::of(["face"])),
        Mask::over(["plate"]),
        Mask::of(vec![[0.0, 0.0], [0.1, 0.0], [0.0, 0.1]]),
    ];
    let mut scene = Scene::of(&masks);
    scene.frame(&[]);
    let far = right(FACE, 500);
    scene.look_by(1.0, whole(), &[("face", FACE), ("face", far), ("plate", right(far, 100)), ("person", BODY)]);
    let boxes = scene.covers(&[]);
    assert!(is_covered(&boxes, FACE) && is_covered(&boxes, right(far, 100)), "{boxes:?}");
    assert_eq!(boxes.len(), 2, "{boxes:?}");
    // What has no verdict may be anything, so that the mask over plates covers it.
    assert_eq!(scene.covers(&[right(BODY, 600)]).len(), 3);
    assert_eq!(Covers::new(masks.clone().into(), Vec::new()).boxes(&masks[..2]), None, "other masks");
}

#[test]
fn looks_that_nobody_takes_do_not_pile_up() {
    let scene = Scene::open();
    let mut scene = scene;
    (0..1000).for_each(|_| scene.look(whole(), &[FACE]));
    assert_eq!(scene.looks.take().len(), MOST_LOOKS);
}

/// `cargo test --lib moving_mask -- --ignored --nocapture`; with `--release` as it is on a board.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "it is what a measurement is for")]
fn what_a_frame_costs() {
    for count in [0_u32, 1, 8, 32] {
        let mut scene = Scene::open();
        let bodies = |n: u32| -> Vec<_> {
            (0..count).map(|k| Rect { x: k * 30 + n % 2, y: 50, width: 20, height: 50 }).collect()
        };
        let (mut took, frames) = (Vec::new(), 400);
        for n in 0..frames {
            scene.now += 100;
            scene.tracker.observe(&bodies(n), at(scene.now));
            let tracks = scene.tracker.tracks().to_vec();
            scene.tracks.publish(Snapshot { tracks, size: FULL, captured_at: at(scene.now), is_learning: false });
            if n % 10 == 0 {
                let faces: Vec<_> = bodies(n).into_iter().map(|body| Rect { width: 8, height: 10, ..body }).collect();
                scene.look(whole(), &faces);
            }
            let began = std::time::Instant::now();
            let covers = scene.mask.cover(at(scene.now), FULL);
            took.push(began.elapsed());
            assert!(covers.is_some());
        }
        took.sort();
        println!("{count} tracks: median {:?}, with a look {:?}", took[took.len() / 2], took[took.len() - 5]);
    }
}
