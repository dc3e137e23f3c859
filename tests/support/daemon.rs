//! A running `fovea run`: its address, its log, its process.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{self, Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Instant,
};

use nix::{
    sys::{
        ptrace,
        signal::{Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};
use parking_lot::{Condvar, Mutex};

use super::{LIMIT, eventually};

/// One camera called door, with motion.
pub(crate) const DOOR: &str = "[[camera]]\nname = \"door\"\n[camera.motion]\n";

/// The HTTP port, any free one.
pub(crate) const HTTP: &str = "[http]\nlisten = \"127.0.0.1:0\"\n";

/// A port of this machine, whichever is free.
const ANY_PORT: &str = "server.listen = \"127.0.0.1:0\"\n";

/// The daemon. Dropped while a test fails, it prints how it was started and what it said.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    file: PathBuf,
    log: Arc<Log>,
    address: Option<SocketAddr>,
}

/// How a daemon ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) log: String,
}

/// A thread of the daemon that does not run until this is dropped.
///
/// Stopped from outside, as a debugger does it, wherever it just is: so the daemon needs no switch for tests. Only the
/// thread that stopped it can let it go.
#[derive(Debug)]
pub(crate) struct Stopped(Pid);

/// A thread, as /proc shows it.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) id: i32,
    pub(crate) name: String,
    /// The cores it may run on.
    pub(crate) cores: Vec<usize>,
}

/// The summary of a camera at the end, and the refusals by cause.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) published: u64,
    pub(crate) taken: u64,
    pub(crate) superseded: u64,
    pub(crate) waiting: u64,
    pub(crate) refused: u64,
    pub(crate) causes: BTreeMap<String, u64>,
}

/// What a process says on standard error, while it says it.
#[derive(Debug, Default)]
struct Log {
    said: Mutex<Said>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Said {
    lines: Vec<String>,
    is_over: bool,
}

impl Daemon {
    /// Starts the daemon on a free port; it listens when this returns. `config` begins with `server.` keys, if any.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_as(config, |command| command)
    }

    /// Starts the daemon on a free port, in a way that `prepare` makes of the usual one.
    pub(crate) fn start_as(config: &str, prepare: impl FnOnce(Command) -> Command) -> Self {
        let mut daemon = Self::launch_as(&format!("{ANY_PORT}{config}"), prepare);
        let line = daemon.wait_for_line("listening on ");
        let address = line.rsplit(' ').next().expect("there is a space in it");
        daemon.address = Some(address.parse().unwrap_or_else(|error| panic!("{line}: {error}")));
        daemon
    }

    /// Starts the daemon with `config` as it is; it may fail to.
    pub(crate) fn launch(config: &str) -> Self {
        Self::launch_as(config, |command| command)
    }

    /// The same, in a way that `prepare` makes of the usual one.
    pub(crate) fn launch_as(config: &str, prepare: impl FnOnce(Command) -> Command) -> Self {
        let file = Self::config_file();
        fs::write(&file, config).expect("the target folder can be written");
        Self::spawn(file, prepare)
    }

    /// A name of its own for each configuration.
    fn config_file() -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("daemon-{}-{}.toml", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
    }

    /// Starts the daemon with a file that may not be there.
    pub(crate) fn launch_with_file(file: impl Into<PathBuf>) -> Self {
        Self::spawn(file.into(), |command| command)
    }

    fn spawn(file: PathBuf, prepare: impl FnOnce(Command) -> Command) -> Self {
        let mut command = Command::new(program());
        command.args(["run", "--config"]).arg(&file).env_remove("JOURNAL_STREAM");
        command.stdin(Stdio::null());
        let mut child = prepare(command).stderr(Stdio::piped()).spawn().expect("fovea starts");
        let log = Arc::new(Log::default());
        thread::spawn({
            let (log, stderr) = (log.clone(), child.stderr.take().expect("it is piped"));
            move || log.listen(stderr)
        });
        Self { child, file, log, address: None }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("it listens")
    }

