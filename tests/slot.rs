//! The slot through its public face: order, fairness, and counts that add up.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use fovea::slot::{Cell, CellId, Counts, Slot, Take};

const NOTHING: Duration = Duration::ZERO;

/// What a take gives for a frame of `cell`.
fn of<T>(cell: &Cell<T>, frame: T, superseded: u64) -> Take<T> {
    Take::Frame { cell: cell.id(), frame, superseded }
}

#[test]
fn a_newer_frame_supersedes_an_unread_one() {
    let slot = Slot::new();
    let cell = slot.open();
    assert_eq!(cell.publish("old"), None);
    assert_eq!(cell.publish("new"), Some("old"));
    assert_eq!(cell.counts(), Counts { published: 2, taken: 0, superseded: 1, waiting: 1 });
    assert_eq!(slot.take(NOTHING, None), of(&cell, "new", 1));
    assert_eq!(cell.counts(), Counts { published: 2, taken: 1, superseded: 1, waiting: 0 });
}

#[test]
fn superseded_is_counted_from_one_take_to_the_next() {
    let slot = Slot::new();
    let cell = slot.open();
    for (frames, superseded) in [(3, 2), (1, 0), (2, 1)] {
        for frame in 0..frames {
            cell.publish(frame);
        }
        assert_eq!(slot.take(NOTHING, None), of(&cell, frames - 1, superseded));
    }
}

#[test]
fn a_fast_camera_does_not_starve_the_others() {
    let slot = Slot::new();
    let [fast, first, second] = [(); 3].map(|()| slot.open());
    first.publish(1);
    second.publish(2);
    let served = [(); 5].map(|()| {
        fast.publish(0); // always ready
        slot.take(NOTHING, None)
    });
    let is_fast = |take| matches!(take, Take::Frame { cell, .. } if cell == fast.id());
    assert_eq!(served.map(is_fast), [true, false, false, true, true]);
    assert_eq!((first.counts().taken, second.counts().taken), (1, 1));
}

/// Plays cameras that are always ready against each other: how often each is served in `takes`, by what its frames cost.
fn served(costs_ms: &[u64], takes: usize) -> Vec<u64> {
    let slot = Slot::new();
    let cells: Vec<_> = costs_ms.iter().map(|_| slot.open()).collect();
    let cost: BTreeMap<CellId, u64> = cells.iter().map(Cell::id).zip(costs_ms.iter().copied()).collect();
    let mut last = NOTHING;
    for _ in 0..takes {
        cells.iter().for_each(|cell| assert!(cell.publish(0).is_none_or(|unread| unread == 0)));
        let Take::Frame { cell, .. } = slot.take(last, None) else { unreachable!("there are frames") };
        last = Duration::from_millis(cost[&cell]);
    }
    cells.iter().map(|cell| cell.counts().taken).collect()
}

#[test]
fn cameras_share_the_time_and_not_the_frames() {
    let counts = served(&[1, 50], 510);
    assert!((480..=505).contains(&counts[0]) && (5..=30).contains(&counts[1]), "{counts:?} of 1 and of 50 ms");
    let counts = served(&[3, 3, 3], 300);
    assert_eq!(counts, [100; 3], "equals take turns");
}

/// A camera whose frames cost little and come now and then, beside one that is costly and never stops: it is served next,
/// whenever its frame comes.
#[test]
fn a_costly_camera_costs_the_others_one_of_its_frames_at_most() {
    let slot = Slot::new();
    let [costly, modest] = [(); 2].map(|()| slot.open());
    let mut cost = NOTHING;
    for round in 0..200 {
        costly.publish(0);
        let is_due = round % 3 == 1;
        if is_due {
            modest.publish(0);
        }
        let Take::Frame { cell, .. } = slot.take(cost, None) else { unreachable!("there are frames") };
        assert!(
            !is_due || cell == modest.id(),
            "round {round}: it waits for more than the frame that was being looked at"
        );
        cost = Duration::from_millis(if cell == modest.id() { 1 } else { 50 });
    }
}

