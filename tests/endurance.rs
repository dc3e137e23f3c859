//! What the daemon bears for long: kills, clients that leave, hours of frames, a system that has nothing left to give.
//!
//!     cargo test --test endurance                                      what takes seconds
//!     cargo test --test endurance -- --ignored --nocapture             the rest, which prints what it measured
//!     FOVEA_SOAK_SECONDS=3600 cargo test --test endurance -- --ignored --nocapture soak
//!
//! `docs/SECURITY.md` has the figures. How often and for how long is in the environment, see [`count`]. `FOVEA=PROGRAM` tries
//! another build of fovea, such as target/release/fovea.

#[expect(dead_code, reason = "it is made for tests/daemon.rs; some of it is of use here")]
mod support;

mod endurance {
    mod first_starts;
    mod frame_costs;
    mod kills;
    mod leavers;
    mod shortages;
    mod soak;
}

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use support::{daemon::Daemon, eventually, tls::encrypted};

/// How often something is done: by an environment variable, or as here.
fn count(variable: &str, default: u64) -> u64 {
    let text = env::var(variable).ok();
    text.map_or(default, |text| text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

/// Prints what was measured.
#[expect(clippy::print_stdout, reason = "for --nocapture")]
fn report(text: &str) {
    println!("{text}");
}

/// Says why a test is not made. With `FOVEA_ALL` that is a failure.
#[expect(clippy::print_stderr, reason = "the test harness shows it")]
fn skip(what: &str) {
    assert!(env::var_os("FOVEA_ALL").is_none(), "cannot be tried: {what}");
    eprintln!("skipped {what}");
}

/// The descriptors and threads of a daemon, once all of its clients have left but those whose threads have these names.
fn rested(daemon: &Daemon, clients: &[&str]) -> (usize, usize) {
    let mut expected = [&["events", "fovea", "http", "journal", "listen", "processor"], clients].concat();
    expected.sort_unstable();
    eventually("the others have left", || {
        let mut names: Vec<_> = daemon.tasks().into_iter().map(|task| task.name).collect();
        names.sort();
        names == expected
    });
    // The port for people has one thread for all: its last client is gone when the descriptors stay as they are.
    let (mut descriptors, mut same) = (0, 0);
    eventually("the descriptors stay the same", || {
        let now = daemon.descriptors();
        same = if now == descriptors { same + 1 } else { 0 };
        descriptors = now;
        same == 100
    });
    (descriptors, expected.len())
}

/// Whether a port speaks TLS, with a certificate and its key.
fn is_encrypted(address: SocketAddr) -> bool {
    let mut stream = encrypted(address);
    stream.conn.complete_io(&mut stream.sock).is_ok()
}

/// A folder of one test alone, empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("endurance-{name}"));
    let _ = fs::remove_dir_all(&folder); // it may not be there
    fs::create_dir_all(&folder).expect("it can be made");
    folder
}

/// The names in a folder and those below it, sorted.
fn names_in(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).expect("it is there") {
        let entry = entry.expect("it can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            names.extend(names_in(&entry.path()).into_iter().map(|inner| format!("{name}/{inner}")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

/// Moments and choices: other ones each time.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        Self(u64::from(now.subsec_nanos()) | 1)
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        // Knuth's MMIX generator; its upper bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end.max(1)
    }
}
