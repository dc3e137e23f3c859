//! Things that are somewhere: one event for each zone in which there are any.
//!
//! A thing belongs to every named zone that its foot point is in, the middle of its box's lower edge: that is where
//! it touches the ground. The head of a tall thing reaches into zones that lie far behind it. A zone with labels has only what
//! is called so in it.

use std::time::Duration;

use super::EventChange;
use crate::{
    config::{labels::LabelFilter, zone::Zone},
    frame::Size,
    geometry::{contains, foot_point},
    message::{Detection, EventState, Rect},
    system::clock::Monotonic,
    tracking::shared::Label,
};

/// Events go on with an update, but no more often than this.
const UPDATE_EVERY: Duration = Duration::from_secs(1);

/// Detections must show in two of this many frames in a row to start an event. One frame alone may be a glitch: a
/// flash, a picture that was damaged on its way. A walker that is missed in one frame still shows in two of three.
const CONFIRMED_WITHIN: u8 = 3;

/// Frames further apart than this confirm each other no more; then one is enough. A thing may be gone in the next.
const TOO_FAR_APART: Duration = Duration::from_secs(1);

/// The running events of one kind of one camera: one in each named zone, or one of the whole picture if none is named.
#[derive(Debug)]
pub struct ZoneTracker {
    kind: &'static str,
    hold: Duration,
    zones: Vec<TrackedZone>,
    last_frame: Option<Monotonic>,
}

/// Where events are: a named zone, or the whole picture.
#[derive(Debug)]
struct TrackedZone {
    key: usize,
    name: Option<String>,
    polygon: Vec<[f32; 2]>,
    labels: LabelFilter,
    state: ZoneState,
    /// The surest label of anything in the running event so far.
    label: Option<Label>,
}

/// What is known of a zone.
#[derive(Clone, Copy, Debug)]
enum ZoneState {
    Quiet,
    /// Something showed at `since`; it must show again in one of the next `frames_left` frames.
    Suspected {
        since: Monotonic,
        frames_left: u8,
    },
    Running {
        last_seen: Monotonic,
        updated: Monotonic,
    },
}

impl ZoneTracker {
    /// No event of this kind is running yet. One ends when nothing was in its zone for `hold`.
    #[must_use]
    pub fn new<'z>(kind: &'static str, hold: Duration, zones: impl IntoIterator<Item = &'z Zone>) -> Self {
        let named = zones.into_iter().filter(|zone| zone.name().is_some());
        let mut tracked: Vec<_> = (0..).zip(named).map(|(key, zone)| TrackedZone::new(key, Some(zone))).collect();
        if tracked.is_empty() {
            tracked.push(TrackedZone::new(0, None));
        }
        Self { kind, hold, zones: tracked, last_frame: None }
    }

    /// Takes what was found in the next frame, a picture of the size `full` captured at `at`.
    pub fn observe(&mut self, detections: &[Detection], full: Size, at: Monotonic) -> Vec<EventChange> {
        let mut changes = self.expire(at);
        let is_alone = self.last_frame.replace(at).is_none_or(|last| at.since(last) > TOO_FAR_APART);
        for zone in &mut self.zones {
            let inside: Vec<_> = detections.iter().filter(|detection| zone.contains(detection, full)).collect();
            changes.extend(zone.observe(self.kind, &inside, is_alone, at));
        }
        changes
    }

    /// When something is over if no frame comes.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        self.zones.iter().filter_map(TrackedZone::last_seen).min().map(|last_seen| last_seen.later(self.hold))
    }

    /// Ends what was not seen for the hold time.
    pub fn expire(&mut self, now: Monotonic) -> Vec<EventChange> {
        let hold = self.hold;
        self.end_if(|last_seen| now.since(last_seen) >= hold)
    }

    /// Ends whatever is running.
    pub fn end(&mut self) -> Vec<EventChange> {
        self.end_if(|_| true)
    }

    /// Ends what was last seen at a time that is `over`.
    fn end_if(&mut self, over: impl Fn(Monotonic) -> bool) -> Vec<EventChange> {
        let kind = self.kind;
        let over = self.zones.iter_mut().filter(|zone| zone.last_seen().is_some_and(&over));
        over.filter_map(|zone| zone.end(kind)).collect()
    }
}

