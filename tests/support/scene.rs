//! A camera in front of which something comes and goes.

use std::time::Instant;

use serde_json::Value;

use super::{
    LIMIT,
    client::{Client, GREY, V1},
    daemon::Daemon,
    pictures::Picture,
};

/// A camera that sees something come and go.
pub(crate) struct Scene {
    pub(crate) sender: Client,
    empty: Picture,
    pub(crate) seq: u64,
    events: Vec<Value>,
}

impl Scene {
    pub(crate) fn start(daemon: &Daemon) -> Self {
        let sender = Client::connect_v1(daemon, "/frames/door?results");
        let mut scene = Self { sender, empty: Picture::scene(320, 240), seq: 0, events: Vec::new() };
        while scene.look(None)["motion"]["relearning"] == true {}
        scene
    }

    /// Sends the scene, with something in it or not; gives the result.
    pub(crate) fn look(&mut self, step: Option<u32>) -> Value {
        let picture = step.map_or(self.empty.clone(), |step| self.empty.with([40 + 4 * (step % 40), 80, 48, 64]));
        self.seq += 1;
        let rows = picture.grey(0);
        self.sender
            .send(V1 { format: GREY, size: (320, 240), seq: self.seq, picture: &rows, ..V1::default() }.message());
        loop {
            let message = self.sender.next();
            match message["type"].as_str() {
                Some("result") => return message,
                Some("event") => self.events.push(message),
                _ => {}
            }
        }
    }

    /// The events since this was asked last.
    pub(crate) fn events(&mut self) -> Vec<Value> {
        self.hear();
        std::mem::take(&mut self.events)
    }

    /// Takes in the events of the frames until now.
    fn hear(&mut self) {
        let events = self.sender.before_pong().into_iter().filter(|message| message["type"] == "event");
        self.events.extend(events);
    }

    /// Something walks until an event starts, or nothing does until it ends.
    pub(crate) fn until(&mut self, state: &str) -> Value {
        let mut steps = 0_u32..;
        let limit = Instant::now() + LIMIT;
        // An event without a hold time may end before the next frame.
        loop {
            self.look(if state == "start" { steps.next() } else { None });
            self.hear();
            if let Some(at) = self.events.iter().position(|event| event["state"] == state) {
                return self.events.drain(..=at).next_back().expect("it was found");
            }
            assert!(Instant::now() < limit, "no event {state}s within {LIMIT:?}");
        }
    }
}
