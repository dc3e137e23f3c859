//! What stands in for systemd: the socket that a service reports to, and a port that it is started with.

use std::{
    fs,
    net::TcpListener,
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    path::PathBuf,
    process::{self, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

use super::LIMIT;

/// The socket named by `NOTIFY_SOCKET`.
#[derive(Debug)]
pub(crate) struct Notified {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Notified {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // Not in the target folder: the address of a socket has room for 108 bytes.
        let name = format!("fovea-test-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        let socket = UnixDatagram::bind(&path).expect("nobody else has this name");
        socket.set_read_timeout(Some(LIMIT)).expect("not zero");
        Self { socket, path }
    }

    /// Has the command report here.
    pub(crate) fn hear(&self, mut command: Command) -> Command {
        command.env("NOTIFY_SOCKET", &self.path);
        command
    }

    /// The next message: `READY=1`, or several in as many lines.
    pub(crate) fn next(&self) -> String {
        self.receive().unwrap_or_else(|| panic!("no message within {LIMIT:?}"))
    }

    /// The next message that begins like this; others are passed over.
    pub(crate) fn next_of(&self, start: &str) -> String {
        let until = Instant::now() + LIMIT;
        loop {
            let message = self.next();
            if message.starts_with(start) {
                return message;
            }
            assert!(Instant::now() < until, "not within {LIMIT:?}: {start}");
        }
    }

    /// Everything said and not heard yet.
    pub(crate) fn rest(&self) -> Vec<String> {
        self.socket.set_nonblocking(true).expect("a socket");
        let rest = std::iter::from_fn(|| self.receive()).collect();
        self.socket.set_nonblocking(false).expect("a socket");
        rest
    }

    /// Says something itself until no more goes in: from now on it does not listen.
    pub(crate) fn stuff(&self) {
        let speaker = UnixDatagram::unbound().expect("a socket");
        speaker.set_nonblocking(true).expect("a socket");
        while speaker.send_to(b"", &self.path).is_ok() {}
    }

    fn receive(&self) -> Option<String> {
        let mut bytes = [0; 4096];
        let count = self.socket.recv(&mut bytes).ok()?;
        let text = std::str::from_utf8(&bytes[..count]).expect("fovea writes UTF-8");
        Some(text.trim_end().to_owned())
    }
}

impl Drop for Notified {
    fn drop(&mut self) {
        // It may be gone already, and is in nobody's way.
        let _ = fs::remove_file(&self.path);
    }
}

/// Has the command start with an open socket, as its descriptor 3; `count` says how many there are.
pub(crate) fn hand_over(socket: impl Into<OwnedFd>, count: u32, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    // `exec` keeps the process id.
    let script = format!("exec 3<&0 4<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS={count} exec \"$@\"");
    shell.args(["-c", &script, "sh"]).arg(command.get_program()).args(command.get_args());
    shell.env_remove("JOURNAL_STREAM").stdin(Stdio::from(socket.into()));
    shell
}

/// A port of this machine, open.
pub(crate) fn open_port(address: &str) -> TcpListener {
    TcpListener::bind((address, 0)).expect("there is a free port")
}
