use super::*;
use crate::{
    config::labels::LabelFilter,
    message::{EventState, Rect, ZoneCounts},
    tracking::{
        Tracker,
        shared::{Label, Labels, SharedTracks},
    },
};

const FULL: Size = Size { width_px: 1000, height_px: 500 };

/// A camera whose tracks are counted, and what it tells.
struct Scene {
    tracker: Tracker,
    counting: Counting,
    shared: SharedTracks,
    at: Monotonic,
    told: Vec<EventChange>,
}

impl Scene {
    fn new(lines: &[Line], zones: &[Zone]) -> Self {
        let at = Monotonic::from_micros(5_000_000);
        let counting = Counting::new(lines, zones, at);
        let (tracker, shared) = (Tracker::new(Duration::from_secs(3)), SharedTracks::default());
        Self { tracker, counting, shared, at, told: Vec::new() }
    }

    /// The next frame, a tenth of a second later, with people whose feet are at these points.
    fn sees(&mut self, feet: &[[f64; 2]]) {
        self.at = self.at.later(Duration::from_millis(100));
        let boxes: Vec<_> = feet.iter().map(|&foot| person(foot)).collect();
        self.tracker.observe(&boxes, self.at);
        let labels = self.shared.labels();
        let labelled = |track: &Track| track.clone().with_label(labels.get(&track.id()).cloned());
        let tracks: Vec<_> = self.tracker.tracks().iter().map(labelled).collect();
        self.told.extend(self.counting.observe(&tracks, FULL, self.at));
    }

