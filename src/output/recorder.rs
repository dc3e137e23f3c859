//! Keeps events with their pictures, and announces them again once their picture is there.
//!
//! What carries pictures, such as a webhook, subscribes to [`Topic::Recorded`] and finds the picture in the [`EventLog`].

use std::sync::Arc;

use bytes::Bytes;
use log::{debug, warn};

use super::{Delivery, Output};
use crate::{
    event_log::{EventLog, EventPicture},
    hub::{Hub, Topic, published::Published},
    message::{Event, EventState, Message},
    picture::latest_frame::LatestFrames,
    system::cores,
};

/// Fills the event log.
#[derive(Debug)]
pub struct Recorder {
    hub: Arc<Hub>,
    frames: Arc<LatestFrames>,
    log: Arc<EventLog>,
}

impl Recorder {
    /// Takes pictures from `frames`.
    #[must_use]
    pub fn new(hub: Arc<Hub>, frames: Arc<LatestFrames>, log: Arc<EventLog>) -> Self {
        Self { hub, frames, log }
    }

    /// The newest frame of the event's camera. The processor leaves a frame there before it publishes the frame's events.
    fn picture(&self, event: &Event) -> Option<EventPicture> {
        let annotated = self.frames.find(&event.camera)?.newest()?;
        // A copy of what the camera sent: its buffer is lent.
        let jpeg = annotated.as_received().map(|jpeg| Ok(Bytes::copy_from_slice(jpeg)));
        match jpeg.unwrap_or_else(|| annotated.to_jpeg()) {
            Ok(jpeg) => Some(EventPicture::new(&annotated, jpeg)),
            Err(error) => {
                debug!("{}: there is no picture of the event {}: {error}", event.camera, event.id);
                None
            }
        }
    }
}

impl Output for Recorder {
    fn name(&self) -> &'static str {
        "events"
    }

    fn topics(&self) -> &'static [Topic] {
        &[Topic::Events]
    }

    /// A picture takes milliseconds, which belong to frames first.
    fn begin(&mut self) {
        if let Err(error) = cores::set_lowest_priority() {
            warn!("cannot lower the priority of the thread for events: {error}");
        }
    }

    fn deliver(&mut self, message: &Arc<Published>) -> Delivery {
        if let Message::Event(event) = message.message() {
            let picture = (event.state == EventState::Start).then(|| self.picture(event)).flatten();
            self.log.record(event, picture);
        }
        self.hub.announce(Topic::Recorded, message);
        Delivery::Done
    }
}
