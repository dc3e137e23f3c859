//! A network in a process of its own.
//!
//! Whoever made the file decides what happens when it is read and run: an engine may take all memory, never end, or crash. So that
//! happens in another process, this very program started again ([`worker`](super::worker)), with little memory and no files, and
//! this one ends it when it takes too long. What goes between the two is in `protocol`.

pub(super) mod protocol;

use std::{
    io::{self, Read, Write},
    os::{
        fd::OwnedFd,
        unix::{
            net::UnixStream,
            process::{CommandExt, ExitStatusExt},
        },
    },
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use self::protocol::{Reply, Setup, receive, receive_all, send, send_tensor};
use super::{
    engine::Wanted,
    file::ModelFile,
    manifest::{EngineChoice, Manifest},
    tensor::Tensor,
};

/// This program, also after an update has put another in its place.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// How long opening a file may take, in times of a run: the engine also prepares the weights then.
const OPEN_FACTOR: u32 = 3;

/// The environment variable that names the library of ONNX Runtime. It is the one that others use for it.
const LIBRARY: &str = "ORT_DYLIB_PATH";

/// What systemd tells fovea and nobody else: where to report, which sockets are there, where secrets are.
const SYSTEMD_VARIABLES: [&str; 7] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "CREDENTIALS_DIRECTORY",
];

/// How long a process may take to end after it has closed the connection.
const END: Duration = Duration::from_secs(2);

/// A network that is open. Dropping it ends its process.
#[derive(Debug)]
pub struct Network {
    child: Child,
    stream: UnixStream,
    /// What it says when it crashes. Neither end waits for the other: a library that has much to say loses some of it.
    stderr: UnixStream,
    engine: String,
    open_time: Duration,
    timeout: Duration,
    max_memory_bytes: u64,
}

/// What a run gave and cost.
#[derive(Debug)]
pub struct Run {
    /// The outputs.
    pub outputs: Vec<Tensor>,
    /// How long the network took.
    pub time: Duration,
    /// The most memory that the process had so far.
    pub peak_memory_bytes: u64,
}

/// Why a network does not open or run.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// There is no process.
    #[error("cannot start a process for the network")]
    Start(#[source] io::Error),
    /// The engine says no.
    #[error("{0}")]
    Failed(String),
    /// It took too long and was ended.
    #[error("{what} takes longer than {:.1} s and was ended; the limit is timeout_ms", .limit.as_secs_f32())]
    Timeout {
        /// What took so long.
        what: &'static str,
        /// How long it might have taken.
        limit: Duration,
    },
    /// It wanted too much memory.
    #[error(
        "{what} needs more than {} MiB of memory; the limit is max_memory_bytes", .limit_bytes >> 20
    )]
    Memory {
        /// What needed so much.
        what: &'static str,
        /// How much it might have had.
        limit_bytes: u64,
    },
    /// Somebody ended it.
    #[error(
        "the process of the network was killed during {what}, most likely by the kernel because memory ran out (`journalctl -k` \
         says so): leave memory to it (MemoryMax= in the unit), or use a smaller network"
    )]
    Killed {
        /// What it did.
        what: &'static str,
    },
    /// It ended by itself.
    #[error("{what} crashes the process that does it ({status}): {said}")]
    Crashed {
        /// What it did.
        what: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// Its last line.
        said: String,
    },
    /// It said something else than expected.
    #[error("the process of the network gave no answer that fovea understands, and was ended")]
    Connection(#[source] io::Error),
}

const OPENING: &str = "opening the file";
const RUNNING: &str = "a run";

impl Network {
    /// Opens a file.
    ///
    /// # Errors
    /// If no engine opens it within the limits of the manifest.
    pub fn open(file: &ModelFile, manifest: &Manifest) -> Result<Self, NetworkError> {
        let mut has_tried_runtime = false;
        match Self::start(file, manifest, manifest.engine, &mut has_tried_runtime) {
            // Whatever ONNX Runtime has against it, the one that is built in has opened it.
            // Its library may also crash when it is loaded, before that: on a core without instructions that it uses.
            Err(error)
                if manifest.engine == EngineChoice::Auto
                    && (has_tried_runtime || matches!(error, NetworkError::Crashed { .. })) =>
            {
                Self::start(file, manifest, EngineChoice::Rten, &mut has_tried_runtime)
            }
            opened => opened,
        }
    }

