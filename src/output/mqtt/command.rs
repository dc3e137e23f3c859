//! What the broker's clients ask for, with the rules that the HTTP port has for the same.

use super::topics::CommandTopic;
use crate::event::external::Trigger;

/// Bytes of a command. Longer ones are none.
const MAX_BYTES: usize = 1024;

/// What is to be done with a camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Switch its detection on or off.
    Detection(bool),
    /// Trigger an event with this label.
    Event(Option<String>),
}

impl Command {
    /// Reads a payload; if it is none, what it must be.
    pub(super) fn parse(topic: CommandTopic, payload: &[u8]) -> Result<Self, &'static str> {
        let payload = if payload.len() <= MAX_BYTES { payload } else { b"too long" };
        match (topic, payload) {
            (CommandTopic::Detection, b"ON") => Ok(Self::Detection(true)),
            (CommandTopic::Detection, b"OFF") => Ok(Self::Detection(false)),
            (CommandTopic::Detection, _) => Err("ON or OFF"),
            (CommandTopic::Event, text) => match Trigger::parse(text) {
                Some(trigger) => Ok(Self::Event(trigger.label().map(str::to_owned))),
                None => {
                    Err("empty, or JSON like {\"label\": \"doorbell\"}, with 1 to 32 of a-z, 0-9, - and _ in the label")
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_strictly() {
        let parse = Command::parse;
        assert_eq!(parse(CommandTopic::Detection, b"ON"), Ok(Command::Detection(true)));
        assert_eq!(parse(CommandTopic::Detection, b"OFF"), Ok(Command::Detection(false)));
        assert_eq!(parse(CommandTopic::Event, b""), Ok(Command::Event(None)));
        assert_eq!(parse(CommandTopic::Event, b"{\"label\":\"bell\"}"), Ok(Command::Event(Some("bell".into()))));
        let long = [b"{\"label\":\"bell\"}".as_slice(), &[b' '; 2000]].concat();
        for wrong in [b"on".as_slice(), b"", b"true", b"\xff"] {
            assert!(parse(CommandTopic::Detection, wrong).is_err(), "{wrong:?}");
        }
        for wrong in [b"bell".as_slice(), b"{\"label\":\"A B\"}", b"{\"other\":1}", b"[1]", &long] {
            assert!(parse(CommandTopic::Event, wrong).is_err(), "{wrong:?}");
        }
    }
}