    /// Where people and monitoring look; the configuration must have [`HTTP`].
    pub(crate) fn http_address(&self) -> SocketAddr {
        let line = self.wait_for_line(" at http://");
        let (_, address) = line.split_once("http://").expect("it was found by it");
        address.parse().unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    /// The configuration file's path, as the daemon was given it.
    pub(crate) fn config_path(&self) -> &str {
        self.file.to_str().expect("the target folder has a name in UTF-8")
    }

    /// Waits for a line in the log that contains `text`.
    pub(crate) fn wait_for_line(&self, text: &str) -> String {
        self.log.wait_for(|said| said.lines.iter().find(|line| line.contains(text)).cloned(), text)
    }

    /// Puts another configuration into its file, which is there whole at any time. It begins with `server.` keys, if any.
    pub(crate) fn rewrite(&self, config: &str) {
        self.rewrite_whole(&format!("{ANY_PORT}{config}"));
    }

    fn rewrite_whole(&self, config: &str) {
        let new = self.file.with_extension("new");
        fs::write(&new, config).and_then(|()| fs::rename(&new, &self.file)).expect("the target folder can be written");
    }

    /// Takes its configuration file away.
    pub(crate) fn remove_config(&self) {
        fs::remove_file(&self.file).expect("it is there");
    }

    /// Has it read another configuration, and waits until it says so with `end` once more.
    pub(crate) fn reload(&self, config: &str, end: &str) {
        self.reload_whole(&format!("{ANY_PORT}{config}"), end);
    }

    /// The same, with the whole configuration given.
    pub(crate) fn reload_whole(&self, config: &str, end: &str) {
        let count = |said: &Said| said.lines.iter().filter(|line| line.contains(end)).count();
        let before = count(&self.log.said.lock());
        self.rewrite_whole(config);
        self.signal(Signal::SIGHUP);
        self.log.wait_for(|said| (count(said) > before).then_some(()), end);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it is our child and not waited for yet");
    }

    /// Asks it to stop, and waits for its end.
    pub(crate) fn stop(&mut self) -> End {
        self.stop_by(Signal::SIGTERM)
    }

    pub(crate) fn stop_by(&mut self, signal: Signal) -> End {
        self.signal(signal);
        self.end()
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> End {
        // Its standard error ends with it.
        let log = self.log.wait_for(|said| said.is_over.then(|| said.lines.join("\n")), "the end of the process");
        let status: ExitStatus = self.child.wait().expect("it is our child");
        End { code: status.code(), signal: status.signal(), log }
    }

    /// A number in /proc/PID/status: kilobytes for memory.
    pub(crate) fn status(&self, key: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(&format!("{key}:"))).expect("the kernel tells it");
        line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number follows")
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    /// Lets it open no more than `count` descriptors from now on. A later call may allow more again.
    pub(crate) fn limit_descriptors(&self, count: usize) {
        self.limit(&format!("--nofile={count}:"));
    }

    /// Limits what it may have, by an option of `prlimit`.
    pub(crate) fn limit(&self, option: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("prlimit").args(["--pid", &id, option]).status();
        assert!(status.is_ok_and(|status| status.success()), "prlimit of util-linux is there");
    }

    /// Its threads. One that ends meanwhile may be missing.
    pub(crate) fn tasks(&self) -> Vec<Task> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs");
        let statuses = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok());
        statuses.map(|status| Task::of(&status)).collect()
    }

