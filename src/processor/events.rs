//! Events: what the results of many frames come to. A walker is one event, not forty results.
//!
//! Pure decisions over results and capture times: no clock is read, no thread waits. Whoever owns [`Events`] calls
//! [`Events::see`] for each result and [`Events::expire`] when [`Events::until`] has come and no frame has.
//!
//! A thing belongs to every named zone that its foot point is in, the middle of its box's lower edge: that is where
//! it touches the ground. The head of a tall thing reaches into zones that lie far behind it.

use std::time::Duration;

use crate::{
    config::{self, ZonePurpose},
    frame::{Camera, Size},
    message::{Event, EventKind, EventState, Motion, Rect},
    system::clock::Monotonic,
};

/// The running events of one camera: of each named zone, or of the whole picture if none is named, and of the scene.
#[derive(Debug)]
pub struct Events {
    teller: Teller,
    hold: Duration,
    zones: Vec<Zone>,
    scene: Scene,
    last_frame: Option<Monotonic>,
}

/// Events are told of as they go on, but no more often than this.
const UPDATE_EVERY: Duration = Duration::from_secs(1);

/// Motion must show in two of this many frames in a row to start an event. One frame alone may be a glitch: a
/// flash, a picture that was damaged on its way. A walker that is missed in one frame still shows in two of three.
const CONFIRMED_WITHIN: u8 = 3;

/// Frames further apart than this confirm each other no more; then one is enough. A thing may be gone in the next.
const TOO_FAR_APART: Duration = Duration::from_secs(1);

impl Events {
    /// No event is running yet.
    #[must_use]
    pub fn new(camera: &Camera, settings: &config::Motion) -> Self {
        let named = settings.zones.iter().filter_map(|zone| match &zone.purpose {
            ZonePurpose::Named(name) => Some(Zone::new(Some(name.clone()), zone.polygon.clone())),
            ZonePurpose::Ignored => None,
        });
        let mut zones: Vec<_> = named.collect();
        if zones.is_empty() {
            zones.push(Zone::new(None, Vec::new()));
        }
        Self {
            teller: Teller { camera: camera.name().to_owned(), started: 0 },
            hold: settings.hold,
            zones,
            scene: Scene::Unknown,
            last_frame: None,
        }
    }

    /// Numbers its events on from where `earlier` is: ids of the same camera are different.
    pub fn follow(&mut self, earlier: &Self) {
        self.teller.started = earlier.teller.started;
    }

    /// Takes the motion result of the next frame, of a picture of the size `full` captured at `at`.
    pub fn see(&mut self, motion: &Motion, full: Size, at: Monotonic) -> Vec<Event> {
        let mut events = self.expire(at);
        let alone = self.last_frame.replace(at).is_none_or(|last| at.since(last) > TOO_FAR_APART);
        events.extend(self.scene.see(motion.relearning, at, &mut self.teller));
        for zone in &mut self.zones {
            let boxes = motion.boxes.iter().filter(|around| zone.holds(**around, full)).copied().collect();
            events.extend(zone.see(boxes, alone, at, &mut self.teller));
        }
        events
    }

    /// When something will end by itself if no frame comes.
    #[must_use]
    pub fn until(&self) -> Option<Monotonic> {
        let seen = self.zones.iter().map(Zone::last_seen).chain([self.scene.last_seen()]);
        seen.flatten().min().map(|last_seen| last_seen.later(self.hold))
    }

    /// Ends whatever is running.
    pub fn end(&mut self) -> Vec<Event> {
        self.end_if(|_| true)
    }

    /// Ends what has not been seen for the hold time.
    pub fn expire(&mut self, now: Monotonic) -> Vec<Event> {
        let hold = self.hold;
        self.end_if(|last_seen| now.since(last_seen) >= hold)
    }

    /// Ends what was last seen at a time that is `over`.
    fn end_if(&mut self, over: impl Fn(Monotonic) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        if self.scene.last_seen().is_some_and(&over) {
            events.extend(self.scene.end(&self.teller));
        }
        for zone in &mut self.zones {
            if zone.last_seen().is_some_and(&over) {
                events.extend(zone.end(&self.teller));
            }
        }
        events
    }
}

/// Where motion is told of: a named zone, or the whole picture.
#[derive(Debug)]
struct Zone {
    name: Option<String>,
    polygon: Vec<[f32; 2]>,
    state: State,
}

