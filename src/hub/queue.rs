//! One client's outbox: a bounded queue of texts between whoever has news and the client's own thread.

use std::{collections::VecDeque, io, sync::Arc};

use tungstenite::{Utf8Bytes, protocol::frame::coding::CloseCode};

use crate::message::{Dropped, Message};
use crate::{sync::Mutex, system::event_fd::EventFd};

/// A queue that drops its oldest text rather than wait or grow, and says how many it dropped.
#[derive(Debug)]
pub struct Queue {
    queue: Mutex<Waiting>,
    wake: Arc<EventFd>,
    limit_bytes: usize,
}

/// Why a connection is to end, as its close frame says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    /// The WebSocket close code.
    pub code: CloseCode,
    /// A short sentence, at most 123 bytes.
    pub reason: &'static str,
}

/// What is to be done for the client next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this.
    Text(Utf8Bytes),
    /// Close the connection.
    End(CloseReason),
}

#[derive(Debug, Default)]
struct Waiting {
    texts: VecDeque<Utf8Bytes>,
    bytes: usize,
    dropped: u64,
    ending: Option<CloseReason>,
}

impl Queue {
    /// An empty outbox for at most `limit_bytes` of text.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn new(limit_bytes: usize) -> io::Result<Self> {
        Ok(Self { queue: Mutex::default(), wake: Arc::new(EventFd::new()?), limit_bytes })
    }

    /// Puts a text in; drops the oldest ones if it would not fit otherwise.
    pub fn push(&self, text: Utf8Bytes) {
        if self.queue.lock().push(text, self.limit_bytes) {
            self.wake.set();
        }
    }

    /// Asks for the connection's end. The first to ask is heard; what waits before is not sent any more.
    pub fn end(&self, ending: CloseReason) {
        self.queue.lock().ending.get_or_insert(ending);
        self.wake.set();
    }

    /// The end asked for, if one was: for an owner that cannot send, and so has no use for [`Queue::next`].
    pub fn ending(&self) -> Option<CloseReason> {
        self.queue.lock().ending.clone()
    }

    /// What to do next for the client, the loss of messages told before the message that follows it.
    pub fn next(&self) -> Option<Next> {
        self.queue.lock().next()
    }

    /// Set when something was put into the empty outbox or an end was asked for. To be cleared before `next` is
    /// called until it gives nothing.
    pub fn wake(&self) -> &Arc<EventFd> {
        &self.wake
    }
}

impl Waiting {
    /// Whether the queue was empty: only then does its owner need waking.
    fn push(&mut self, text: Utf8Bytes, limit_bytes: usize) -> bool {
        let was_empty = self.texts.is_empty();
        self.bytes += text.len();
        self.texts.push_back(text);
        while self.bytes > limit_bytes {
            let Some(oldest) = self.texts.pop_front() else { break };
            self.bytes -= oldest.len();
            self.dropped += 1;
        }
        was_empty
    }

    fn next(&mut self) -> Option<Next> {
        if let Some(ending) = &self.ending {
            return Some(Next::End(ending.clone()));
        }
        if self.dropped > 0 {
            let count = std::mem::take(&mut self.dropped);
            return Some(Next::Text(Message::Dropped(Dropped { count }).to_json().into()));
        }
        let text = self.texts.pop_front()?;
        self.bytes -= text.len();
        Some(Next::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(outbox: &Queue) -> Vec<String> {
        std::iter::from_fn(|| outbox.next())
            .map(|next| match next {
                Next::Text(text) => text.to_string(),
                Next::End(ending) => panic!("{ending:?}"),
            })
            .collect()
    }

    #[test]
    fn texts_come_out_in_order() {
        let outbox = Queue::new(100).unwrap();
        ["a", "b"].into_iter().for_each(|text| outbox.push(text.into()));
        assert_eq!(drain(&outbox), ["a", "b"]);
    }

    #[test]
    fn the_oldest_are_dropped_and_counted_where_they_are_missing() {
        let outbox = Queue::new(3).unwrap();
        ["a", "b", "c", "d", "e"].into_iter().for_each(|text| outbox.push(text.into()));
        assert_eq!(drain(&outbox), [r#"{"v":1,"type":"dropped","count":2}"#, "c", "d", "e"]);
        outbox.push("f".into());
        assert_eq!(drain(&outbox), ["f"]);
    }

    #[test]
    fn a_text_larger_than_the_outbox_is_dropped_too() {
        let outbox = Queue::new(3).unwrap();
        outbox.push("abcd".into());
        assert_eq!(drain(&outbox), [r#"{"v":1,"type":"dropped","count":1}"#]);
    }

    #[test]
    fn the_first_ending_is_the_one() {
        let outbox = Queue::new(3).unwrap();
        outbox.push("a".into());
        let ending = |reason| CloseReason { code: CloseCode::Away, reason };
        outbox.end(ending("first"));
        outbox.end(ending("second"));
        assert_eq!(outbox.next(), Some(Next::End(ending("first"))));
    }
}