#[test]
fn a_camera_that_was_idle_does_not_save_up() {
    let slot = Slot::new();
    let [busy, idle] = [(); 2].map(|()| slot.open());
    let mut cost = NOTHING;
    let mut take = |cells: &[&Cell<u8>]| {
        cells.iter().for_each(|cell| assert!(cell.publish(0).is_none_or(|unread| unread == 0)));
        let Take::Frame { cell, .. } = slot.take(cost, None) else { unreachable!("there are frames") };
        cost = Duration::from_millis(10);
        cell
    };
    for _ in 0..100 {
        take(&[&busy]);
    }
    let after: Vec<_> = (0..20).map(|_| take(&[&busy, &idle]) == idle.id()).collect();
    let served = after.iter().filter(|is_idle| **is_idle).count();
    assert!((9..=11).contains(&served), "{after:?}: half of the time from now on, and no more");
}

#[test]
fn nothing_is_taken_after_close() {
    let slot = Slot::new();
    let cell = slot.open();
    cell.publish(1);
    slot.close();
    assert_eq!(slot.take(NOTHING, None), Take::Closed);
}

#[test]
fn a_shut_cell_lets_no_frame_in_but_gives_out_what_waits() {
    let slot = Slot::new();
    let cell = slot.open();
    cell.publish("in time");
    cell.shut();
    assert_eq!(cell.publish("late"), Some("late"));
    assert_eq!(cell.counts(), Counts { published: 1, taken: 0, superseded: 0, waiting: 1 });
    assert_eq!(slot.take(NOTHING, None), of(&cell, "in time", 0));
    assert_eq!(cell.counts(), Counts { published: 1, taken: 1, superseded: 0, waiting: 0 });
}

#[test]
fn a_cell_that_is_dropped_is_given_back() {
    let slot = Slot::new();
    let gone = slot.open();
    let id = gone.id();
    gone.publish("in time");
    drop(gone);
    let cell = slot.open();
    assert_ne!(cell.id(), id, "an id of its own");
    cell.publish("another camera's");
    assert_eq!(slot.take(NOTHING, None), Take::Frame { cell: id, frame: "in time", superseded: 0 });
    assert_eq!(slot.take(NOTHING, None), of(&cell, "another camera's", 0));
    drop(slot.open());
    assert_eq!(format!("{slot:?}").matches("is_shut:").count(), 1, "one cell is left: {slot:?}");
}

#[test]
fn an_empty_slot_times_out() {
    assert_eq!(Slot::<u32>::new().take(NOTHING, Some(Instant::now())), Take::NoFrame);
}

/// Four cameras at full speed against one processor, and somebody who looks at the counts all the time: every frame is
/// accounted for, none comes out of order.
#[test]
fn stress() {
    const CAMERAS: usize = 4;
    const FRAMES: u64 = 50_000;
    let slot = Slot::new();
    let cells = [(); CAMERAS].map(|()| slot.open());
    let (mut newest, mut taken, mut superseded) = ([0; CAMERAS], [0; CAMERAS], [0; CAMERAS]);
    thread::scope(|scope| {
        for (camera, cell) in cells.iter().enumerate() {
            scope.spawn(move || {
                for seq in 1..=FRAMES {
                    cell.publish((camera, seq));
                }
            });
        }
        scope.spawn(|| {
            let mut before = [0; CAMERAS];
            while before != [FRAMES; CAMERAS] {
                for (before, cell) in before.iter_mut().zip(&cells) {
                    let Counts { published, taken, superseded, waiting } = cell.counts();
                    assert_eq!(published, taken + superseded + waiting);
                    assert!(published >= *before && waiting <= 1);
                    *before = published;
                }
            }
        });
        while newest != [FRAMES; CAMERAS] {
            let deadline = Instant::now() + Duration::from_secs(60);
            let take = slot.take(Duration::from_micros(1), Some(deadline));
            let Take::Frame { frame: (camera, seq), superseded: lost, .. } = take else {
                panic!("no frame for a minute")
            };
            assert!(seq > newest[camera], "camera {camera}: {seq} after {}", newest[camera]);
            newest[camera] = seq;
            taken[camera] += 1;
            superseded[camera] += lost;
        }
    });
    for (camera, cell) in cells.iter().enumerate() {
        assert_eq!(taken[camera] + superseded[camera], FRAMES, "camera {camera}");
        let counts = Counts { published: FRAMES, taken: taken[camera], superseded: superseded[camera], waiting: 0 };
        assert_eq!(cell.counts(), counts);
    }
}
