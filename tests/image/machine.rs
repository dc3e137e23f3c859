//! An emulated machine that starts from a card: its process, its ports, and a way in for whoever has the key.

use std::{
    env, fs,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{self, Child, Command, Output, Stdio},
    sync::{
        LazyLock,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use super::card::Card;

/// Which machine, by the name that `tests/image/boot` knows it by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Efi,
    UBoot,
    RaspberryPi3b,
}

/// A running machine. Dropping it pulls the plug; while a test fails, it shows its console.
#[derive(Debug)]
pub(crate) struct Machine {
    process: Child,
    ssh_port: u16,
    address: SocketAddr,
    console: PathBuf,
    began: Instant,
}

/// A machine that is slowed down. Drop this first: the number of a process that is gone may be another's.
#[derive(Debug)]
pub(crate) struct Slowed {
    over: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How long a slowed machine runs at a time.
const SLICE: Duration = Duration::from_millis(50);

/// How long a machine may take to be up before it counts as broken. A few are emulated at a time, on few cores.
const BOOT_LIMIT: Duration = Duration::from_secs(900);

/// How long a command, or a condition that is waited for, may take unless the scenario says more.
const COMMAND_LIMIT: Duration = Duration::from_secs(300);

/// With the name of one of the image's scripts behind it, runs that anew as it is run before systemd.
pub(crate) const AS_AT_THE_START: &str = "LIB=/usr/lib/fovea-image RUN=/run/fovea-image /usr/lib/fovea-image/";

/// Says the number of a boot.
const BOOT: &str = "cat /proc/sys/kernel/random/boot_id";

/// How `ssh` is told that every machine is new to us, and that nobody is there to be asked.
const TO_STRANGERS: [&str; 8] =
    ["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Efi => "efi",
            Self::UBoot => "u-boot",
            Self::RaspberryPi3b => "raspberry-pi-3b",
        }
    }
}

impl Machine {
    /// Switches a machine on.
    pub(crate) fn start(kind: Kind, card: &Card) -> Self {
        Self::start_as(kind, card, |_| {})
    }

    /// The same, in a way that `prepare` makes of the usual one: with more options, or other variables.
    pub(crate) fn start_as(kind: Kind, card: &Card, prepare: impl FnOnce(&mut Command)) -> Self {
        let console = with_end(card.path(), ".console");
        // What another run left there is not this machine's.
        let _ = fs::remove_file(&console);
        // The ports may be taken before the emulator takes them. It ends then, and says why.
        let [ssh, port] = free_ports();
        let mut command = Command::new("tests/image/boot");
        command.arg(kind.name()).arg(card.path()).args([ssh.to_string(), port.to_string()]).arg(&console);
        prepare(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::null()); // what comes out is in the file, too
        let process = command.spawn().expect("tests/image/boot can be run");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { process, ssh_port: ssh, address, console, began: Instant::now() }
    }

    /// Where its port 8999 is to be found from here.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long ago it was switched on.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Waits until fovea answers, seen from here.
    pub(crate) fn wait_until_it_answers(&mut self) {
        self.wait_until("fovea answers", Self::answers);
    }

    /// Waits until whoever has the key can come in, and everything that starts with the machine has started.
    pub(crate) fn wait_until_it_is_up(&mut self) {
        self.wait_until("it lets the owner in", |machine| {
            machine.ssh("true", Duration::from_secs(60)).is_some_and(|output| output.status.success())
        });
        // It fails when something did not start, which is for the scenario to judge.
        let _ = self.run_within("systemctl is-system-running --wait", BOOT_LIMIT);
    }

