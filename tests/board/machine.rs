//! The emulated board: its process, its commands, what it says when something fails.

use std::{
    env,
    ffi::OsStr,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::shell::{Output, Shell};
use crate::support::boards::CONFIG;

/// A running board. Dropping it pulls the plug.
#[derive(Debug)]
pub(crate) struct Board {
    process: Child,
    shell: Shell,
    address: SocketAddr,
    packages: PathBuf,
    console: PathBuf,
    usb_socket: PathBuf,
    boot_time: Duration,
    /// When the scenario must be over.
    until: Instant,
    last: Option<(String, Result<Output, String>)>,
}

/// How long the board may take to boot before it counts as broken. On two idle cores it takes 20 s.
const BOOT_LIMIT: Duration = Duration::from_secs(600);

/// How long a command, or a condition that is waited for, may take unless the scenario says more.
const COMMAND_LIMIT: Duration = Duration::from_secs(180);

/// How long a scenario may take, however slow the machine.
const SCENARIO_LIMIT: Duration = Duration::from_secs(1200);

/// How long is waited for a broken board's journal.
const EVIDENCE_LIMIT: Duration = Duration::from_secs(60);

/// Succeeds, on the board, when fovea answers there.
pub(crate) const ANSWERS: &str = r#"
(
    exec 4<>/dev/tcp/127.0.0.1/8999 &&
    printf '%s\r\n' 'GET /results HTTP/1.1' 'Host: board' 'Connection: Upgrade' 'Upgrade: websocket' \
        'Sec-WebSocket-Version: 13' 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' '' >&4 &&
    read -r -t 10 line <&4 && [[ $line == 'HTTP/1.1 101 '* ]]
) 2>/dev/null
"#;

/// Prints, on the board, the number of fovea's process.
pub(crate) const PROCESS: &str = "systemctl show --property MainPID --value fovea";

/// Where a configuration goes.
pub(crate) const CONFIG_FILE: &str = "/etc/fovea/fovea.toml";

impl Board {
    /// Boots a board, of which all services are up when this returns.
    pub(crate) fn boot() -> Self {
        let image = Command::new("tests/board/root").stdout(Stdio::null()).status();
        assert!(image.is_ok_and(|status| status.success()), "tests/board/root makes what the board boots from");

        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let (packages, console) = (packages(&folder), folder.join("board-console"));
        // The port may be taken before the emulator takes it. It ends then, and says why.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
        let address = port.expect("this machine has a free port");
        let began = Instant::now();
        // In a folder with a short name, as that of a socket may have a hundred bytes.
        let usb_socket = env::temp_dir().join(format!("fovea-board-{}", std::process::id()));
        let mut process = Command::new("tests/board/boot")
            .arg(address.port().to_string())
            .args([&packages, &console, &usb_socket])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tests/board/boot can be run");
        let (to, from) = (process.stdin.take().expect("piped"), process.stdout.take().expect("piped"));
        let shell = Shell::new(to, from);
        let until = began + BOOT_LIMIT;
        let mut board = Self {
            process,
            shell,
            address,
            packages,
            console,
            usb_socket,
            boot_time: Duration::ZERO,
            until,
            last: None,
        };
        board.wait_for_boot();
        board.boot_time = began.elapsed();
        board
    }

    /// Waits until the board, which is booting, is up.
    pub(crate) fn wait_for_boot(&mut self) {
        if let Err(error) = self.shell.wait(self.time_left().min(BOOT_LIMIT)) {
            self.show_evidence();
            panic!("it does not boot: {error}");
        }
        self.run_within(BOOT_LIMIT, "systemctl is-system-running --wait");
    }

    /// From the start of the emulator to the end of the last job of systemd.
    pub(crate) fn boot_time(&self) -> Duration {
        self.boot_time
    }

    /// Where its port 8999 is to be found from here.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder here that is `/packages` on the board.
    pub(crate) fn packages(&self) -> &Path {
        &self.packages
    }

    /// Who connects to this socket is a USB device of the board.
    pub(crate) fn usb_socket(&self) -> &Path {
        &self.usb_socket
    }

    /// Begins a scenario. After [`SCENARIO_LIMIT`] every command fails it.
    pub(crate) fn begin_scenario(&mut self) {
        self.until = Instant::now() + SCENARIO_LIMIT;
        self.last = None;
    }

    /// Lets the scenario take longer than others, if that much is more.
    pub(crate) fn allow(&mut self, time: Duration) {
        self.until = self.until.max(Instant::now() + time);
    }

    fn time_left(&self) -> Duration {
        let left = self.until.saturating_duration_since(Instant::now());
        assert!(left > Duration::ZERO, "the scenario's time is up");
        left
    }

    /// Runs a command of Bash, for [`COMMAND_LIMIT`] at most. Whether it succeeds is for the caller to judge.
    pub(crate) fn run(&mut self, command: &str) -> Output {
        self.run_within(COMMAND_LIMIT, command)
    }

    pub(crate) fn run_within(&mut self, limit: Duration, command: &str) -> Output {
        let result = self.shell.run(command, limit.min(self.time_left()));
        self.last = Some((command.to_owned(), result.clone()));
        result.unwrap_or_else(|error| panic!("{error}"))
    }

    /// What a command says, which must succeed. Without white space around it.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        let output = self.run(command);
        assert_eq!(output.status, 0, "{}\n{}", command.trim(), output.text);
        output.text.trim().to_owned()
    }

    /// Whether a command succeeds.
    pub(crate) fn holds(&mut self, command: &str) -> bool {
        self.run(command).status == 0
    }

    /// Waits until a command succeeds.
    pub(crate) fn wait_until(&mut self, command: &str) {
        let until = Instant::now() + COMMAND_LIMIT;
        while !self.holds(command) {
            assert!(Instant::now() < until, "not within {} s: {}", COMMAND_LIMIT.as_secs(), command.trim());
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Writes a file.
    pub(crate) fn write(&mut self, file: &str, text: &str) {
        self.ask(&format!("cat >{file} <<'END'\n{text}END"));
    }

    /// Sees to it that fovea is installed, has [`CONFIG`], and answers.
    pub(crate) fn with_fovea(&mut self) {
        if !self.holds("test -x /usr/bin/fovea") {
            self.install();
        }
        if self.run(&format!("cat {CONFIG_FILE}")).text.trim() != CONFIG.trim() {
            self.write(CONFIG_FILE, CONFIG);
            self.ask("systemctl restart fovea");
        }
        self.ask("systemctl start fovea");
        self.wait_until(ANSWERS);
    }

    /// Installs the package.
    pub(crate) fn install(&mut self) {
        let output = self.run_within(3 * COMMAND_LIMIT, &format!("apt-get install --yes {PACKAGE}"));
        assert_eq!(output.status, 0, "{}", output.text);
    }

    /// Says something beside the scenario's name, such as what was measured.
    #[expect(clippy::print_stdout, reason = "the line that it belongs to is written there")]
    pub(crate) fn note(&self, text: &str) {
        print!("{text}, ");
    }

    /// Shows what may tell why a scenario failed.
    #[expect(clippy::print_stderr, reason = "there is no other way to whoever waits for the tests")]
    pub(crate) fn show_evidence(&mut self) {
        eprintln!("\n--- the last command and what came of it");
        match self.last.take() {
            Some((command, Ok(output))) => eprintln!("{command}\n--- status {}\n{}", output.status, output.text),
            Some((command, Err(error))) => eprintln!("{command}\n--- {error}"),
            None => eprintln!("none"),
        }
        eprintln!("--- the end of the journal");
        match self.shell.run("journalctl --boot --no-pager --lines=60", EVIDENCE_LIMIT) {
            Ok(output) => eprintln!("{}", output.text),
            Err(error) => eprintln!("{error}"),
        }
        let console = fs::read(&self.console).unwrap_or_default();
        let console = String::from_utf8_lossy(&console);
        let lines: Vec<_> = console.lines().collect();
        eprintln!("--- the end of the console, {}", self.console.display());
        eprintln!("{}\n---", lines[lines.len().saturating_sub(40)..].join("\n"));
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.usb_socket);
    }
}

/// Where the board finds the package that is tested, and the same with a higher version.
pub(crate) const PACKAGE: &str = "/packages/fovea.deb";
pub(crate) const NEWER: &str = "/packages/newer.deb";

/// A folder with these two, below `target`.
fn packages(target: &Path) -> PathBuf {
    let version = env!("CARGO_PKG_VERSION").replacen('-', "~", 1); // as Debian writes it
    let package = PathBuf::from(format!("target/packages/fovea_{version}_arm64.deb"));
    let (folder, contents) = (target.join("board-packages"), target.join("board-package-contents"));
    for old in [&folder, &contents] {
        // Not there the first time.
        let _ = fs::remove_dir_all(old);
    }
    fs::create_dir(&folder).expect("the target folder can be written");
    fs::copy(&package, folder.join("fovea.deb"))
        .unwrap_or_else(|error| panic!("{}: {error}; cross/build aarch64 makes it", package.display()));

    let dpkg_deb = |arguments: [&OsStr; 4]| {
        let output = Command::new("dpkg-deb").args(arguments).output().expect("every Debian has dpkg-deb");
        assert!(output.status.success(), "dpkg-deb {arguments:?}\n{}", String::from_utf8_lossy(&output.stderr));
    };
    dpkg_deb(["--nocheck".as_ref(), "--raw-extract".as_ref(), package.as_ref(), contents.as_ref()]);
    let control = contents.join("DEBIAN/control");
    let text = fs::read_to_string(&control).expect("a package has one");
    let line = format!("Version: {version}\n");
    assert!(text.contains(&line), "another version than that in its name:\n{text}");
    fs::write(&control, text.replace(&line, &format!("Version: {version}+newer\n"))).expect("it was just written");
    let newer = folder.join("newer.deb");
    dpkg_deb(["--root-owner-group".as_ref(), "--build".as_ref(), contents.as_ref(), newer.as_ref()]);
    folder
}