/// What is known of motion in a zone.
#[derive(Debug)]
enum State {
    Quiet,
    /// It showed at `since`; it must show again in one of the next `frames_left` frames.
    Suspected {
        since: Monotonic,
        frames_left: u8,
    },
    Running {
        id: String,
        last_seen: Monotonic,
        told: Monotonic,
    },
}

impl Zone {
    fn new(name: Option<String>, polygon: Vec<[f32; 2]>) -> Self {
        Self { name, polygon, state: State::Quiet }
    }

    fn holds(&self, around: Rect, full: Size) -> bool {
        self.name.is_none() || contains(&self.polygon, foot_point(around, full))
    }

    fn see(&mut self, boxes: Vec<Rect>, alone: bool, at: Monotonic, teller: &mut Teller) -> Option<Event> {
        if boxes.is_empty() {
            if let State::Suspected { frames_left, .. } = &mut self.state {
                *frames_left -= 1;
                if *frames_left == 0 {
                    self.state = State::Quiet;
                }
            }
            return None;
        }
        let since = match &mut self.state {
            State::Running { id, last_seen, told } => {
                *last_seen = at;
                if at.since(*told) < UPDATE_EVERY {
                    return None;
                }
                *told = at;
                let id = id.clone();
                return Some(self.tell(id, EventState::Update, at, boxes, teller));
            }
            State::Suspected { since, .. } => *since,
            State::Quiet if alone => at,
            State::Quiet => {
                self.state = State::Suspected { since: at, frames_left: CONFIRMED_WITHIN - 1 };
                return None;
            }
        };
        let id = teller.next_id(since);
        self.state = State::Running { id: id.clone(), last_seen: at, told: at };
        Some(self.tell(id, EventState::Start, since, boxes, teller))
    }

    fn end(&mut self, teller: &Teller) -> Option<Event> {
        match std::mem::replace(&mut self.state, State::Quiet) {
            State::Running { id, last_seen, .. } => Some(self.tell(id, EventState::End, last_seen, Vec::new(), teller)),
            _ => None,
        }
    }

    /// When motion was last seen, if an event is running.
    fn last_seen(&self) -> Option<Monotonic> {
        match self.state {
            State::Running { last_seen, .. } => Some(last_seen),
            _ => None,
        }
    }

    fn tell(&self, id: String, state: EventState, at: Monotonic, boxes: Vec<Rect>, teller: &Teller) -> Event {
        Event { zone: self.name.clone(), boxes, ..teller.tell(id, EventKind::Motion, state, at) }
    }
}

/// Whether the whole picture is known. The first learning is no event: nothing changed.
#[derive(Debug)]
enum Scene {
    Unknown,
    Known,
    Relearning { id: String, last_seen: Monotonic },
}

impl Scene {
    fn see(&mut self, relearning: bool, at: Monotonic, teller: &mut Teller) -> Option<Event> {
        match self {
            Self::Relearning { last_seen, .. } if relearning => {
                *last_seen = at;
                None
            }
            Self::Relearning { last_seen, .. } => {
                *last_seen = at;
                self.end(teller)
            }
            Self::Known if relearning => {
                let id = teller.next_id(at);
                *self = Self::Relearning { id: id.clone(), last_seen: at };
                Some(teller.tell(id, EventKind::Scene, EventState::Start, at))
            }
            Self::Known | Self::Unknown => {
                if !relearning {
                    *self = Self::Known;
                }
                None
            }
        }
    }

    fn end(&mut self, teller: &Teller) -> Option<Event> {
        match std::mem::replace(self, Self::Known) {
            Self::Relearning { id, last_seen } => Some(teller.tell(id, EventKind::Scene, EventState::End, last_seen)),
            _ => None,
        }
    }

    fn last_seen(&self) -> Option<Monotonic> {
        match self {
            Self::Relearning { last_seen, .. } => Some(*last_seen),
            _ => None,
        }
    }
}

/// Puts into words whose event it is, and numbers events.
#[derive(Debug)]
struct Teller {
    camera: String,
    started: u64,
}

impl Teller {
    /// `door-20261122T100000Z-7`: camera, wall time of the start, and a count since the daemon's start, which
    /// keeps ids different when two zones start together or the wall clock is set back.
    fn next_id(&mut self, at: Monotonic) -> String {
        self.started += 1;
        format!("{}-{}-{}", self.camera, at.wall().strftime("%Y%m%dT%H%M%SZ"), self.started)
    }