    /// A stage finds out what everybody is who is followed now.
    fn name(&self, label: &str) {
        let named = |track: &Track| (track.id(), Label { name: label.into(), score: 0.75 });
        self.shared.set_labels(self.tracker.tracks().iter().map(named).collect::<Labels>());
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

fn people() -> LabelFilter {
    LabelFilter::of(["person"])
}

/// A zone with visits, in which who stays for a second loiters.
fn yard_of_people() -> Zone {
    let text = "name = \"yard\"\nlabels = [\"person\"]\nvisits = true\nloitering_after_ms = 1000\n\
                polygon = [[0.4, 0.4], [0.7, 0.4], [0.7, 1], [0.4, 1]]";
    toml::from_str(text).expect("a zone")
}

/// What was told of one kind: state, time, and label.
fn labelled(scene: &Scene, kind: &str) -> Vec<(EventState, Monotonic, Option<String>)> {
    let of_kind = scene.told.iter().filter(|change| change.kind == kind);
    let label = |change: &EventChange| change.label.as_ref().map(|label| label.name.to_string());
    of_kind.map(|change| (change.state, change.at, label(change))).collect()
}

#[test]
fn who_has_a_label_is_counted_over_a_line_of_that_label_at_once() {
    for (label, counted) in [("person", [0, 1]), ("car", [0, 0])] {
        let mut scene = Scene::new(&[gate().with_labels(people())], &[]);
        scene.walks([200.0, 400.0], [300.0, 400.0]);
        scene.name(label);
        scene.walks([310.0, 400.0], [800.0, 400.0]);
        assert_eq!(scene.crossings("gate"), counted, "{label}");
    }
}

#[test]
fn who_gets_the_label_behind_the_line_is_counted_then_once_with_the_time_of_the_crossing() {
    let mut scene = Scene::new(&[gate().with_labels(people()), Line::new("all", [0.5, 0.4], [0.5, 1.0])], &[]);
    scene.walks([200.0, 400.0], [700.0, 400.0]);
    assert_eq!((scene.crossings("gate"), scene.crossings("all")), ([0, 0], [0, 1]));
    let crossed_at = scene.told[0].at;
    scene.name("person");
    // Nobody sees him any more, but he is still followed.
    scene.nobody_for(1);
    assert_eq!(scene.crossings("gate"), [0, 1]);
    let told: Vec<_> = labelled(&scene, CROSSING);
    let person = Some("person".to_owned());
    assert_eq!(told[2..], [EventState::Start, EventState::End].map(|state| (state, crossed_at, person.clone())));
    assert_eq!(told[..2].iter().filter(|(.., label)| label.is_none()).count(), 2, "who is not known yet has no label");
    scene.walks([720.0, 400.0], [800.0, 400.0]);
    assert_eq!(scene.crossings("gate"), [0, 1], "never twice");
}

#[test]
fn who_comes_back_before_the_label_is_known_is_counted_both_ways() {
    let mut scene = Scene::new(&[gate().with_labels(people())], &[]);
    scene.walks([200.0, 400.0], [700.0, 400.0]);
    scene.walks([700.0, 400.0], [300.0, 400.0]);
    scene.name("person");
    scene.walks([300.0, 400.0], [250.0, 400.0]);
    assert_eq!(scene.crossings("gate"), [1, 1]);
}

#[test]
fn who_never_gets_a_label_or_another_one_first_is_not_counted_over_a_line_of_labels() {
    let mut scene = Scene::new(&[gate().with_labels(people())], &[]);
    scene.walks([200.0, 400.0], [800.0, 400.0]);
    scene.nobody_for(40);
    scene.name("person");
    scene.nobody_for(1);
    assert_eq!(scene.crossings("gate"), [0, 0], "its track is over");
    scene.walks([200.0, 400.0], [700.0, 400.0]);
    scene.name("car");
    scene.nobody_for(1);
    scene.name("person");
    scene.nobody_for(1);
    assert_eq!((scene.crossings("gate"), scene.told.len()), ([0, 0], 0), "the first label decides");
}

#[test]
fn a_zone_of_labels_has_a_visit_since_the_track_came_as_soon_as_it_is_named() {
    let mut scene = Scene::new(&[], &[yard_of_people()]);
    scene.walks([200.0, 400.0], [390.0, 400.0]);
    scene.walks([400.0, 400.0], [500.0, 400.0]);
    assert_eq!((scene.counts().zones["yard"], scene.told.len()), (ZoneCounts { now: 0, entered: 0 }, 0));
    let named_at = scene.at;
    scene.name("person");
    scene.walks([510.0, 400.0], [550.0, 400.0]);
    assert_eq!(scene.counts().zones["yard"], ZoneCounts { now: 1, entered: 1 });
    let (visits, person) = (labelled(&scene, zone::VISIT), Some("person".to_owned()));
    assert_eq!((visits.len(), visits[0].0, &visits[0].2), (1, EventState::Start, &person));
    assert!(visits[0].1 < named_at, "when it came");
    assert_eq!(labelled(&scene, zone::LOITERING).len(), 1, "it has been there for more than a second");
    scene.walks([560.0, 400.0], [900.0, 400.0]);
    assert_eq!(scene.counts().zones["yard"], ZoneCounts { now: 0, entered: 1 });
    assert!(scene.told.iter().all(|change| change.label.is_some()), "{:?}", scene.told);
    assert_eq!(scene.told(zone::VISIT).len(), 2);
}

#[test]
fn a_visit_that_is_over_is_told_when_the_label_comes() {
    for (label, entered) in [("person", 1), ("car", 0)] {
        let mut scene = Scene::new(&[], &[yard_of_people()]);
        scene.walks([200.0, 400.0], [800.0, 400.0]);
        assert_eq!(scene.told, []);
        scene.name(label);
        scene.nobody_for(1);
        scene.walks([810.0, 400.0], [850.0, 400.0]);
        assert_eq!(scene.counts().zones["yard"], ZoneCounts { now: 0, entered }, "{label}");
        let kinds: Vec<_> = scene.told.iter().map(|change| (change.kind, change.state)).collect();
        let (start, end) = (EventState::Start, EventState::End);
        let (visit, loitering) = (zone::VISIT, zone::LOITERING);
        let all = [(visit, start), (loitering, start), (visit, end), (loitering, end)];
        assert_eq!(kinds, all[..if entered == 1 { 4 } else { 0 }]);
        let dwell_s = scene.told(visit).last().and_then(|(_, dwell_s)| *dwell_s);
        assert!(entered == 0 || dwell_s.is_some_and(|dwell_s| (2.7..3.2).contains(&dwell_s)), "{dwell_s:?}");
    }
}

#[test]
fn in_a_zone_of_all_a_label_that_comes_is_an_update() {
    let text = "name = \"yard\"\nvisits = true\npolygon = [[0.4, 0.4], [0.7, 0.4], [0.7, 1], [0.4, 1]]";
    let zone: Zone = toml::from_str(text).expect("a zone");
    let mut scene = Scene::new(&[], &[zone]);
    scene.walks([200.0, 400.0], [500.0, 400.0]);
    scene.name("dog");
    scene.walks([510.0, 400.0], [900.0, 400.0]);
    let visits: Vec<_> = labelled(&scene, zone::VISIT).into_iter().map(|(state, _, label)| (state, label)).collect();
    let dog = Some("dog".to_owned());
    assert_eq!(visits, [(EventState::Start, None), (EventState::Update, dog.clone()), (EventState::End, dog)]);
}

/// Where the yard is, and to the right of it.
fn road() -> Zone {
    Zone::ignored(vec![[0.4, 0.0], [1.0, 0.0], [1.0, 1.0], [0.4, 1.0]]).with_labels(LabelFilter::of(["car"]))
}

#[test]
fn what_is_ignored_by_its_label_is_nowhere_and_crosses_nothing() {
    for (label, counted) in [("car", 0), ("person", 1)] {
        for named_at in [300.0, 550.0] {
            let mut scene = Scene::new(&[gate()], &[yard(), road()]);
            scene.walks([270.0, 400.0], [named_at, 400.0]);
            assert_eq!(scene.told, []);
            scene.name(label);
            scene.walks([named_at + 10.0, 400.0], [900.0, 400.0]);
            let case = format!("a {label} named at {named_at}");
            assert_eq!(scene.crossings("gate"), [0, counted], "{case}");
            assert_eq!(scene.counts().zones["yard"], ZoneCounts { now: 0, entered: counted }, "{case}");
        }
    }
}

#[test]
fn what_has_no_label_where_some_are_ignored_counts_after_three_seconds() {
    let mut scene = Scene::new(&[gate()], &[road()]);
    scene.walks([400.0, 400.0], [600.0, 400.0]);
    assert_eq!(scene.crossings("gate"), [0, 0], "it may be a car");
    scene.walks([610.0, 400.0], [800.0, 400.0]);
    assert_eq!(scene.crossings("gate"), [0, 1]);
}
