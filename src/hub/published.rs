//! A published message: made once, shared by everyone who hears it, never changed.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::message::{FrameResult, Message};

/// A message, and its JSON once somebody wanted it.
#[derive(Debug)]
pub struct Published {
    message: Message,
    json: OnceLock<Bytes>,
}

impl Published {
    /// The message, its JSON not made yet.
    #[must_use]
    pub fn new(message: Message) -> Self {
        Self { message, json: OnceLock::new() }
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The message as JSON: UTF-8 text, made by whoever asks first.
    #[must_use]
    pub fn json(&self) -> &Bytes {
        self.json.get_or_init(|| self.message.to_json().into())
    }

    /// About the bytes that its JSON has, rather more than less, without making it.
    #[must_use]
    pub fn estimated_bytes(&self) -> usize {
        // The names and numbers of every message; of a box with its braces, a label and four numbers.
        const MESSAGE: usize = 256;
        const BOX: usize = 96;
        match &self.message {
            Message::Result(FrameResult { detections, errors, .. }) => {
                let errors: usize = errors.iter().map(|(stage, error)| stage.len() + error.len()).sum();
                MESSAGE + BOX * detections.len() + errors
            }
            Message::Event(event) => MESSAGE + BOX * event.boxes.len(),
            Message::Refused(refused) => MESSAGE + refused.cause.len(),
            Message::Hello(_) | Message::Taken(_) | Message::Dropped(_) | Message::Clock(_) => MESSAGE,
        }
    }
}
