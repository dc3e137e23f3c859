//! The events of the recent past, each with a picture of its start: in memory, within bounds, the oldest go first.
//!
//! The output [`recorder`](crate::output::recorder) fills it. The HTTP port and the outputs that carry pictures read it. It has
//! a lock, which no thread on the way of a frame takes.

use std::{borrow::Cow, collections::VecDeque, sync::Arc};

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    frame::{Frame, Origin, PixelFormat},
    message::{Event, EventState, Rect},
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
    /// As it started, but for its newest state and reason, and what its track did by then.
    pub event: Event,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// The picture of its start, while it is kept.
    pub picture: Option<Arc<EventPicture>>,
}

/// The picture of an event's start: its first frame, or one just after it.
#[derive(Debug)]
pub struct EventPicture {
    /// A JPEG file, as the camera sent it if it sent JPEG. A copy: the first frame's buffer was lent.
    frame: Frame,
    /// What was found in that frame.
    pub boxes: Vec<Rect>,
}

impl EventPicture {
    /// A picture of `frame`, encoded as `jpeg`.
    #[must_use]
    pub fn new(frame: &Frame, jpeg: Bytes, boxes: Vec<Rect>) -> Self {
        let origin = Origin {
            camera: frame.camera().clone(),
            seq: frame.seq(),
            captured_at: frame.captured_at(),
            captured_by: frame.captured_by(),
        };
        Self { frame: Frame::compressed(origin, PixelFormat::Jpeg, frame.size(), jpeg), boxes }
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
}

impl EventLog {
    /// An empty log.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self(Mutex::new(Inner { limits, count: 0, events: VecDeque::new(), picture_bytes: 0 }))
    }

    /// Changes how much is kept; drops what is too much.
    pub fn set_limits(&self, limits: Limits) {
        let mut inner = self.0.lock();
        inner.limits = limits;
        inner.evict();
    }

    /// Takes in what an event message says. `picture` is that of an event's start.
    pub fn record(&self, event: &Event, picture: Option<EventPicture>) {
        let mut inner = self.0.lock();
        if event.state == EventState::Start {
            inner.count += 1;
            inner.picture_bytes += picture.as_ref().map_or(0, |picture| picture.jpeg().len());
            let (number, event, picture) = (inner.count, event.clone(), picture.map(Arc::new));
            inner.events.push_back(LoggedEvent { number, event, ended_at: None, picture });
            inner.evict();
        } else if let Some(known) = inner.events.iter_mut().rfind(|known| known.event.id == event.id) {
            known.event.state = event.state;
            known.event.reason.clone_from(&event.reason);
            known.event.subject.clone_from(&event.subject);
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

impl Filter {
    fn passes(&self, event: &Event) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        is(&self.camera, Some(&event.camera))
            && is(&self.kind, Some(&event.kind))
            && is(&self.zone, event.zone.as_deref())
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
        frame::{Camera, CapturedBy, Size},
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
            age: None,
        }
    }

    fn picture(bytes: usize) -> Option<EventPicture> {
        let (camera, captured_at) = (Camera::new("door"), Monotonic::from_micros(1));
        let origin = Origin { camera, seq: 1, captured_at, captured_by: CapturedBy::Arrival };
        let size = Size { width_px: 1, height_px: 1 };
        let frame = Frame::compressed(origin, PixelFormat::Jpeg, size, Bytes::new());
        Some(EventPicture::new(&frame, vec![0; bytes].into(), Vec::new()))
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