    fn start(
        file: &ModelFile,
        manifest: &Manifest,
        engine: EngineChoice,
        has_tried_runtime: &mut bool,
    ) -> Result<Self, NetworkError> {
        let (ours, theirs) = UnixStream::pair().map_err(NetworkError::Start)?;
        let (stderr, their_stderr) = UnixStream::pair().map_err(NetworkError::Start)?;
        for end in [&stderr, &their_stderr] {
            end.set_nonblocking(true).map_err(NetworkError::Start)?;
        }
        let child = {
            // Dropped with its end of the connection: otherwise this process would never hear that the other one ended.
            let mut command = Command::new(THIS_PROGRAM);
            command.arg0("fovea").args(["model", "worker"]);
            SYSTEMD_VARIABLES.iter().for_each(|variable| _ = command.env_remove(variable));
            command
                .env("RTEN_NUM_THREADS", "1") // also of what rten calculates while it opens a file
                .env("RUST_BACKTRACE", "0") // then the last line of a crash says why
                .stdin(OwnedFd::from(theirs))
                .stdout(Stdio::null())
                .stderr(OwnedFd::from(their_stderr))
                .spawn()
                .map_err(NetworkError::Start)?
        };
        let Manifest { timeout, max_memory_bytes, .. } = *manifest;
        let mut network = Self {
            child,
            stream: ours,
            stderr,
            engine: String::new(),
            open_time: Duration::ZERO,
            timeout,
            max_memory_bytes,
        };
        let library = std::env::var(LIBRARY).ok();
        let setup = Setup {
            wanted: Wanted { engine: engine.into(), library },
            max_memory_bytes,
            file_bytes: file.bytes.len() as u64,
        };
        let started = Instant::now();
        let limit = timeout.saturating_mul(OPEN_FACTOR);
        let answer = network.exchange(limit, |stream| {
            send(stream, &setup)?;
            stream.write_all(&file.bytes)?;
            match receive(stream)? {
                Reply::Trying => {
                    *has_tried_runtime = true;
                    receive(stream)
                }
                reply => Ok(reply),
            }
        });
        match answer {
            Ok(Reply::Opened { engine }) => {
                network.engine = engine;
                network.open_time = started.elapsed();
                Ok(network)
            }
            other => Err(network.error(OPENING, limit, other)),
        }
    }

    /// Which engine has it.
    #[must_use]
    pub fn engine(&self) -> &str {
        &self.engine
    }

    /// How long it took to open, its process included.
    #[must_use]
    pub fn open_time(&self) -> Duration {
        self.open_time
    }

    /// Puts a picture in. Blocks until the network has seen it, at most for the manifest's time.
    ///
    /// # Errors
    /// If the network fails or takes too long. It may have ended then: open it again.
    pub fn run(&mut self, input: &Tensor) -> Result<Run, NetworkError> {
        self.run_within(input, self.timeout)
    }

    /// The same with another limit of time.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_within(&mut self, input: &Tensor, limit: Duration) -> Result<Run, NetworkError> {
        let answer = self.exchange(limit, |stream| {
            send_tensor(stream, input)?;
            match receive(stream)? {
                Reply::Ran { outputs, run_us, peak_memory_bytes } => {
                    let outputs = receive_all(stream, outputs)?;
                    Ok(Ok(Run { outputs, time: Duration::from_micros(run_us), peak_memory_bytes }))
                }
                other => Ok(Err(other)),
            }
        });
        match answer {
            Ok(Ok(run)) => {
                self.read_stderr(); // so that there is room for what matters
                Ok(run)
            }
            Ok(Err(reply)) => Err(self.error(RUNNING, limit, Ok(reply))),
            Err(error) => Err(self.error(RUNNING, limit, Err(error))),
        }
    }

    fn exchange<T>(&mut self, limit: Duration, talk: impl FnOnce(&mut Timed<'_>) -> io::Result<T>) -> io::Result<T> {
        talk(&mut Timed { stream: &self.stream, until: Instant::now() + limit })
    }

    /// Why there is no answer. Unless the engine gave the reason, the process has ended or is ended here.
    fn error(&mut self, what: &'static str, limit: Duration, answer: io::Result<Reply>) -> NetworkError {
        let error = match answer {
            Ok(Reply::Failed { reason }) => return NetworkError::Failed(reason),
            Ok(_) => io::Error::other("the answer is to another question"),
            Err(error) => error,
        };
        // Only a process that ends by itself has more to say: what it sent so far may be half of something.
        let ended = is_closed(&error).then(|| self.wait(END)).flatten();
        let _ = self.child.kill();
        let Some(status) = ended else {
            return match error.kind() {
                io::ErrorKind::TimedOut => NetworkError::Timeout { what, limit },
                _ => NetworkError::Connection(error),
            };
        };
        let said = self.read_stderr();
        let said = String::from_utf8_lossy(&said);
        if said.contains("memory allocation of") || said.contains("bad_alloc") {
            return NetworkError::Memory { what, limit_bytes: self.max_memory_bytes };
        }
        if status.signal() == Some(Signal::SIGKILL as i32) {
            return NetworkError::Killed { what };
        }
        let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("note:"));
        let last = lines.next_back().unwrap_or("it said nothing");
        NetworkError::Crashed { what, status, said: last.chars().take(300).collect() }
    }

    /// The end of what it has said since the last time.
    fn read_stderr(&mut self) -> Vec<u8> {
        let (mut said, mut piece) = (Vec::new(), [0; MAX_STDERR_BYTES]);
        while let Ok(length @ 1..) = self.stderr.read(&mut piece) {
            said.extend_from_slice(&piece[..length]);
            said.drain(..said.len().saturating_sub(MAX_STDERR_BYTES));
        }
        said
    }

    /// How the process ended, if it does so in this time.
    fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(1)),
                ended => return ended.ok().flatten(),
            }
        }
    }
}

/// Whether the other end is gone, and not only silent or talking nonsense.
fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | BrokenPipe | ConnectionReset)
}

/// What is kept of what it says.
const MAX_STDERR_BYTES: usize = 8 << 10;

impl Drop for Network {
    fn drop(&mut self) {
        // It has nothing to put away. If it has ended already, it only waits to be asked how.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The connection, until a point in time.
struct Timed<'s> {
    stream: &'s UnixStream,
    until: Instant,
}

impl Timed<'_> {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// A time-out of the socket is told as one.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        (&*self.stream).read(bytes).map_err(timed_out)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        (&*self.stream).write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