    fn tell(&self, id: String, kind: EventKind, state: EventState, at: Monotonic) -> Event {
        Event { camera: self.camera.clone(), id, kind, state, at: at.wall(), zone: None, boxes: Vec::new() }
    }
}

/// Where what is in the box stands, in fractions of the picture: the middle of the box's lowest row of pixels.
#[expect(clippy::cast_possible_truncation, reason = "a fraction needs no more than f32")]
fn foot_point(around: Rect, full: Size) -> [f32; 2] {
    let Rect { x, y, width, height } = around;
    let column = f64::from(x) + f64::from(width) / 2.0;
    let row = f64::from(y) + f64::from(height) - 0.5;
    [(column / f64::from(full.width_px)) as f32, (row / f64::from(full.height_px)) as f32]
}

/// Whether `point` is inside: a ray from it crosses the polygon's sides an odd number of times.
fn contains(polygon: &[[f32; 2]], [x, y]: [f32; 2]) -> bool {
    let sides = polygon.iter().zip(polygon.iter().cycle().skip(1));
    let crosses = |&(&[ax, ay], &[bx, by]): &(&[f32; 2], &[f32; 2])| {
        (ay > y) != (by > y) && x < ax + (y - ay) / (by - ay) * (bx - ax)
    };
    sides.filter(crosses).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Zone as Area;

    const FULL: Size = Size { width_px: 1000, height_px: 1000 };
    const WALKER: Rect = Rect { x: 100, y: 100, width: 100, height: 200 };

    /// Motion where `boxes` are.
    fn motion(boxes: &[Rect]) -> Motion {
        Motion { score: 0.1, boxes: boxes.to_vec(), relearning: false }
    }

    fn relearning() -> Motion {
        Motion { relearning: true, ..Motion::default() }
    }

    fn at(seconds: f64) -> Monotonic {
        Monotonic::from_micros(1_000_000).later(Duration::from_secs_f64(seconds))
    }

    fn events_with(zones: Vec<Area>) -> Events {
        Events::new(&Camera::new(0, "door"), &config::Motion { zones, ..Default::default() })
    }

    fn named(name: &str, [left, upper, right, lower]: [f32; 4]) -> Area {
        let polygon = vec![[left, upper], [right, upper], [right, lower], [left, lower]];
        Area { purpose: ZonePurpose::Named(name.into()), polygon }
    }

    /// What is told of frames a tenth of a second apart, the first at 0 s.
    fn told(events: &mut Events, frames: &[Motion]) -> Vec<Event> {
        let times = (0_u32..).map(|tenth| at(f64::from(tenth) / 10.0));
        frames.iter().zip(times).flat_map(|(frame, at)| events.see(frame, FULL, at)).collect()
    }

    fn states(events: &[Event]) -> Vec<EventState> {
        events.iter().map(|event| event.state).collect()
    }

    #[test]
    fn a_walker_is_one_event() {
        let mut events = events_with(Vec::new());
        let walk = vec![motion(&[WALKER]); 30];
        let pause = vec![motion(&[]); 20];
        let told = told(&mut events, &[pause.clone(), walk.clone(), pause, walk, vec![motion(&[]); 40]].concat());
        let ended = told.iter().filter(|event| event.state == EventState::End).count();
        assert_eq!((told[0].state, ended), (EventState::Start, 1), "{told:#?}");
        assert!(told.iter().all(|event| event.id == told[0].id), "{told:#?}");
        assert_eq!(told.last().map(|event| event.boxes.len()), Some(0));
    }

    #[test]
    fn a_glitch_of_a_single_frame_is_no_event() {
        let (still, glitch) = (motion(&[]), motion(&[WALKER]));
        let frames = [still.clone(), glitch.clone(), still.clone(), still.clone(), glitch, still.clone(), still];
        assert_eq!(told(&mut events_with(Vec::new()), &frames), []);
    }

    #[test]
    fn motion_in_two_of_three_frames_starts_an_event_at_the_first() {
        let mut events = events_with(Vec::new());
        events.see(&motion(&[]), FULL, at(0.0));
        assert_eq!(events.see(&motion(&[WALKER]), FULL, at(0.1)), []);
        assert_eq!(events.see(&motion(&[]), FULL, at(0.2)), []);
        let told = events.see(&motion(&[WALKER]), FULL, at(0.3));
        assert_eq!(states(&told), [EventState::Start]);
        let early = told[0].at.duration_since(at(0.1).wall()).abs();
        assert!(early.as_millis() < 50, "{early:?} from the first frame that showed it");
    }

    #[test]
    fn of_frames_far_apart_one_is_enough() {
        let mut events = events_with(Vec::new());
        events.see(&motion(&[]), FULL, at(0.0));
        assert_eq!(states(&events.see(&motion(&[WALKER]), FULL, at(2.0))), [EventState::Start]);
    }

    #[test]
    fn updates_come_once_a_second() {
        let told = told(&mut events_with(Vec::new()), &vec![motion(&[WALKER]); 45]);
        assert_eq!(states(&told)[1..], [EventState::Update; 4]);
    }

    #[test]
    fn an_event_ends_without_frames_when_the_hold_is_over() {
        let mut events = events_with(Vec::new());
        assert_eq!(events.until(), None);
        told(&mut events, &vec![motion(&[WALKER]); 11]);
        let until = at(1.0).later(config::Motion::default().hold);
        assert_eq!(events.until(), Some(until));
        assert_eq!(events.expire(until.earlier(Duration::from_millis(1))), []);
        assert_eq!(states(&events.expire(until)), [EventState::End]);
        assert_eq!(events.until(), None);
    }

    #[test]
    fn motion_after_the_hold_is_another_event() {
        let mut events = events_with(Vec::new());
        let first = told(&mut events, &vec![motion(&[WALKER]); 3]);
        let second = events.see(&motion(&[WALKER]), FULL, at(60.0));
        assert_eq!(states(&second), [EventState::End, EventState::Start]);
        assert_eq!(second[0].id, first[0].id);
        assert_ne!(second[1].id, first[0].id);
    }

    #[test]
    fn a_thing_is_in_the_zones_where_its_foot_is() {
        let ground = named("ground", [0.0, 0.25, 1.0, 1.0]);
        let left = named("left", [0.0, 0.0, 0.3, 1.0]);
        let sky = named("sky", [0.0, 0.0, 1.0, 0.25]);
        let told = told(&mut events_with(vec![ground, left, sky]), &vec![motion(&[WALKER]); 3]);
        let zones: Vec<_> = told.iter().map(|event| event.zone.as_deref()).collect();
        assert_eq!(zones, [Some("ground"), Some("left")]);
        assert_ne!(told[0].id, told[1].id);
    }

    #[test]
    fn a_thing_at_the_lower_border_is_in_the_zone_there() {
        let cut_off = Rect { x: 0, y: 900, width: 50, height: 100 };
        let told = told(&mut events_with(vec![named("all", [0.0, 0.0, 1.0, 1.0])]), &vec![motion(&[cut_off]); 3]);
        assert_eq!(told.len(), 1);
    }

    #[test]
    fn an_event_shows_only_what_is_in_its_zone() {
        let elsewhere = Rect { x: 800, ..WALKER };
        let left = named("left", [0.0, 0.0, 0.3, 1.0]);
        let told = told(&mut events_with(vec![left]), &vec![motion(&[elsewhere, WALKER]); 3]);
        assert_eq!(told[0].boxes, [WALKER]);
    }

    #[test]
    fn ignored_zones_alone_leave_the_whole_picture() {
        let ignored = Area { purpose: ZonePurpose::Ignored, ..named("", [0.0, 0.0, 0.1, 0.1]) };
        let told = told(&mut events_with(vec![ignored]), &vec![motion(&[WALKER]); 3]);
        assert_eq!((told.len(), told[0].zone.as_ref()), (1, None));
    }

    #[test]
    fn a_change_of_scene_is_told_from_start_to_end() {
        let mut events = events_with(Vec::new());
        let told = told(&mut events, &[motion(&[]), relearning(), relearning(), motion(&[])]);
        assert_eq!(states(&told), [EventState::Start, EventState::End]);
        assert!(told.iter().all(|event| event.kind == EventKind::Scene && event.id == told[0].id), "{told:#?}");
    }

    #[test]
    fn learning_a_camera_for_the_first_time_is_no_change_of_scene() {
        assert_eq!(told(&mut events_with(Vec::new()), &[relearning(), relearning(), motion(&[])]), []);
    }

    #[test]
    fn ids_are_readable() {
        let told = told(&mut events_with(Vec::new()), &vec![motion(&[WALKER]); 3]);
        let parts: Vec<_> = told[0].id.split('-').collect();
        let [camera, time, number] = parts[..] else { panic!("{parts:?}") };
        assert_eq!((camera, time.len(), number), ("door", "20261122T100000Z".len(), "1"));
    }
}
