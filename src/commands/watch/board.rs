//! All cameras heard of, and the words for what they say.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use jiff::{Timestamp, tz::TimeZone};

use super::{lane::Lane, words};
use crate::message::{Event, EventState, Message};

/// Events that may be under way; more than that were left without an end by a server that lost it.
const MAX_EVENTS: usize = 256;

/// The cameras by name.
pub(super) struct Board {
    lanes: BTreeMap<String, Lane>,
    /// When the events under way started, by their ids.
    started: HashMap<String, Timestamp>,
    zone: TimeZone,
}

impl Board {
    pub(super) fn new() -> Self {
        Self { lanes: BTreeMap::new(), started: HashMap::new(), zone: TimeZone::system() }
    }

    /// Takes a message in. Gives the line to be told at once, if it is of that kind.
    /// What cannot be read is of a later server, for later readers.
    pub(super) fn message(&mut self, text: &str, now: Instant) -> Option<String> {
        match Message::from_json(text).ok()? {
            Message::Result(result) => self.lane(&result.camera, now).result(&result, now),
            Message::Refused(refused) => self.lane(&refused.camera, now).refused(),
            Message::Event(event) => return self.event(&event),
            Message::Dropped(dropped) => {
                let time = words::time(Timestamp::now(), &self.zone);
                return Some(format!("{time} lost {} messages: they were not read fast enough here", dropped.count));
            }
            _ => {}
        }
        None
    }

    /// One line for each camera.
    pub(super) fn lines(&mut self, now: Instant) -> impl Iterator<Item = (&str, String)> {
        let width = self.lanes.keys().map(|name| name.chars().count()).max().unwrap_or(0);
        self.lanes
            .iter_mut()
            .map(move |(name, lane)| (name.as_str(), format!("{name:width$}  {}", words::figures(&lane.figures(now)))))
    }

    /// The present local time, for lines that are kept.
    pub(super) fn time(&self) -> String {
        words::time(Timestamp::now(), &self.zone)
    }

    fn lane(&mut self, camera: &str, now: Instant) -> &mut Lane {
        if !self.lanes.contains_key(camera) {
            self.lanes.insert(camera.to_owned(), Lane::new(now));
        }
        self.lanes.get_mut(camera).expect("it was put there if it was not")
    }

    /// Starts and ends are told; what is between is on the camera's line.
    fn event(&mut self, event: &Event) -> Option<String> {
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
        Some(format!("{} {}: {}", words::time(event.at, &self.zone), event.camera, words::event(event, started)))
    }
}
