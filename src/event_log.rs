//! The events of the recent past, each with a picture of its start: in memory, within bounds, the oldest go first.
//!
//! The output [`recorder`](crate::output::recorder) fills it. The HTTP port and the outputs that carry pictures read it. It has
//! a lock, which no thread on the way of a frame takes.

use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    config::mask::Mask,
    frame::{Frame, Origin, PixelFormat, Size},
    message::{Event, EventState, Rect},
    picture::latest_frame::Annotated,
    sync::Mutex,
};

/// The events of all cameras.
#[derive(Debug)]
pub struct EventLog(Mutex<Inner>);

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Events.
    pub events: usize,
    /// Bytes of their pictures together.
    pub picture_bytes: usize,
}

/// One event, from its start to where it stands.
#[derive(Clone, Debug)]
pub struct LoggedEvent {
    /// Counts the events since the daemon's start.
    pub number: u64,
    /// As it started, but for its newest state, reason and label, and what its track did by then.
    pub event: Event,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// The picture of its start, while it is kept.
    pub picture: Option<Arc<EventPicture>>,
}

/// The picture of an event's start: its first frame, or one just after it.
#[derive(Debug)]
pub struct EventPicture {
    /// A JPEG file, as the camera sent it if it sent JPEG and has no masks. A copy: the first frame's buffer was lent.
    frame: Frame,
    /// What was found in that frame.
    pub boxes: Vec<Rect>,
    /// What nobody gets to see of it.
    masks: Vec<Mask>,
}

impl EventPicture {
    /// A picture of `annotated`, encoded as `jpeg`.
    #[must_use]
    pub fn new(annotated: &Annotated, jpeg: Bytes) -> Self {
        let boxes = annotated.boxes().collect();
        Self::of_jpeg(annotated.origin(), annotated.size(), jpeg, boxes).masked_by(annotated.masks())
    }

    /// A picture that is a JPEG file already, of a camera without masks.
    #[must_use]
    pub fn of_jpeg(origin: Origin, size: Size, jpeg: Bytes, boxes: Vec<Rect>) -> Self {
        Self { frame: Frame::compressed(origin, PixelFormat::Jpeg, size, jpeg), boxes, masks: Vec::new() }
    }

    fn masked_by(self, masks: &[Mask]) -> Self {
        Self { masks: masks.to_vec(), ..self }
    }

    /// The frame, which is a JPEG file.
    #[must_use]
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The JPEG file.
    #[must_use]
    pub fn jpeg(&self) -> &Bytes {
        self.frame.bytes()
    }
}

/// Which events somebody wants.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of one camera.
    pub camera: Option<String>,
    /// Of one kind.
    pub kind: Option<String>,
    /// In one named zone.
    pub zone: Option<String>,
    /// About this, as far as that is known by now.
    pub label: Option<String>,
    /// Those that started then or later.
    pub from: Option<Timestamp>,
    /// Those that started before.
    pub until: Option<Timestamp>,
}

#[derive(Debug)]
struct Inner {
    limits: Limits,
    /// Events so far.
    count: u64,
    /// By their numbers.
    events: VecDeque<LoggedEvent>,
    /// Bytes of their pictures.
    picture_bytes: usize,
    /// The masks of each camera that has some.
    masks: HashMap<String, Vec<Mask>>,
}

