//! The slot through its public face: order, fairness, and counts that add up.

use std::{
    thread,
    time::{Duration, Instant},
};

use fovea::slot::{Counts, Slot, Take};

#[test]
fn a_newer_frame_supersedes_an_unread_one() {
    let slot = Slot::new(1);
    assert_eq!(slot.publish(0, "old"), None);
    assert_eq!(slot.publish(0, "new"), Some("old"));
    assert_eq!(slot.counts(0), Counts { published: 2, taken: 0, superseded: 1, waiting: 1 });
    assert_eq!(slot.take(None), Take::Frame("new", 1));
    assert_eq!(slot.counts(0), Counts { published: 2, taken: 1, superseded: 1, waiting: 0 });
}

#[test]
fn superseded_is_counted_from_one_take_to_the_next() {
    let slot = Slot::new(1);
    for (frames, superseded) in [(3, 2), (1, 0), (2, 1)] {
        for frame in 0..frames {
            slot.publish(0, frame);
        }
        assert_eq!(slot.take(None), Take::Frame(frames - 1, superseded));
    }
}

#[test]
fn a_fast_camera_does_not_starve_the_others() {
    let slot = Slot::new(3);
    slot.publish(1, 1);
    slot.publish(2, 2);
    let served = [(); 5].map(|()| {
        slot.publish(0, 0); // always ready
        slot.take(None)
    });
    assert_eq!(served.map(|take| matches!(take, Take::Frame(0, _))), [true, false, false, true, true]);
    assert_eq!((slot.counts(1).taken, slot.counts(2).taken), (1, 1));
}

#[test]
fn nothing_is_taken_after_close() {
    let slot = Slot::new(1);
    slot.publish(0, 1);
    slot.close();
    assert_eq!(slot.take(None), Take::Closed);
}

#[test]
fn a_shut_cell_lets_no_frame_in_but_gives_out_what_waits() {
    let slot = Slot::new(1);
    slot.publish(0, "in time");
    slot.shut(0);
    assert_eq!(slot.publish(0, "late"), Some("late"));
    assert_eq!(slot.counts(0), Counts { published: 1, taken: 0, superseded: 0, waiting: 1 });
    assert_eq!(slot.open(), 1, "a number of its own");
    slot.publish(1, "another camera's");
    assert_eq!([slot.take(None), slot.take(None)], [Take::Frame("in time", 0), Take::Frame("another camera's", 0)]);
    assert_eq!(slot.counts(0), Counts { published: 1, taken: 1, superseded: 0, waiting: 0 });
}

#[test]
fn an_empty_slot_times_out() {
    assert_eq!(Slot::<u32>::new(1).take(Some(Instant::now())), Take::TimedOut);
}

/// Four cameras at full speed against one processor: every frame is accounted for, none comes out of order.
#[test]
fn stress() {
    const CAMERAS: usize = 4;
    const FRAMES: u64 = 50_000;
    let slot = Slot::new(CAMERAS);
    let (mut newest, mut taken, mut superseded) = ([0; CAMERAS], [0; CAMERAS], [0; CAMERAS]);
    thread::scope(|scope| {
        for camera in 0..CAMERAS {
            let slot = &slot;
            scope.spawn(move || {
                for seq in 1..=FRAMES {
                    slot.publish(camera, (camera, seq));
                }
            });
        }
        while newest != [FRAMES; CAMERAS] {
            let until = Instant::now() + Duration::from_secs(60);
            let Take::Frame((camera, seq), lost) = slot.take(Some(until)) else { panic!("no frame for a minute") };
            assert!(seq > newest[camera], "camera {camera}: {seq} after {}", newest[camera]);
            newest[camera] = seq;
            taken[camera] += 1;
            superseded[camera] += lost;
        }
    });
    for camera in 0..CAMERAS {
        assert_eq!(taken[camera] + superseded[camera], FRAMES, "camera {camera}");
        let counts = Counts { published: FRAMES, taken: taken[camera], superseded: superseded[camera], waiting: 0 };
        assert_eq!(slot.counts(camera), counts);
    }
}
