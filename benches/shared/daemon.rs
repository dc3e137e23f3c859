//! The built daemon, as a process of its own.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::Result;

/// A running daemon; asked to end when dropped.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) address: SocketAddr,
    log: mpsc::Receiver<String>,
    config: PathBuf,
}

impl Daemon {
    /// Starts a daemon with motion on one camera, `door`, on a port of its own.
    pub(crate) fn start() -> Result<Self> {
        Self::start_with("[[camera]]\nname = \"door\"\n[camera.motion]\n")
    }

    pub(crate) fn start_with(cameras: &str) -> Result<Self> {
        let config = env::temp_dir().join(format!("fovea-bench-{}-{}.toml", std::process::id(), unique()));
        fs::write(&config, format!("[server]\nlisten = \"127.0.0.1:0\"\nmax_clients = 32\n{cameras}"))?;
        let mut child = on_any_core(program())
            .args(["run", "--config"])
            .arg(&config)
            .env("STATE_DIRECTORY", config.with_extension("state")) // for the certificate, with [tls]
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = BufReader::new(child.stderr.take().ok_or("no standard error")?);
        let (tells, log) = mpsc::channel();
        // To its end: a full pipe would hold the daemon up.
        thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(|line| drop(tells.send(line))));
        let address = address_behind("listening on ", &log)?;
        Ok(Self { child, address, log, config })
    }

    /// The HTTP port; the configuration must have one.
    pub(crate) fn http_address(&self) -> Result<SocketAddr> {
        address_behind(" at http://", &self.log)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

/// The built program. FOVEA names another build of it, to be compared with this one.
pub(crate) fn program() -> OsString {
    env::var_os("FOVEA").unwrap_or_else(|| env!("CARGO_BIN_EXE_fovea").into())
}

/// Runs a program. This one keeps to the first core, away from the processor's; the other may choose.
pub(crate) fn on_any_core(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", "0-1023"]).arg(program);
    command
}

fn address_behind(what: &str, log: &mpsc::Receiver<String>) -> Result<SocketAddr> {
    loop {
        if let Some((_, address)) = log.recv()?.split_once(what) {
            return Ok(address.trim().parse()?);
        }
    }
}

fn unique() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.config);
        let _ = fs::remove_dir_all(self.config.with_extension("state")); // without [tls] there is none
    }
}