impl EventLog {
    /// An empty log.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self(Mutex::new(Inner { limits, count: 0, events: VecDeque::new(), picture_bytes: 0, masks: HashMap::new() }))
    }

    /// Changes how much is kept; drops what is too much.
    pub fn set_limits(&self, limits: Limits) {
        let mut inner = self.0.lock();
        inner.limits = limits;
        inner.evict();
    }

    /// The masks that cameras have from now on. Drops the pictures that were made with others, as they may show what nobody
    /// gets to see any more.
    pub fn set_masks<'c>(&self, cameras: impl Iterator<Item = (&'c str, &'c [Mask])>) {
        let mut inner = self.0.lock();
        let with_masks = cameras.filter(|(_, masks)| !masks.is_empty());
        inner.masks = with_masks.map(|(name, masks)| (name.to_owned(), masks.to_vec())).collect();
        let Inner { events, picture_bytes, masks, .. } = &mut *inner;
        for LoggedEvent { event, picture, .. } in events {
            let may_stay = |picture: &mut Arc<EventPicture>| may_be_shown(masks, &event.camera, picture);
            let dropped = if picture.as_mut().is_some_and(may_stay) { None } else { picture.take() };
            *picture_bytes -= dropped.map_or(0, |picture| picture.jpeg().len());
        }
    }

    /// Takes in what an event message says. `picture` is that of an event's start.
    pub fn record(&self, event: &Event, picture: Option<EventPicture>) {
        let mut inner = self.0.lock();
        if event.state == EventState::Start {
            inner.count += 1;
            // The masks may have changed while it was made.
            let picture = picture.filter(|picture| may_be_shown(&inner.masks, &event.camera, picture));
            inner.picture_bytes += picture.as_ref().map_or(0, |picture| picture.jpeg().len());
            let (number, event, picture) = (inner.count, event.clone(), picture.map(Arc::new));
            inner.events.push_back(LoggedEvent { number, event, ended_at: None, picture });
            inner.evict();
        } else if let Some(known) = inner.events.iter_mut().rfind(|known| known.event.id == event.id) {
            known.event.state = event.state;
            known.event.reason.clone_from(&event.reason);
            known.event.subject.clone_from(&event.subject);
            known.event.label.clone_from(&event.label);
            known.event.score = event.score;
            known.ended_at = (event.state == EventState::End).then_some(event.at);
        }
    }

    /// The event with this id, while it is kept.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<LoggedEvent> {
        self.0.lock().events.iter().rfind(|known| known.event.id == id).cloned()
    }

    /// The picture of the event with this id, while it is kept.
    #[must_use]
    pub fn picture(&self, id: &str) -> Option<Arc<EventPicture>> {
        self.0.lock().events.iter().rfind(|known| known.event.id == id)?.picture.clone()
    }

    /// The newest `limit` events that pass, newest first, of those before the number `before`; and whether there are more.
    #[must_use]
    pub fn list(&self, filter: &Filter, before: Option<u64>, limit: usize) -> (Vec<LoggedEvent>, bool) {
        let inner = self.0.lock();
        let is_before = |known: &&LoggedEvent| before.is_none_or(|before| known.number < before);
        let mut events = inner.events.iter().rev().filter(is_before).filter(|known| filter.passes(&known.event));
        let page = events.by_ref().take(limit).cloned().collect();
        (page, events.next().is_some())
    }

    /// The newest messages of the events that go on.
    #[must_use]
    pub fn running(&self) -> Vec<Event> {
        let inner = self.0.lock();
        let goes_on = |known: &&LoggedEvent| known.event.state != EventState::End;
        inner.events.iter().filter(goes_on).map(|known| known.event.clone()).collect()
    }

    /// How many events are kept, and the bytes of their pictures.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let inner = self.0.lock();
        (inner.events.len(), inner.picture_bytes)
    }
}

impl Inner {
    fn evict(&mut self) {
        while self.events.len() > self.limits.events
            && let Some(oldest) = self.events.pop_front()
        {
            self.picture_bytes -= oldest.picture.map_or(0, |picture| picture.jpeg().len());
        }
        let pictures = self.events.iter_mut().map(|known| &mut known.picture).filter(|picture| picture.is_some());
        for picture in pictures {
            if self.picture_bytes <= self.limits.picture_bytes {
                break;
            }
            self.picture_bytes -= picture.take().map_or(0, |picture| picture.jpeg().len());
        }
    }
}

/// Whether a picture was made with the masks that its camera has now, or the camera has none any more.
fn may_be_shown(masks: &HashMap<String, Vec<Mask>>, camera: &str, picture: &EventPicture) -> bool {
    masks.get(camera).is_none_or(|masks| picture.masks == *masks)
}

impl Filter {
    fn passes(&self, event: &Event) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        is(&self.camera, Some(&event.camera))
            && is(&self.kind, Some(&event.kind))
            && is(&self.zone, event.zone.as_deref())
            && is(&self.label, event.label.as_deref())
            && self.from.is_none_or(|from| event.at >= from)
            && self.until.is_none_or(|until| event.at < until)
    }
}