    /// What a command says, given to the shell that listens at the serial console. One line.
    pub(crate) fn ask_at_console(&mut self, command: &str) -> String {
        const MARK: &str = "ANSWER:";
        let (one, other) = MARK.split_at(3); // what is typed is shown too, and should not be taken for the answer
        let known = self.console().len();
        let line = format!("printf '%s%s%s.\\n' {one} {other} \"$({command})\"\n");
        self.process.stdin.as_mut().expect("piped").write_all(line.as_bytes()).expect("the emulator reads it");
        let until = Instant::now() + COMMAND_LIMIT;
        loop {
            let console = self.console();
            let answer =
                console.get(known..).and_then(|new| new.split_once(MARK)).and_then(|(_, rest)| rest.split_once(".\r"));
            if let Some((answer, _)) = answer {
                return answer.to_owned();
            }
            assert!(Instant::now() < until, "not within {} s, at the console: {command}", COMMAND_LIMIT.as_secs());
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until the console has said this.
    pub(crate) fn wait_for_console(&mut self, text: &str) {
        self.wait_until(text, |machine| machine.console().contains(text));
    }

    /// How often the console has said this since the machine was switched on.
    pub(crate) fn said(&self, text: &str) -> usize {
        self.console().matches(text).count()
    }

    /// Makes it so many times slower, until the returned value is dropped: it runs for a slice of time and stands still for the
    /// others. Its clock goes on meanwhile, so for what runs in it the processor is slow.
    pub(crate) fn slow_down(&self, times: u32) -> Slowed {
        let process = Pid::from_raw(self.process.id().cast_signed());
        let (over, is_over) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            for (signal, slices) in [(Signal::SIGSTOP, times - 1), (Signal::SIGCONT, 1)].into_iter().cycle() {
                // It may have ended, which whoever waits for it sees.
                let _ = signal::kill(process, signal);
                if is_over.recv_timeout(slices * SLICE) == Err(RecvTimeoutError::Disconnected) {
                    break;
                }
            }
            let _ = signal::kill(process, Signal::SIGCONT);
        });
        Slowed { over: Some(over), thread: Some(thread) }
    }

