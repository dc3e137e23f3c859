//! The state of every camera that has sent a message, and the events under way.
//!
//! A view feeds messages in and asks for text: event lines at once, camera lines when it wants to show them.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use jiff::{Timestamp, tz::TimeZone};

use super::{
    camera_stats::CameraStats,
    detail::{EventDetail, StageOutput},
    format::{self, printable},
};
use crate::message::{Event, EventState, Message};

/// Limit of [`Dashboard::started`]. A server that loses the end of events would let the map grow without bound.
const MAX_EVENTS: usize = 256;

/// Everything that `fovea watch` knows.
pub(super) struct Dashboard {
    /// By camera name, and `NAME on PROCESSOR` for results beside those of the camera's first processor.
    cameras: BTreeMap<String, CameraStats>,
    /// Start times of the events under way, by event id.
    started: HashMap<String, Timestamp>,
    zone: TimeZone,
}

impl Dashboard {
    pub(super) fn new() -> Self {
        Self { cameras: BTreeMap::new(), started: HashMap::new(), zone: TimeZone::system() }
    }

    /// Records a message. Returns the line to print at once, if the message asks for one.
    ///
    /// Ignores text that does not parse: a later server may send what this version does not know.
    pub(super) fn record(&mut self, text: &str, now: Instant) -> Option<String> {
        match Message::from_json(text).ok()? {
            Message::Result(result) => {
                // Results of a processor beyond the camera's first one have a line of their own.
                let name = match &result.processor {
                    None => result.camera.clone(),
                    Some(processor) => format!("{} on {processor}", result.camera),
                };
                self.camera(&name, now).record_result(&result, StageOutput::of_result(text), now);
            }
            Message::Refused(refused) => self.camera(&refused.camera, now).record_refused(),
            Message::Event(event) => return self.record_event(&event, &EventDetail::of_event(text)?),
            Message::Dropped(dropped) => {
                let time = self.time();
                return Some(format!("{time} lost {} messages: this program reads too slowly", dropped.count));
            }
            _ => {}
        }
        None
    }

    /// One line for each camera, in the order of their names, with the name itself.
    pub(super) fn camera_lines(&mut self, now: Instant) -> impl Iterator<Item = (&str, String)> {
        let width = self.cameras.keys().map(|name| printable(name).chars().count()).max().unwrap_or(0);
        self.cameras.iter_mut().map(move |(name, stats)| {
            (name.as_str(), format!("{:width$}  {}", printable(name), format::stats(&stats.window(now))))
        })
    }

    /// The local time of day, for lines that stay.
    pub(super) fn time(&self) -> String {
        format::time(Timestamp::now(), &self.zone)
    }

    fn camera(&mut self, name: &str, now: Instant) -> &mut CameraStats {
        if !self.cameras.contains_key(name) {
            self.cameras.insert(name.to_owned(), CameraStats::new(now));
        }
        self.cameras.get_mut(name).expect("it was inserted above if it was missing")
    }

    /// Returns a line for the start and for the end. Updates have none: the camera's line shows what is there now. Nor has the end
    /// of a crossing, which lasts no time.
    fn record_event(&mut self, event: &Event, detail: &EventDetail) -> Option<String> {
        let started = match event.state {
            EventState::Start => {
                if self.started.len() >= MAX_EVENTS {
                    self.started.clear();
                }
                self.started.insert(event.id.clone(), event.at);
                None
            }
            EventState::Update => return None,
            EventState::End => self.started.remove(&event.id),
        };
        if event.state == EventState::End && event.subject.as_ref().is_some_and(|subject| subject.line.is_some()) {
            return None;
        }
        Some(format!(
            "{} {}: {}",
            format::time(event.at, &self.zone),
            printable(&event.camera),
            format::event(event, detail, started)
        ))
    }
}
