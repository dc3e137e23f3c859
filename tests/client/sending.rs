//! `fovea send` at work, between a camera and a board that the test plays.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::Duration,
};

use bytes::Bytes;
use fovea::wire::Header;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{fovea, server::Server};

/// How long anything may take before it counts as not happening.
const LIMIT: Duration = Duration::from_secs(60);

/// `fovea send` at work from a camera to a board.
pub(crate) struct Sending {
    pub(crate) child: Child,
    error: ErrorLines,
    pub(crate) board: Server,
    frames: Receiver<(Header, Bytes)>,
    is_connected: Receiver<()>,
}

impl Sending {
    pub(crate) fn start(source: &str, options: &[&str]) -> Self {
        Self::start_with(source, options, |_| {})
    }

    pub(crate) fn start_with(source: &str, options: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let (send, frames) = channel();
        let (connected, is_connected) = channel();
        let board = Server::play(move |mut peer| {
            let mut early = peer.wait_until_read().into_iter();
            connected.send(()).expect("the test waits");
            while let Some(frame) = early.next().or_else(|| peer.frame_or_close()) {
                peer.taken_and_processed(frame.0.seq);
                let _ = send.send(frame); // the test may have seen enough
            }
        });
        let mut command = fovea(&[&["send", &board.url, source], options].concat());
        change(&mut command);
        let mut child = command.spawn().expect("the command was built");
        let error = ErrorLines::of(&mut child);
        Self { child, error, board, frames, is_connected }
    }

    pub(crate) fn frame(&self) -> (Header, Bytes) {
        within_limit(&self.frames)
    }

    /// The next line on standard error.
    pub(crate) fn line(&mut self) -> String {
        self.error.next_line()
    }

    /// Ends it; the exit code is 0.
    pub(crate) fn end(mut self) -> Vec<String> {
        within_limit(&self.is_connected);
        kill(Pid::from_raw(self.child.id().try_into().expect("a pid")), Signal::SIGTERM).expect("it runs");
        let lines = self.error.rest();
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0), "{lines:?}");
        self.board.join();
        lines
    }
}

/// The next thing that comes through a channel. The test fails if nothing comes.
pub(crate) fn within_limit<T>(channel: &Receiver<T>) -> T {
    channel.recv_timeout(LIMIT).expect("it comes")
}

/// The lines of a command's standard error.
pub(crate) struct ErrorLines(Receiver<String>);

impl ErrorLines {
    pub(crate) fn of(child: &mut Child) -> Self {
        let error = BufReader::new(child.stderr.take().expect("piped"));
        let (send, receive) = channel();
        std::thread::spawn(move || {
            // The test may have seen enough.
            error.lines().map(|line| line.expect("text")).try_for_each(|line| send.send(line))
        });
        Self(receive)
    }

    /// The next line. The test fails if none comes.
    pub(crate) fn next_line(&mut self) -> String {
        within_limit(&self.0)
    }

    /// All that are left, up to the command's end.
    pub(crate) fn rest(self) -> Vec<String> {
        std::iter::from_fn(|| match self.0.recv_timeout(LIMIT) {
            Ok(line) => Some(line),
            Err(error) => {
                assert_eq!(error, RecvTimeoutError::Disconnected, "it ends");
                None
            }
        })
        .collect()
    }
}

/// The most memory that a process has had until now.
pub(crate) fn peak_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
    peak.trim().trim_end_matches(" kB").parse().expect("a number")
}
