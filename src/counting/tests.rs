use super::*;
use crate::{
    message::{EventState, Rect, ZoneCounts},
    tracking::Tracker,
};

const FULL: Size = Size { width_px: 1000, height_px: 500 };

/// A camera whose tracks are counted, and what it tells.
struct Scene {
    tracker: Tracker,
    counting: Counting,
    at: Monotonic,
    told: Vec<EventChange>,
}

impl Scene {
    fn new(lines: &[Line], zones: &[Zone]) -> Self {
        let at = Monotonic::from_micros(5_000_000);
        let counting = Counting::new(lines, zones, at);
        Self { tracker: Tracker::new(Duration::from_secs(3)), counting, at, told: Vec::new() }
    }

    /// The next frame, a tenth of a second later, with people whose feet are at these points.
    fn sees(&mut self, feet: &[[f64; 2]]) {
        self.at = self.at.later(Duration::from_millis(100));
        let boxes: Vec<_> = feet.iter().map(|&foot| person(foot)).collect();
        self.tracker.observe(&boxes, self.at);
        self.told.extend(self.counting.observe(self.tracker.tracks(), FULL, self.at));
    }

    /// Somebody walks from one point to another at 10 pixels a frame.
    fn walks(&mut self, from: [f64; 2], to: [f64; 2]) {
        let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
        let steps = (dx.hypot(dy) / 10.0).round();
        let mut step = 0.0;
        while step <= steps {
            self.sees(&[[from[0] + dx * step / steps, from[1] + dy * step / steps]]);
            step += 1.0;
        }
    }

    fn nobody_for(&mut self, frames: u32) {
        (0..frames).for_each(|_| self.sees(&[]));
    }

    fn counts(&self) -> &Counts {
        self.counting.counts().expect("something is counted")
    }

    /// In and out over a line.
    fn crossings(&self, line: &str) -> [u64; 2] {
        ["in", "out"].map(|direction| self.counts().lines[line][direction])
    }

    /// What was told of one kind of event: its state, and how long somebody was in the zone.
    fn told(&self, kind: &str) -> Vec<(EventState, Option<f64>)> {
        let of_kind = self.told.iter().filter(|change| change.kind == kind);
        of_kind.map(|change| (change.state, change.subject.as_ref().and_then(|subject| subject.dwell_s))).collect()
    }
}

/// A box 30 pixels wide and 80 high above this point.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "points in the picture")]
fn person([x, y]: [f64; 2]) -> Rect {
    Rect { x: (x - 15.0).round() as u32, y: (y - 80.0).round() as u32, width: 30, height: 80 }
}

/// From the top of the picture down its middle: right is left for who looks down, so out is to the right in the picture.
fn gate() -> Line {
    Line::new("gate", [0.5, 0.4], [0.5, 1.0])
}

fn yard() -> Zone {
    Zone::named("yard", vec![[0.4, 0.4], [0.7, 0.4], [0.7, 1.0], [0.4, 1.0]])
}

#[test]
fn who_crosses_a_line_is_counted_once_and_by_direction() {
    let mut scene = Scene::new(&[gate()], &[]);
    scene.walks([200.0, 400.0], [800.0, 400.0]);
    assert_eq!(
        scene.crossings("gate"),
        [0, 1],
        "to the right in the picture is to the left for who looks down the line"
    );
    let told: Vec<_> = scene.told.iter().map(|change| (change.kind, change.state)).collect();
    assert_eq!(told, [(CROSSING, EventState::Start), (CROSSING, EventState::End)]);
    let subject = scene.told[0].subject.clone().expect("of a track");
    assert_eq!(
        (subject.line.as_deref(), subject.direction.as_deref(), subject.count),
        (Some("gate"), Some("out"), Some(1))
    );
    scene.nobody_for(40);
    scene.walks([800.0, 450.0], [200.0, 450.0]);
    assert_eq!(scene.crossings("gate"), [1, 1]);
}

