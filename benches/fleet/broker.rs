//! Debian's mosquitto, with what it uses.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, SysconfVar, sysconf},
};

/// A broker that keeps its messages in a file when it ends.
pub(crate) struct Broker {
    process: Child,
    config: PathBuf,
    port: u16,
    before: Used,
}

/// What a process used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    pub(crate) cpu: Duration,
    /// At most, until now.
    pub(crate) resident_mib: f64,
}

impl Broker {
    /// Starts it in an empty folder.
    pub(crate) fn start(folder: &Path) -> Self {
        let _ = fs::remove_dir_all(folder); // of an earlier run
        fs::create_dir_all(folder).expect("the target folder can be written");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port is free").port();
        let config = folder.join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\n\
             max_queued_messages 0\nlog_type error\n{}",
            folder.display(),
            // Otherwise it changes to the user mosquitto, who cannot write there.
            if nix::unistd::geteuid().is_root() { "user root\n" } else { "" },
        );
        fs::write(&config, text).expect("the folder can be written");
        Self { process: run(&config, port), config, port, before: Used::default() }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends it in order.
    pub(crate) fn stop(&mut self) {
        self.before = self.used();
        let id = i32::try_from(self.process.id()).expect("a process id");
        kill(Pid::from_raw(id), Signal::SIGTERM).expect("it runs");
        self.process.wait().expect("it was started here");
    }

    pub(crate) fn restart(&mut self) {
        self.process = run(&self.config, self.port);
    }

    /// What it used since it was started, or started again.
    pub(crate) fn used(&self) -> Used {
        used(self.process.id())
    }

    /// What it had used when it was stopped.
    pub(crate) fn used_before(&self) -> Used {
        self.before
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have ended
    }
}

/// What a process used.
pub(crate) fn used(id: u32) -> Used {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks: u64 = [11, 12].into_iter().filter_map(|at: usize| fields.get(at)?.parse::<u64>().ok()).sum();
    let a_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().expect("the kernel counts in ticks");
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    let most =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    Used {
        cpu: Duration::from_secs_f64(ticks as f64 / a_second as f64),
        resident_mib: most.expect("it has memory") / 1024.0,
    }
}

fn run(config: &Path, port: u16) -> Child {
    let program = if Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" };
    let process =
        Command::new(program).arg("-c").arg(config).spawn().expect("mosquitto is installed (deploy/setup test)");
    crate::wait("the broker listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    process
}