impl TrackedZone {
    /// A zone, or the whole picture.
    fn new(key: usize, zone: Option<&Zone>) -> Self {
        Self {
            key,
            name: zone.and_then(Zone::name).map(str::to_owned),
            polygon: zone.map(|zone| zone.polygon().to_vec()).unwrap_or_default(),
            labels: zone.map(|zone| zone.labels().clone()).unwrap_or_default(),
            state: ZoneState::Quiet,
            label: None,
        }
    }

    fn contains(&self, detection: &Detection, full: Size) -> bool {
        self.labels.passes(detection.class().map(|(label, _)| label))
            && (self.name.is_none() || contains(&self.polygon, foot_point(detection.bounds, full)))
    }

    fn observe(
        &mut self,
        kind: &'static str,
        inside: &[&Detection],
        is_alone: bool,
        at: Monotonic,
    ) -> Option<EventChange> {
        if inside.is_empty() {
            if let ZoneState::Suspected { frames_left, .. } = &mut self.state {
                *frames_left -= 1;
                if *frames_left == 0 {
                    self.state = ZoneState::Quiet;
                    self.label = None;
                }
            }
            return None;
        }
        let boxes = inside.iter().map(|detection| detection.bounds).collect();
        let had_label = self.label.is_some();
        self.learn_label(inside);
        // What has a label was seen often enough to get it.
        let is_certain = is_alone || self.labels.is_set();
        let since = match &mut self.state {
            ZoneState::Running { last_seen, updated } => {
                *last_seen = at;
                let is_named_now = !had_label && self.label.is_some();
                if at.since(*updated) < UPDATE_EVERY && !is_named_now {
                    return None;
                }
                *updated = at;
                return Some(self.change(kind, EventState::Update, at, boxes));
            }
            ZoneState::Suspected { since, .. } => *since,
            ZoneState::Quiet if is_certain => at,
            ZoneState::Quiet => {
                self.state = ZoneState::Suspected { since: at, frames_left: CONFIRMED_WITHIN - 1 };
                return None;
            }
        };
        self.state = ZoneState::Running { last_seen: at, updated: at };
        Some(self.change(kind, EventState::Start, since, boxes))
    }

    fn end(&mut self, kind: &'static str) -> Option<EventChange> {
        let ended = match std::mem::replace(&mut self.state, ZoneState::Quiet) {
            ZoneState::Running { last_seen, .. } => Some(self.change(kind, EventState::End, last_seen, Vec::new())),
            _ => None,
        };
        self.label = None;
        ended
    }

    /// Takes over the surest label in a frame, if it is surer than what is known.
    fn learn_label(&mut self, inside: &[&Detection]) {
        let classes = inside.iter().filter_map(|detection| detection.class());
        let Some((name, score)) = classes.max_by(|(_, one), (_, other)| one.total_cmp(other)) else { return };
        match &mut self.label {
            Some(known) if known.score >= score => {}
            Some(known) if *known.name == *name => known.score = score,
            label => *label = Some(Label { name: name.into(), score }),
        }
    }

    /// When something was last seen in it, if an event is running.
    fn last_seen(&self) -> Option<Monotonic> {
        match self.state {
            ZoneState::Running { last_seen, .. } => Some(last_seen),
            _ => None,
        }
    }