#[test]
fn who_goes_around_a_line_does_not_cross_it() {
    let mut scene = Scene::new(&[gate()], &[]);
    scene.walks([200.0, 150.0], [800.0, 150.0]);
    assert_eq!(scene.crossings("gate"), [0, 0]);
}

#[test]
fn who_turns_back_in_the_dead_band_does_not_cross() {
    let mut scene = Scene::new(&[gate()], &[]);
    scene.walks([200.0, 400.0], [503.0, 400.0]);
    scene.walks([503.0, 400.0], [200.0, 400.0]);
    assert_eq!(scene.crossings("gate"), [0, 0]);
}

#[test]
fn who_trembles_on_a_line_is_counted_once() {
    let mut scene = Scene::new(&[gate()], &[]);
    scene.walks([200.0, 400.0], [500.0, 400.0]);
    for step in 0..100 {
        scene.sees(&[[500.0 + [-3.0, 3.0][step % 2], 400.0]]);
    }
    scene.walks([500.0, 400.0], [800.0, 400.0]);
    assert_eq!(scene.crossings("gate"), [0, 1]);
}

#[test]
fn who_comes_back_is_counted_again() {
    let mut scene = Scene::new(&[gate()], &[]);
    scene.walks([200.0, 400.0], [700.0, 400.0]);
    scene.walks([700.0, 400.0], [200.0, 400.0]);
    assert_eq!(scene.crossings("gate"), [1, 1]);
}

#[test]
fn who_is_first_seen_just_before_a_line_counts_once_it_has_moved() {
    let mut scene = Scene::new(&[gate()], &[]);
    scene.walks([480.0, 400.0], [500.0, 400.0]);
    assert_eq!(scene.crossings("gate"), [0, 0]);
    scene.walks([510.0, 400.0], [700.0, 400.0]);
    assert_eq!(scene.crossings("gate"), [0, 1]);
}

#[test]
fn who_is_hidden_on_a_line_is_counted_behind_it() {
    let mut scene = Scene::new(&[gate()], &[]);
    scene.walks([200.0, 400.0], [450.0, 400.0]);
    scene.nobody_for(9);
    scene.walks([550.0, 400.0], [800.0, 400.0]);
    assert_eq!(scene.crossings("gate"), [0, 1]);
}

#[test]
fn two_who_meet_on_a_line_are_both_counted() {
    let mut scene = Scene::new(&[gate()], &[]);
    for step in 0..60_u32 {
        let walked = 10.0 * f64::from(step);
        scene.sees(&[[200.0 + walked, 380.0], [800.0 - walked, 460.0]]);
    }
    assert_eq!(scene.crossings("gate"), [1, 1]);
}

#[test]
fn a_visit_lasts_from_entering_to_leaving() {
    let mut scene = Scene::new(&[], &[yard()]);
    scene.walks([200.0, 400.0], [550.0, 400.0]);
    let counts = scene.counts().zones["yard"];
    assert_eq!(counts, ZoneCounts { now: 1, entered: 1 });
    scene.walks([560.0, 400.0], [900.0, 400.0]);
    assert_eq!(scene.counts().zones["yard"], ZoneCounts { now: 0, entered: 1 });
    assert_eq!(scene.told, [], "only zones with visits tell of them");
}

#[test]
fn visits_and_loitering_tell_how_long_they_last() {
    let text = "name = \"yard\"\nvisits = true\nloitering_after_ms = 2000\npolygon = [[0.4, 0.4], [0.7, 0.4], [0.7, 1], [0.4, 1]]";
    let zone: Zone = toml::from_str(text).expect("a zone");
    let mut scene = Scene::new(&[], &[zone]);
    scene.walks([200.0, 400.0], [900.0, 400.0]);
    let visits = scene.told(zone::VISIT);
    let [(EventState::Start, None), (EventState::End, Some(dwell_s))] = visits[..] else { panic!("{visits:?}") };
    assert!((2.7..3.2).contains(&dwell_s), "300 pixels at 100 a second: {dwell_s}");
    let loitering: Vec<_> = scene.told(zone::LOITERING).iter().map(|(state, _)| *state).collect();
    assert_eq!(loitering, [EventState::Start, EventState::End]);
}

