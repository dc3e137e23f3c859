//! `fovea send` at work, between a camera and a board that the test plays.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    sync::mpsc::{Receiver, channel},
};

use bytes::Bytes;
use fovea::wire::Header;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{fovea, server::Server};

/// `fovea send` at work from a camera to a board.
pub(crate) struct Sending {
    pub(crate) child: Child,
    error: Lines<BufReader<ChildStderr>>,
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
        let error = BufReader::new(child.stderr.take().expect("piped")).lines();
        Self { child, error, board, frames, is_connected }
    }

    pub(crate) fn frame(&self) -> (Header, Bytes) {
        self.frames.recv().expect("a frame comes")
    }

    /// The next line on standard error.
    pub(crate) fn line(&mut self) -> String {
        self.error.next().expect("a line").expect("text")
    }

    /// Ends it; the exit code is 0.
    pub(crate) fn end(mut self) -> Vec<String> {
        self.is_connected.recv().expect("it comes to the board");
        kill(Pid::from_raw(self.child.id().try_into().expect("a pid")), Signal::SIGTERM).expect("it runs");
        let lines = self.error.map(|line| line.expect("text")).collect();
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0), "{lines:?}");
        self.board.join();
        lines
    }
}

/// The most memory that a process has had until now.
pub(crate) fn peak_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
    peak.trim().trim_end_matches(" kB").parse().expect("a number")
}