    fn change(&self, kind: &'static str, state: EventState, at: Monotonic, boxes: Vec<Rect>) -> EventChange {
        let (zone, label) = (self.name.clone(), self.label.clone());
        EventChange { zone, boxes, label, ..EventChange::new(kind, self.key, state, at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Size = Size { width_px: 1000, height_px: 1000 };
    const WALKER: Rect = Rect { x: 100, y: 100, width: 100, height: 200 };

    const HOLD: Duration = Duration::from_secs(3);

    /// Detections where `boxes` are.
    fn motion(boxes: &[Rect]) -> Vec<Detection> {
        let detection = |&bounds| Detection { label: "motion".into(), bounds, score: None, track: None, text: None };
        boxes.iter().map(detection).collect()
    }

    fn at(seconds: f64) -> Monotonic {
        Monotonic::from_micros(1_000_000).later(Duration::from_secs_f64(seconds))
    }

    fn events_with(zones: &[Zone]) -> ZoneTracker {
        ZoneTracker::new("motion", HOLD, zones)
    }

    fn named(name: &str, [left, upper, right, lower]: [f32; 4]) -> Zone {
        Zone::named(name, vec![[left, upper], [right, upper], [right, lower], [left, lower]])
    }

    /// What is told of frames a tenth of a second apart, the first at 0 s.
    fn told(events: &mut ZoneTracker, frames: &[Vec<Detection>]) -> Vec<EventChange> {
        let times = (0_u32..).map(|tenth| at(f64::from(tenth) / 10.0));
        frames.iter().zip(times).flat_map(|(frame, at)| events.observe(frame, FULL, at)).collect()
    }

    fn states(events: &[EventChange]) -> Vec<EventState> {
        events.iter().map(|event| event.state).collect()
    }

    #[test]
    fn a_walker_is_one_event() {
        let mut events = events_with(&[]);
        let walk = vec![motion(&[WALKER]); 30];
        let pause = vec![motion(&[]); 20];
        let told = told(&mut events, &[pause.clone(), walk.clone(), pause, walk, vec![motion(&[]); 40]].concat());
        let ended = told.iter().filter(|event| event.state == EventState::End).count();
        assert_eq!((told[0].state, ended), (EventState::Start, 1), "{told:#?}");
        assert!(told.iter().all(|event| event.key == told[0].key), "{told:#?}");
        assert_eq!(told.last().map(|event| event.boxes.len()), Some(0));
    }

    #[test]
    fn a_glitch_of_a_single_frame_is_no_event() {
        let (still, glitch) = (motion(&[]), motion(&[WALKER]));
        let frames = [still.clone(), glitch.clone(), still.clone(), still.clone(), glitch, still.clone(), still];
        assert_eq!(told(&mut events_with(&[]), &frames), []);
    }

    #[test]
    fn motion_in_two_of_three_frames_starts_an_event_at_the_first() {
        let mut events = events_with(&[]);
        events.observe(&motion(&[]), FULL, at(0.0));
        assert_eq!(events.observe(&motion(&[WALKER]), FULL, at(0.1)), []);
        assert_eq!(events.observe(&motion(&[]), FULL, at(0.2)), []);
        let told = events.observe(&motion(&[WALKER]), FULL, at(0.3));
        assert_eq!(states(&told), [EventState::Start]);
        assert_eq!(told[0].at, at(0.1), "the first frame that showed it");
    }

    #[test]
    fn of_frames_far_apart_one_is_enough() {
        let mut events = events_with(&[]);
        events.observe(&motion(&[]), FULL, at(0.0));
        assert_eq!(states(&events.observe(&motion(&[WALKER]), FULL, at(2.0))), [EventState::Start]);
    }

    #[test]
    fn updates_come_once_a_second() {
        let told = told(&mut events_with(&[]), &vec![motion(&[WALKER]); 45]);
        assert_eq!(states(&told)[1..], [EventState::Update; 4]);
    }

    #[test]
    fn an_event_ends_without_frames_when_the_hold_is_over() {
        let mut events = events_with(&[]);
        assert_eq!(events.deadline(), None);
        told(&mut events, &vec![motion(&[WALKER]); 11]);
        let deadline = at(1.0).later(HOLD);
        assert_eq!(events.deadline(), Some(deadline));
        assert_eq!(events.expire(deadline.earlier(Duration::from_millis(1))), []);
        assert_eq!(states(&events.expire(deadline)), [EventState::End]);
        assert_eq!(events.deadline(), None);
    }

    #[test]
    fn motion_after_the_hold_is_another_event() {
        let mut events = events_with(&[]);
        told(&mut events, &vec![motion(&[WALKER]); 3]);
        let second = events.observe(&motion(&[WALKER]), FULL, at(60.0));
        assert_eq!(states(&second), [EventState::End, EventState::Start]);
    }

    #[test]
    fn a_thing_is_in_the_zones_where_its_foot_is() {
        let ground = named("ground", [0.0, 0.25, 1.0, 1.0]);
        let left = named("left", [0.0, 0.0, 0.3, 1.0]);
        let sky = named("sky", [0.0, 0.0, 1.0, 0.25]);
        let told = told(&mut events_with(&[ground, left, sky]), &vec![motion(&[WALKER]); 3]);
        let zones: Vec<_> = told.iter().map(|event| event.zone.as_deref()).collect();
        assert_eq!(zones, [Some("ground"), Some("left")]);
        assert_ne!(told[0].key, told[1].key);
    }

    #[test]
    fn a_thing_at_the_lower_border_is_in_the_zone_there() {
        let cut_off = Rect { x: 0, y: 900, width: 50, height: 100 };
        let told = told(&mut events_with(&[named("all", [0.0, 0.0, 1.0, 1.0])]), &vec![motion(&[cut_off]); 3]);
        assert_eq!(told.len(), 1);
    }

    #[test]
    fn an_event_shows_only_what_is_in_its_zone() {
        let elsewhere = Rect { x: 800, ..WALKER };
        let left = named("left", [0.0, 0.0, 0.3, 1.0]);
        let told = told(&mut events_with(&[left]), &vec![motion(&[elsewhere, WALKER]); 3]);
        assert_eq!(told[0].boxes, [WALKER]);
    }

    #[test]
    fn ignored_zones_alone_leave_the_whole_picture() {
        let ignored = Zone::ignored(vec![[0.0, 0.0], [0.1, 0.0], [0.1, 0.1]]);
        let told = told(&mut events_with(&[ignored]), &vec![motion(&[WALKER]); 3]);
        assert_eq!((told.len(), told[0].zone.as_ref()), (1, None));
    }

    /// The same detections, which a stage gave these labels and scores.
    fn named_as(boxes: &[Rect], labels: &[(&'static str, f32)]) -> Vec<Detection> {
        let name = |(detection, (label, score)): (Detection, &(&'static str, f32))| Detection {
            label: (*label).into(),
            score: Some(*score),
            ..detection
        };
        motion(boxes).into_iter().zip(labels).map(name).collect()
    }

    fn label(event: &EventChange) -> Option<(&str, f32)> {
        event.label.as_ref().map(|label| (&*label.name, label.score))
    }

    #[test]
    fn an_event_has_the_surest_label_until_its_end_and_tells_the_first_at_once() {
        let beside = Rect { x: 500, ..WALKER };
        let unnamed = motion(&[WALKER, beside]);
        let both = named_as(&[WALKER, beside], &[("person", 0.8), ("dog", 0.6)]);
        let dog = named_as(&[beside], &[("dog", 0.7)]);
        let mut events = events_with(&[]);
        let told = told(&mut events, &[vec![unnamed; 4], vec![both; 2], vec![dog; 20]].concat());
        assert_eq!((told[0].state, label(&told[0])), (EventState::Start, None));
        assert_eq!((told[1].state, told[1].at, label(&told[1])), (EventState::Update, at(0.4), Some(("person", 0.8))));
        assert!(told[2..].iter().all(|event| label(event) == Some(("person", 0.8))), "{told:#?}");
        let end = events.expire(at(60.0));
        assert_eq!(label(&end[0]), Some(("person", 0.8)));
        let next = events.observe(&motion(&[WALKER]), FULL, at(70.0));
        assert_eq!((next[0].state, label(&next[0])), (EventState::Start, None), "another event");
    }

    #[test]
    fn a_zone_of_labels_has_only_what_is_called_so_in_it() {
        let zone = named("left", [0.0, 0.0, 0.3, 1.0]).with_labels(LabelFilter::of(["person", "motion"]));
        let mut events = events_with(&[zone]);
        let unnamed = motion(&[WALKER]);
        let car = named_as(&[WALKER], &[("car", 0.9)]);
        let person = named_as(&[WALKER], &[("person", 0.5)]);
        let frames = [vec![unnamed; 3], vec![car.clone(); 3], vec![person], vec![car; 40]].concat();
        let told = told(&mut events, &frames);
        assert_eq!(states(&told), [EventState::Start, EventState::End], "{told:#?}");
        assert_eq!(
            (told[0].at, told[1].at),
            (at(0.6), at(0.6)),
            "when the label is known; a car does not go on with it"
        );
        assert_eq!(label(&told[0]), Some(("person", 0.5)));
    }
}