#[test]
fn who_is_gone_leaves_a_zone_when_nobody_follows_him_longer() {
    let mut scene = Scene::new(&[], &[yard()]);
    scene.walks([200.0, 400.0], [550.0, 400.0]);
    scene.nobody_for(10);
    assert_eq!(scene.counts().zones["yard"].now, 1, "he may be behind something");
    scene.nobody_for(40);
    assert_eq!(scene.counts().zones["yard"].now, 0);
}

#[test]
fn who_stands_still_stays_in_a_zone_although_motion_sees_him_no_more() {
    let text = "name = \"yard\"\nloitering_after_ms = 20000\npolygon = [[0.4, 0.4], [0.7, 0.4], [0.7, 1], [0.4, 1]]";
    let zone: Zone = toml::from_str(text).expect("a zone");
    let mut scene = Scene::new(&[gate()], &[zone]);
    scene.walks([200.0, 400.0], [550.0, 400.0]);
    (0..50).for_each(|_| scene.sees(&[[550.0, 400.0]]));
    scene.nobody_for(200);
    assert_eq!(scene.counts().zones["yard"].now, 1);
    assert_eq!(scene.told(zone::LOITERING).len(), 1, "{:?}", scene.told);
    scene.walks([550.0, 400.0], [900.0, 400.0]);
    assert_eq!(scene.counts().zones["yard"], ZoneCounts { now: 0, entered: 1 }, "he is the same");
    assert_eq!(scene.crossings("gate"), [0, 1]);
    let loitered = scene.told(zone::LOITERING);
    assert!(loitered[1].1 > Some(25.0), "{loitered:?}");
    // Who does not come back was gone.
    scene.walks([200.0, 400.0], [550.0, 400.0]);
    (0..50).for_each(|_| scene.sees(&[[550.0, 400.0]]));
    scene.nobody_for(620);
    assert_eq!(scene.counts().zones["yard"], ZoneCounts { now: 0, entered: 2 });
}

#[test]
fn without_frames_everybody_leaves_in_the_end() {
    let mut scene = Scene::new(&[], &[yard()]);
    scene.walks([200.0, 400.0], [550.0, 400.0]);
    let deadline = scene.counting.deadline().expect("somebody is there");
    scene.counting.expire(deadline);
    assert_eq!((scene.counts().zones["yard"].now, scene.counting.deadline()), (0, None));
}

#[test]
fn counts_go_on_after_another_configuration() {
    let mut scene = Scene::new(&[gate()], &[yard()]);
    scene.walks([200.0, 400.0], [550.0, 400.0]);
    scene.counting.end();
    let other = Line::new("other", [0.1, 0.1], [0.2, 0.2]);
    let mut next = Counting::new([&gate(), &other], &[yard()], scene.at);
    next.continue_from(&scene.counting);
    let counts = next.counts().expect("something is counted");
    assert_eq!((counts.lines["gate"]["out"], counts.lines["other"]["out"]), (1, 0));
    assert_eq!(counts.zones["yard"], ZoneCounts { now: 0, entered: 1 });
    assert_eq!(counts.since, scene.counts().since);
}

#[test]
fn counts_are_spelled_as_documented() {
    let mut scene = Scene::new(&[gate()], &[yard()]);
    scene.walks([200.0, 400.0], [550.0, 400.0]);
    let json = serde_json::to_string(scene.counts()).expect("maps with names as keys");
    let (_, counts) = json.split_once("Z\",").expect("since first");
    assert_eq!(counts, r#""lines":{"gate":{"in":0,"out":1}},"zones":{"yard":{"now":1,"entered":1}}}"#);
}

#[test]
fn nothing_is_said_where_nothing_is_counted() {
    let mut scene = Scene::new(&[], &[Zone::ignored(vec![[0.0, 0.0], [0.1, 0.0], [0.1, 0.1]])]);
    scene.walks([200.0, 400.0], [800.0, 400.0]);
    assert!(scene.counting.counts().is_none() && scene.told.is_empty());
}
