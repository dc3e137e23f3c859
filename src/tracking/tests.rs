#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "boxes drawn with small numbers")]

use super::*;

const HOLD: Duration = Duration::from_secs(3);

fn bounds(x: f64, y: f64) -> Rect {
    Rect { x: x.round() as u32, y: y.round() as u32, width: 30, height: 80 }
}

fn at(seconds: f64) -> Monotonic {
    Monotonic::from_micros(1_000_000 + (seconds * 1e6).round() as u64)
}

/// The ids at each of these times, of objects whose boxes `scene` gives.
fn follow(times: &[f64], scene: impl Fn(f64) -> Vec<Rect>) -> Vec<Vec<Option<u64>>> {
    let mut tracker = Tracker::new(HOLD);
    times.iter().map(|&time| tracker.observe(&scene(time), at(time))).collect()
}

fn every(step: f64, count: u32) -> Vec<f64> {
    (0..count).map(|n| f64::from(n) * step).collect()
}

#[test]
fn a_track_keeps_its_id_at_irregular_times() {
    let times = [0.0, 0.1, 0.2, 0.5, 0.53, 0.9, 1.6, 1.7, 2.4];
    let ids = follow(&times, |time| vec![bounds(50.0 + 80.0 * time, 100.0)]);
    assert_eq!(ids[0], [None]);
    assert!(ids[3..].iter().all(|ids| *ids == [Some(1)]), "{ids:?}");
}

#[test]
fn two_that_cross_keep_their_ids() {
    // One to the right and one to the left; where they overlap motion finds one box.
    let scene = |time: f64| {
        let (one, other) = (50.0 + 60.0 * time, 410.0 - 60.0 * time);
        if (one - other).abs() < 40.0 {
            let (left, right) = (one.min(other), one.max(other) + 30.0);
            vec![Rect { x: left as u32, y: 98, width: (right - left) as u32, height: 84 }]
        } else {
            vec![bounds(one, 100.0), bounds(other, 102.0)]
        }
    };
    let ids = follow(&every(0.1, 60), scene);
    assert_eq!(ids[10], [Some(1), Some(2)]);
    assert_eq!(ids[58], [Some(1), Some(2)], "{ids:?}");
}

#[test]
fn who_is_hidden_is_the_same_afterwards_and_not_for_ever() {
    let behind = |from: f64, to: f64| {
        move |time: f64| if (from..to).contains(&time) { vec![] } else { vec![bounds(50.0 + 60.0 * time, 100.0)] }
    };
    let ids = follow(&every(0.1, 60), behind(2.0, 3.5));
    assert_eq!([&ids[19], &ids[40]], [&[Some(1)], &[Some(1)]]);
    let ids = follow(&every(0.1, 90), behind(2.0, 6.0));
    assert_eq!(ids[70], [Some(2)], "after the hold time it is another track");
}

#[test]
fn noise_has_no_confirmed_track() {
    let ids = follow(&every(0.1, 50), |time| {
        let n = (time * 10.0).round() as u32;
        vec![Rect { x: 37 * n % 600, y: 91 * n % 400, width: 20, height: 20 }]
    });
    assert!(ids.iter().all(|ids| *ids == [None]), "{ids:?}");
}

#[test]
fn only_what_moves_counts() {
    let mut tracker = Tracker::new(HOLD);
    for (n, time) in every(0.1, 30).into_iter().enumerate() {
        let trembling = bounds(300.0 + [0.0, 4.0][n % 2], 100.0);
        tracker.observe(&[trembling, bounds(50.0 + 60.0 * time, 100.0)], at(time));
    }
    let counts: Vec<_> = tracker.tracks().iter().map(|track| (track.id(), track.counts())).collect();
    assert_eq!(counts, [(1, false), (2, true)]);
}

#[test]
fn a_flood_of_boxes_is_bounded() {
    let many: Vec<_> = (0..1000).map(|n| Rect { x: 60 * (n % 40), y: 90 * (n / 40), width: 30, height: 80 }).collect();
    let mut tracker = Tracker::new(HOLD);
    for time in every(0.1, 5) {
        tracker.observe(&many, at(time));
    }
    assert_eq!(tracker.tracks().len(), MAX_TRACKS);
}