impl LoggedEvent {
    /// Why, if the kind has several reasons.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.event.reason.as_ref().map(Cow::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frame::{Camera, CapturedBy},
        system::clock::Monotonic,
    };

    const LIMITS: Limits = Limits { events: 4, picture_bytes: 100 };

    fn event(number: i64, state: EventState) -> Event {
        Event {
            camera: if number % 2 == 0 { "door" } else { "yard" }.into(),
            id: format!("e-{number}"),
            kind: if number < 3 { "motion" } else { "tamper" }.into(),
            state,
            at: Timestamp::from_second(number).unwrap(),
            zone: (number == 2).then(|| "gate".to_owned()),
            reason: None,
            boxes: Vec::new(),
            subject: None,
            label: None,
            score: None,
            age: None,
        }
    }

    fn picture(bytes: usize) -> Option<EventPicture> {
        let (camera, captured_at) = (Camera::new("door"), Monotonic::from_micros(1));
        let origin = Origin { camera, seq: 1, captured_at, captured_by: CapturedBy::Arrival };
        let size = Size { width_px: 1, height_px: 1 };
        Some(EventPicture::of_jpeg(origin, size, vec![0; bytes].into(), Vec::new()))
    }

    #[test]
    fn pictures_made_with_other_masks_are_dropped() {
        let log = EventLog::new(LIMITS);
        let mask = |right: f32| Mask::of(vec![[0.0, 0.0], [right, 0.0], [0.0, 1.0]]);
        let of_door = |masks: &[Mask]| log.set_masks([("door", masks), ("yard", &[])].into_iter());
        let made_with = |masks: &[Mask]| picture(30).map(|picture| picture.masked_by(masks));
        // 1 is of the yard, 2 and 4 are of the door.
        log.record(&event(1, EventState::Start), picture(30));
        log.record(&event(2, EventState::Start), picture(30));
        of_door(&[mask(0.5)]);
        assert!(log.picture("e-1").is_some() && log.picture("e-2").is_none());
        assert_eq!(log.size(), (2, 30));
        log.record(&event(4, EventState::Start), picture(30));
        assert!(log.picture("e-4").is_none(), "it was made before the masks were there");
        log.record(&event(6, EventState::Start), made_with(&[mask(0.5)]));
        of_door(&[mask(0.5)]);
        assert!(log.picture("e-6").is_some());
        of_door(&[mask(0.6)]);
        assert!(log.picture("e-6").is_none());
        log.record(&event(8, EventState::Start), made_with(&[mask(0.6)]));
        of_door(&[]);
        assert!(log.picture("e-8").is_some(), "more may be seen now, not less");
    }

    /// The numbers in the ids of a page.
    fn page(log: &EventLog, filter: &Filter, before: Option<u64>, limit: usize) -> (String, bool) {
        let (events, has_more) = log.list(filter, before, limit);
        let ids: Vec<_> = events.iter().map(|known| known.event.id.trim_start_matches("e-")).collect();
        (ids.join(" "), has_more)
    }

    #[test]
    fn the_oldest_events_and_the_oldest_pictures_go_first() {
        let log = EventLog::new(LIMITS);
        (1..=4).for_each(|number| log.record(&event(number, EventState::Start), picture(30)));
        assert_eq!(log.size(), (4, 90), "the first has lost its picture");
        assert!(log.find("e-1").is_some() && log.picture("e-1").is_none() && log.picture("e-2").is_some());
        log.record(&event(5, EventState::Start), picture(100));
        assert_eq!(log.size(), (4, 100));
        assert!(log.find("e-1").is_none() && log.picture("e-4").is_none() && log.picture("e-5").is_some());
        log.record(&event(6, EventState::Start), picture(101));
        assert_eq!(log.size(), (4, 0), "a picture beyond the bound is not kept");
        log.set_limits(Limits { events: 1, picture_bytes: 0 });
        assert_eq!(page(&log, &Filter::default(), None, 9), ("6".into(), false));
    }

    #[test]
    fn an_event_is_one_entry_from_start_to_end() {
        let log = EventLog::new(LIMITS);
        log.record(&event(1, EventState::Start), None);
        let moved = Event { reason: Some("moved".into()), at: Timestamp::MAX, ..event(1, EventState::Update) };
        log.record(&moved, None);
        let known = log.find("e-1").unwrap();
        assert_eq!((known.event.state, known.reason(), known.ended_at), (EventState::Update, Some("moved"), None));
        assert_eq!(known.event.at, Timestamp::from_second(1).unwrap());
        log.record(&Event { at: Timestamp::MAX, ..event(1, EventState::End) }, None);
        let known = log.find("e-1").unwrap();
        assert_eq!((known.event.state, known.ended_at), (EventState::End, Some(Timestamp::MAX)));
        log.record(&event(9, EventState::End), None);
        assert_eq!(log.size().0, 1, "the start of that one is not known any more");
    }

    #[test]
    fn pages_go_back_in_time() {
        let log = EventLog::new(LIMITS);
        (1..=4).for_each(|number| log.record(&event(number, EventState::Start), None));
        let all = Filter::default();
        assert_eq!(page(&log, &all, None, 3), ("4 3 2".into(), true));
        assert_eq!(page(&log, &all, Some(2), 3), ("1".into(), false));
        assert_eq!(page(&log, &all, None, 4), ("4 3 2 1".into(), false));
        let person = Event { label: Some("person".into()), score: Some(0.5), ..event(3, EventState::Update) };
        log.record(&person, None);
        let labelled = |label: &str| page(&log, &Filter { label: Some(label.into()), ..Filter::default() }, None, 9).0;
        assert_eq!((labelled("person"), labelled("car")), ("3".into(), String::new()));
        let of = |camera: Option<&str>, kind: Option<&str>, zone: Option<&str>| {
            let [camera, kind, zone] = [camera, kind, zone].map(|text| text.map(str::to_owned));
            page(&log, &Filter { camera, kind, zone, ..Filter::default() }, None, 9).0
        };
        assert_eq!(of(Some("door"), None, None), "4 2");
        assert_eq!(of(Some("yard"), Some("tamper"), None), "3");
        assert_eq!(of(None, None, Some("gate")), "2");
        let at = |second| Timestamp::from_second(second).ok();
        assert_eq!(page(&log, &Filter { from: at(2), until: at(4), ..all }, None, 1), ("3".into(), true));
    }
}
