//! A subscriber's queue: bounded, between the publishers and the one thread that delivers.
//!
//! Neither side takes a lock. So a subscriber of the lowest priority that is interrupted anywhere in here does not delay a
//! publisher.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use crossbeam_queue::ArrayQueue;

use super::published::{MESSAGE_BYTES, Published};
use crate::{
    message::{Dropped, Message},
    system::event_fd::EventFd,
    telemetry::output_metrics::OutputMetrics,
};

/// A queue that drops its oldest message rather than wait or grow, and says how many it dropped.
#[derive(Debug)]
pub struct Queue {
    messages: ArrayQueue<Arc<Published>>,
    /// Their estimated bytes.
    bytes: AtomicUsize,
    limit_bytes: usize,
    /// Since this was last said.
    dropped: AtomicU64,
    close: OnceLock<CloseReason>,
    event: Arc<EventFd>,
    /// The event is set, or about to be: the next to push need not set it again.
    is_announced: AtomicBool,
    metrics: Arc<OutputMetrics>,
}

/// Why a subscriber is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The daemon ends.
    ShuttingDown,
    /// Its camera is no longer configured, or is fed from elsewhere.
    CameraRemoved,
    /// Another client sends this camera's frames now.
    Replaced,
    /// Its token was revoked, or a token is needed now.
    Revoked,
}

/// What the subscriber does next.
#[derive(Clone, Debug)]
pub enum Next {
    /// Deliver this.
    Message(Arc<Published>),
    /// Go.
    Close(CloseReason),
}

impl Queue {
    /// An empty queue for messages of about `limit_bytes` of JSON in all. What it drops is counted in `metrics` too.
    ///
    /// # Errors
    /// When the process is out of descriptors.
    pub fn new(limit_bytes: usize, metrics: Arc<OutputMetrics>) -> io::Result<Self> {
        Ok(Self {
            messages: ArrayQueue::new((limit_bytes / MESSAGE_BYTES).max(1)),
            bytes: AtomicUsize::new(0),
            limit_bytes,
            dropped: AtomicU64::new(0),
            close: OnceLock::new(),
            event: Arc::new(EventFd::new()?),
            is_announced: AtomicBool::new(false),
            metrics,
        })
    }

    /// Puts a message in; drops the oldest ones if it would not fit otherwise.
    pub fn push(&self, message: Arc<Published>) {
        let more = message.estimated_bytes();
        // Relaxed: the number bounds the queue, nothing is read because of it. Added first, so that it never falls below 0.
        self.bytes.fetch_add(more, Ordering::Relaxed);
        let displaced = self.messages.force_push(message);
        self.drop_message(displaced);
        while self.bytes.load(Ordering::Relaxed) > self.limit_bytes
            && let Some(oldest) = self.messages.pop()
        {
            self.drop_message(Some(oldest));
        }
        self.announce();
    }

    /// Asks the subscriber to go. The first reason is the one; what waits before is not delivered any more.
    pub fn close(&self, reason: CloseReason) {
        let _ = self.close.set(reason); // another was first
        self.event.set();
    }

    /// Why the subscriber is to go, if it is: for one that cannot deliver, and so has no use for [`Queue::next`].
    #[must_use]
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.close.get().copied()
    }

    /// What to do next, the loss of messages said before the message that follows it.
    pub fn next(&self) -> Option<Next> {
        if let Some(reason) = self.close_reason() {
            return Some(Next::Close(reason));
        }
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            return Some(Next::Message(Arc::new(Published::new(Message::Dropped(Dropped { count: dropped })))));
        }
        self.pop().map(Next::Message)
    }

    /// The next message, whether the subscriber is to go or not, and whatever was dropped before.
    pub fn pop(&self) -> Option<Arc<Published>> {
        let message = self.messages.pop()?;
        self.bytes.fetch_sub(message.estimated_bytes(), Ordering::Relaxed);
        Some(message)
    }

    /// Set when there is something to do. To be cleared with [`Queue::clear_event`] before [`Queue::next`] is called until
    /// it gives nothing.
    #[must_use]
    pub fn event(&self) -> &Arc<EventFd> {
        &self.event
    }

    /// Clears the event: the next push sets it again.
    pub fn clear_event(&self) {
        self.event.clear();
        // A swap on both sides: of a push beside this, either the swap here sees the one there, and the `next` that follows
        // sees the message, or the one there finds the flag down and sets the event.
        self.is_announced.swap(false, Ordering::AcqRel);
    }

    fn announce(&self) {
        if !self.is_announced.swap(true, Ordering::AcqRel) {
            self.event.set();
        }
    }

    fn drop_message(&self, message: Option<Arc<Published>>) {
        if let Some(message) = message {
            self.bytes.fetch_sub(message.estimated_bytes(), Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            self.metrics.count_dropped();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(messages: usize) -> Queue {
        Queue::new(messages * MESSAGE_BYTES, Arc::new(OutputMetrics::new("test"))).unwrap()
    }

    /// A message that is told from others by its number.
    fn message(count: u64) -> Arc<Published> {
        Arc::new(Published::new(Message::Dropped(Dropped { count })))
    }

    fn drain(queue: &Queue) -> Vec<u64> {
        std::iter::from_fn(|| queue.next())
            .map(|next| match next {
                Next::Message(message) => match message.message() {
                    Message::Dropped(Dropped { count }) => *count,
                    other => panic!("{other:?}"),
                },
                Next::Close(reason) => panic!("{reason:?}"),
            })
            .collect()
    }

    #[test]
    fn messages_come_out_in_order() {
        let queue = queue(3);
        [71, 72].into_iter().for_each(|n| queue.push(message(n)));
        assert_eq!(drain(&queue), [71, 72]);
    }

    #[test]
    fn the_oldest_are_dropped_and_counted_where_they_are_missing() {
        let queue = queue(3);
        (71..=75).for_each(|n| queue.push(message(n)));
        assert_eq!(drain(&queue), [2, 73, 74, 75]);
        queue.push(message(76));
        assert_eq!(drain(&queue), [76]);
        assert_eq!(queue.metrics.dropped(), 2);
    }

    #[test]
    fn a_message_larger_than_the_queue_is_dropped_too() {
        let queue = Queue::new(MESSAGE_BYTES - 1, Arc::new(OutputMetrics::new("test"))).unwrap();
        queue.push(message(71));
        assert_eq!(drain(&queue), [1]);
    }

    #[test]
    fn the_first_reason_to_close_is_the_one() {
        let queue = queue(3);
        queue.push(message(71));
        queue.close(CloseReason::Replaced);
        queue.close(CloseReason::ShuttingDown);
        assert!(matches!(queue.next(), Some(Next::Close(CloseReason::Replaced))));
    }

    /// Whoever clears the event and then finds the queue empty is woken by the next push.
    #[test]
    fn every_message_is_announced() {
        const MESSAGES: u64 = 20_000;
        let queue = Queue::new(1 << 20, Arc::new(OutputMetrics::new("test"))).unwrap();
        let (mut delivered, mut dropped) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| (0..MESSAGES).for_each(|_| queue.push(message(1 << 40))));
            while delivered + dropped < MESSAGES {
                let readable = nix::poll::PollFlags::POLLIN;
                let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
                let event = (std::os::fd::AsFd::as_fd(queue.event()), readable);
                assert_eq!(crate::system::event_fd::poll([event], Some(deadline)).unwrap(), [true], "never woken");
                queue.clear_event();
                for count in drain(&queue) {
                    if count == 1 << 40 { delivered += 1 } else { dropped += count }
                }
            }
        });
        assert_eq!(queue.bytes.load(Ordering::Relaxed), 0);
    }
}
