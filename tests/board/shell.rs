//! The line to the board: one command after another, each answered by `agent` on the board, which says how.

use std::{
    io::{BufRead, BufReader, Write},
    process::{ChildStdin, ChildStdout},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};

/// What came of a command.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) status: u8,
    /// Standard output and error, as they came.
    pub(crate) text: String,
}

/// The end of the line that is here.
#[derive(Debug)]
pub(crate) struct Shell {
    to: ChildStdin,
    from: Receiver<String>,
    /// The number of the last question.
    asked: u64,
}

/// Added to a command's time: for the board to say that it is up.
const ANSWER_TIME: Duration = Duration::from_secs(60);

impl Shell {
    pub(crate) fn new(to: ChildStdin, from: ChildStdout) -> Self {
        let (sender, lines) = channel();
        thread::spawn(move || {
            BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { to, from: lines, asked: 0 }
    }

    /// Waits until the agent is there: after each start of the board.
    pub(crate) fn wait(&self, limit: Duration) -> Result<(), String> {
        match self.next(limit)?.as_str() {
            "ready" => Ok(()),
            other => Err(format!("the board says {other:?} when it should be ready")),
        }
    }

    /// Runs a command of Bash, for `limit` at most.
    pub(crate) fn run(&mut self, command: &str, limit: Duration) -> Result<Output, String> {
        self.asked += 1;
        let question = format!("{} {} {}\n", self.asked, limit.as_secs_f64(), STANDARD.encode(command));
        self.to.write_all(question.as_bytes()).map_err(|_| "the board is off".to_owned())?;
        loop {
            let answer = self.next(limit + ANSWER_TIME)?;
            match Self::read(&answer) {
                Some((number, output)) if number == self.asked => return Ok(output),
                Some(_) => {} // to a question that was given up
                None => return Err(format!("the board answers {answer:?}")),
            }
        }
    }

    fn read(answer: &str) -> Option<(u64, Output)> {
        let (number, answer) = answer.split_once(' ')?;
        let (status, text) = answer.split_once(' ')?;
        let text = String::from_utf8_lossy(&STANDARD.decode(text).ok()?).into_owned();
        Some((number.parse().ok()?, Output { status: status.parse().ok()?, text }))
    }

    fn next(&self, limit: Duration) -> Result<String, String> {
        self.from.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("no word from the board for {} s", limit.as_secs()),
            RecvTimeoutError::Disconnected => "the board is off".to_owned(),
        })
    }
}