    /// Stops its thread of this name.
    pub(crate) fn stop_thread(&self, name: &str) -> Stopped {
        // A thread gives itself its name, when it gets to run.
        let mut found = None;
        eventually("it has such a thread", || {
            found = self.tasks().into_iter().find(|task| task.name == name);
            found.is_some()
        });
        let thread = Pid::from_raw(found.expect("just seen").id);
        ptrace::seize(thread, ptrace::Options::empty()).expect("it is our child's");
        ptrace::interrupt(thread).expect("it runs");
        waitpid(thread, Some(WaitPidFlag::__WALL)).expect("it stops");
        Stopped(thread)
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for Daemon {
    #[expect(clippy::print_stderr, reason = "the test harness shows it with the failure")]
    fn drop(&mut self) {
        if thread::panicking() {
            let said = self.log.said.lock().lines.join("\n");
            let config = fs::read_to_string(&self.file).unwrap_or_else(|error| error.to_string());
            eprintln!("--- fovea run --config {}", self.file.display());
            eprintln!("--- with\n{config}\n--- said\n{said}\n---");
        }
        // It is over already if the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.file);
    }
}

impl End {
    /// What the log says at the end of a camera's frames.
    pub(crate) fn summary(&self, camera: &str) -> Summary {
        let start = format!("{camera}: ");
        let line = self.log.lines().find(|line| line.contains(&start) && line.contains(" frames published, "));
        let line = line.unwrap_or_else(|| panic!("no summary of {camera} in\n{}", self.log));
        let (_, text) = line.split_once(&start).expect("it was found by it");
        let (counts, causes) = text.split_once(" (").unwrap_or((text, ")"));
        let mut numbers = counts.split([' ', ',', ';']).filter_map(|word| word.parse().ok());
        let mut next = || numbers.next().unwrap_or_else(|| panic!("too few numbers in {line}"));
        let (published, taken, superseded, waiting, refused) = (next(), next(), next(), next(), next());
        let causes = causes.trim_end_matches(')').split(", ").filter_map(|cause| cause.split_once(' '));
        let causes = causes.map(|(cause, count)| (cause.to_owned(), count.parse().expect("a number"))).collect();
        Summary { published, taken, superseded, waiting, refused, causes }
    }

    /// The lines of the log that contain `text`.
    pub(crate) fn lines_with(&self, text: &str) -> usize {
        self.log.lines().filter(|line| line.contains(text)).count()
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have been killed meanwhile.
        let _ = ptrace::detach(self.0, None);
    }
}

impl Task {
    /// The thread of a `/proc/PID/task/ID/status`.
    pub(crate) fn of(status: &str) -> Self {
        let value = |key| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("the kernel tells it");
            line.trim_start_matches(':').trim()
        };
        let id = value("Pid").parse().expect("the kernel writes numbers");
        Self { id, name: value("Name").to_owned(), cores: cores(value("Cpus_allowed_list")) }
    }
}

/// The program: FOVEA names another build of it than the tests' own, as for the benchmarks.
pub(crate) fn program() -> OsString {
    env::var_os("FOVEA").unwrap_or_else(|| env!("CARGO_BIN_EXE_fovea").into())
}

/// The cores that the tests may run on, and so the daemon.
pub(crate) fn own_cores() -> Vec<usize> {
    Task::of(&fs::read_to_string("/proc/self/status").expect("Linux has it")).cores
}

/// `0-2,5` as numbers.
fn cores(list: &str) -> Vec<usize> {
    let number = |text: &str| text.parse::<usize>().expect("the kernel writes numbers");
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        number(first)..=number(last)
    };
    list.split(',').flat_map(range).collect()
}

impl Log {
    fn listen(&self, stderr: ChildStderr) {
        for line in BufReader::new(stderr).lines() {
            self.said.lock().lines.push(line.expect("fovea writes UTF-8"));
            self.news.notify_all();
        }
        self.said.lock().is_over = true;
        self.news.notify_all();
    }

    fn wait_for<T>(&self, look: impl Fn(&Said) -> Option<T>, what: &str) -> T {
        let until = Instant::now() + LIMIT;
        let mut said = self.said.lock();
        loop {
            if let Some(found) = look(&said) {
                return found;
            }
            assert!(!said.is_over, "fovea ended without: {what}");
            assert!(!self.news.wait_until(&mut said, until).timed_out(), "not within {LIMIT:?}: {what}");
        }
    }
}
