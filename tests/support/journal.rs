//! A journal of the tests' own: what a command tells it, entry by entry.

use std::process::Command;

use serde_json::Value;

/// Root in a namespace of its own, with an empty /run.
const ALONE: [&str; 5] = ["--mount", "--map-root-user", "sh", "-c", "mount -t tmpfs none /run && exec \"$0\" \"$@\""];

/// What a command told the journal before it ended by itself or was asked to, after its first entry.
#[derive(Debug)]
pub(crate) struct Journal {
    entries: Vec<Value>,
    /// What it told standard error instead.
    pub(crate) stderr: String,
}

impl Journal {
    /// Runs the command with its standard error being a journal; `None`, and told so, where that cannot be done.
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
        let printed = alone.output().expect("unshare was there a moment ago").stdout;
        let printed = String::from_utf8(printed).expect("the script writes UTF-8");
        let mut entries: Vec<Value> = printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let stderr = entries.pop().and_then(|last| last["stderr"].as_str().map(ToOwned::to_owned));
        Some(Self { entries, stderr: stderr.unwrap_or_else(|| panic!("the script failed:\n{printed}")) })
    }

    /// The first entry whose message contains `text`.
    pub(crate) fn find(&self, text: &str) -> &Value {
        let is_it = |entry: &&Value| entry["MESSAGE"].as_str().is_some_and(|message| message.contains(text));
        self.entries.iter().find(is_it).unwrap_or_else(|| panic!("no {text:?} in {self:#?}"))
    }
}
