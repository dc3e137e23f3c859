//! A journal of the tests' own: what a command tells it, entry by entry.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Instant,
};

use serde_json::Value;

use super::LIMIT;

/// Root in a namespace of its own, with an empty /run.
const ALONE: [&str; 5] = ["--mount", "--map-root-user", "sh", "-c", "mount -t tmpfs none /run && exec \"$0\" \"$@\""];

/// A running command whose standard error is a journal.
#[derive(Debug)]
pub(crate) struct Journal {
    child: Child,
    lines: Receiver<Value>,
    entries: Vec<Value>,
}

impl Journal {
    /// Starts the command; `None`, and told so, where there can be no journal.
    #[expect(clippy::print_stderr, reason = "the test harness shows it")]
    pub(crate) fn of(command: &Command) -> Option<Self> {
        let may = Command::new("unshare").args(ALONE).arg("true").output();
        if !may.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: this system lets nobody make a mount namespace");
            return None;
        }
        let mut alone = Command::new("unshare");
        alone.args(ALONE).args(["/usr/bin/python3", "tests/peers/journal.py"]);
        alone.arg(command.get_program()).args(command.get_args());
        alone.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let mut child = alone.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it was there just now");
        let (sends, lines) = channel();
        let printed = BufReader::new(child.stdout.take().expect("it is piped"));
        thread::spawn(move || {
            let lines = printed.lines().map_while(Result::ok);
            let entries = lines.map(|line| serde_json::from_str(&line).expect("the script prints JSON"));
            entries.for_each(|entry| drop(sends.send(entry)));
        });
        Some(Self { child, lines, entries: Vec::new() })
    }

    /// The first entry whose message contains `text`, waited for if need be.
    pub(crate) fn entry(&mut self, text: &str) -> Value {
        let until = Instant::now() + LIMIT;
        let is_it = |entry: &&Value| entry["MESSAGE"].as_str().is_some_and(|message| message.contains(text));
        loop {
            if let Some(entry) = self.entries.iter().find(is_it) {
                return entry.clone();
            }
            let next = self.lines.recv_timeout(until.saturating_duration_since(Instant::now()));
            self.entries.push(next.unwrap_or_else(|error| panic!("no {text:?}, {error}, in {:#?}", self.entries)));
        }
    }

    /// Ends the command, if it does not run out by itself; what it told standard error instead.
    pub(crate) fn end(&mut self) -> String {
        drop(self.child.stdin.take());
        self.entries.extend(self.lines.iter());
        let last = self.entries.last().expect("the script says something at its end");
        last["stderr"].as_str().unwrap_or_else(|| panic!("the script failed: {:#?}", self.entries)).to_owned()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // The end of its standard input is the end of it and of what it started.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