    fn console(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.console).unwrap_or_default()).into_owned()
    }

    /// The number of this boot. Each has another.
    pub(crate) fn boot(&self) -> String {
        self.ask(BOOT)
    }

    /// Waits until the machine runs which does not have the boot's number `before`.
    pub(crate) fn wait_until_another_boot(&mut self, before: &str) {
        // It leads nowhere soon. Whoever has it open finds out by himself.
        let _ = fs::remove_file(self.way_in());
        self.wait_until("another boot", |machine| {
            let output = machine.ssh(BOOT, Duration::from_secs(60));
            output.is_some_and(|output| {
                output.status.success() && String::from_utf8_lossy(&output.stdout).trim() != before
            })
        });
        let _ = self.run_within("systemctl is-system-running --wait", BOOT_LIMIT);
    }

    /// Waits until a command succeeds.
    pub(crate) fn wait_for(&mut self, command: &str) {
        let until = Instant::now() + COMMAND_LIMIT;
        while !self.run_within(command, COMMAND_LIMIT).status.success() {
            assert!(Instant::now() < until, "not within {} s: {command}", COMMAND_LIMIT.as_secs());
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Waits until it has switched itself off.
    pub(crate) fn wait_for_its_end(&mut self) {
        let until = Instant::now() + BOOT_LIMIT;
        while self.process.try_wait().expect("it is our child").is_none() {
            assert!(Instant::now() < until, "it is still on after {} s", BOOT_LIMIT.as_secs());
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until something holds.
    pub(crate) fn wait_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let until = Instant::now() + BOOT_LIMIT;
        while !holds(self) {
            if let Ok(Some(status)) = self.process.try_wait() {
                panic!("the emulator has ended: {status}");
            }
            assert!(Instant::now() < until, "not within {} s: {what}", BOOT_LIMIT.as_secs());
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// The emulator takes every connection, and drops it when nobody on the board does.
    fn answers(&self) -> bool {
        let ask = || {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: board\r\n\r\n")?;
            let mut start = [0; 8];
            stream.read_exact(&mut start)?;
            Ok::<_, std::io::Error>(start)
        };
        match ask() {
            Ok(start) => &start == b"HTTP/1.1",
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::PermissionDenied, "{error}");
                false
            }
        }
    }

    /// What a command of Bash says, which must succeed. Without white space around it.
    pub(crate) fn ask(&self, command: &str) -> String {
        let output = self.run_within(command, COMMAND_LIMIT);
        let text = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}\n{text}{error}");
        text.trim().to_owned()
    }

    /// What a command says, whether it succeeds or not.
    pub(crate) fn hear(&self, command: &str) -> String {
        String::from_utf8_lossy(&self.run_within(command, COMMAND_LIMIT).stdout).trim().to_owned()
    }

    pub(crate) fn run_within(&self, command: &str, limit: Duration) -> Output {
        self.ssh(command, limit).unwrap_or_else(|| panic!("not within {} s: {command}", COMMAND_LIMIT.as_secs()))
    }

    /// Nothing if it took longer.
    fn ssh(&self, command: &str, limit: Duration) -> Option<Output> {
        let output = Command::new("timeout")
            .arg(limit.as_secs().to_string())
            .args(["ssh", "-q"])
            .args(TO_STRANGERS)
            .args(["-o", "IdentitiesOnly=yes", "-o", "ServerAliveInterval=30"])
            // To be let in takes a board seconds: the next commands go the same way. It ends with the machine.
            .args(["-o", "ControlMaster=auto", "-o", "ControlPersist=yes", "-o"])
            .arg(format!("ControlPath={}", self.way_in().display()))
            .arg("-i")
            .arg(key())
            .args(["-p", &self.ssh_port.to_string(), "root@127.0.0.1", command])
            .output()
            .expect("ssh is installed");
        (output.status.code() != Some(124)).then_some(output)
    }

    /// The socket of the first `ssh` that was let in. Its path has to be short.
    fn way_in(&self) -> PathBuf {
        env::temp_dir().join(format!("fovea-{}-{}", process::id(), self.ssh_port))
    }

    /// Whether somebody without the key is let in, who would give a password if asked.
    pub(crate) fn offers_passwords(&self) -> bool {
        let output = Command::new("ssh")
            .args(TO_STRANGERS)
            .args(["-o", "LogLevel=INFO", "-o", "PubkeyAuthentication=no"])
            .args(["-p", &self.ssh_port.to_string(), "root@127.0.0.1", "true"])
            .output()
            .expect("ssh is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("Permission denied ("), "{said}");
        said.contains("password") || said.contains("keyboard-interactive")
    }

    /// Whether whoever has the key reaches the board's own ports through it.
    pub(crate) fn forwards(&self) -> bool {
        let output = Command::new("timeout")
            .args(["60", "ssh", "-q"])
            .args(TO_STRANGERS)
            .args(["-o", "ControlPath=none", "-i"])
            .arg(key())
            .args(["-p", &self.ssh_port.to_string(), "-W", "127.0.0.1:8999", "root@127.0.0.1"])
            .stdin(Stdio::null())
            .output()
            .expect("ssh is installed");
        output.status.success()
    }

    /// Pulls the plug.
    pub(crate) fn cut_power(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Says something beside the scenario's name, such as what was measured.
    #[expect(clippy::print_stderr, reason = "it goes to whoever waits for the tests")]
    pub(crate) fn note(&self, text: &str) {
        eprintln!("{}: {text}", self.console.file_stem().unwrap_or_default().to_string_lossy());
    }
}

impl Drop for Slowed {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it cannot panic
        }
    }
}

impl Drop for Machine {
    #[expect(clippy::print_stderr, reason = "there is no other way to whoever waits for the tests")]
    fn drop(&mut self) {
        self.cut_power();
        if thread::panicking() {
            let console = self.console();
            let lines: Vec<_> = console.lines().collect();
            eprintln!("--- the end of the console, {}", self.console.display());
            eprintln!("{}\n---", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

fn free_ports() -> [u16; 2] {
    // Both are held until both are known.
    [(), ()]
        .map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("this machine has a free port"))
        .map(|socket| socket.local_addr().expect("it is bound").port())
}

/// The owner's key, made anew for each run of the tests.
fn key() -> &'static Path {
    static KEY: LazyLock<PathBuf> = LazyLock::new(|| {
        let key = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("image-key-{}", process::id()));
        for old in [key.clone(), with_end(&key, ".pub")] {
            // Mostly not there.
            let _ = fs::remove_file(old);
        }
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
        assert!(made.is_ok_and(|status| status.success()), "ssh-keygen is installed");
        key
    });
    &KEY
}

/// What the owner puts on the card.
pub(crate) fn public_key() -> String {
    fs::read_to_string(with_end(key(), ".pub")).expect("it was made together with the key")
}
