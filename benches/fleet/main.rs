//! A fleet of simulated boards at one broker: `cargo bench --bench fleet`.
//!
//! Each board runs the MQTT output of the daemon, with a hub, an event log and two cameras of its own. What is simulated is
//! what they see. The boards are in two processes, one of which is killed, so that the broker publishes wills. The broker,
//! Debian's mosquitto, ends in the middle and comes back. An observer counts what arrives.
//!
//! `FOVEA_BOARDS` says how many boards (1000), `FOVEA_FLEET_SECONDS` how long (120).
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

mod boards;
mod broker;
mod observer;

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use self::{broker::Broker, observer::Observer};

/// How long the broker is away.
const OUTAGE: Duration = Duration::from_secs(20);

/// How long something may take that has to happen.
const LIMIT: Duration = Duration::from_secs(120);

fn main() {
    let arguments: Vec<_> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--boards") {
        let number = |offset: usize| arguments[at + offset].parse().expect("a number");
        boards::run(number(1), number(2), number(3), number(4));
        return;
    }
    let count = |name: &str, default| env::var(name).map_or(default, |text| text.parse().expect("a number"));
    run(count("FOVEA_BOARDS", 1000), count("FOVEA_FLEET_SECONDS", 120));
}

fn run(boards: usize, seconds: usize) {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("it has one");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("up to the hard limit it is allowed");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet");
    let mut broker = Broker::start(&folder);
    let observer = Observer::start(broker.port());
    let doomed = (boards / 10).max(1);

    let began = Instant::now();
    let mut fleet = Boards::start(0, boards - doomed, seconds, broker.port());
    let mut others = Boards::start(boards - doomed, doomed, 0, broker.port());
    wait("all boards are connected", || observer.counts().online == boards);
    let all_online = began.elapsed();
    let begun = broker.used();

    thread::sleep(Duration::from_secs((seconds / 3) as u64));
    broker.stop();
    thread::sleep(OUTAGE);
    broker.restart();
    let back = Instant::now();
    wait("all boards are back", || observer.counts().online_again == boards);
    let all_back = back.elapsed();

    let killed = Instant::now();
    others.process.kill().expect("it runs");
    others.process.wait().expect("it was started here");
    wait("all wills arrived", || observer.counts().offline == doomed);
    let wills = killed.elapsed();

    let sent = fleet.sent();
    let wall = began.elapsed();
    wait("all events arrived", || observer.counts().distinct == sent);
    let (counts, used) = (observer.counts(), broker.used());
    fleet.end();

    let rate = |count: usize| count as f64 / wall.as_secs_f64();
    println!("| what | measured |\n| --- | --- |");
    println!("| boards, cameras | {boards}, {} |", 2 * boards);
    println!("| all connected | after {:.1} s |", all_online.as_secs_f64());
    println!(
        "| event messages sent, arrived, lost, twice | {sent}, {}, {}, {} |",
        counts.distinct,
        sent - counts.distinct,
        counts.twice
    );
    println!("| out of order within a camera | {} |", counts.out_of_order);
    println!(
        "| event messages and pictures a second, in {:.0} s | {:.0}, {:.0} |",
        wall.as_secs_f64(),
        rate(sent),
        rate(counts.pictures)
    );
    println!(
        "| from the event to the observer, not late | p50 {:.1} ms, p99 {:.1} ms |",
        counts.ages_ms(50),
        counts.ages_ms(99)
    );
    println!(
        "| the broker away for {} s: late events, the latest, all boards back | {}, {:.1} s, after {:.1} s |",
        OUTAGE.as_secs(),
        counts.late,
        counts.latest.as_secs_f64(),
        all_back.as_secs_f64()
    );
    println!("| {doomed} boards killed: the last will arrived | after {:.1} s |", wills.as_secs_f64());
    println!(
        "| broker: processor time before and after the outage, largest resident memory | {:.1} s and {:.1} s, {:.1} MiB |",
        begun.cpu.as_secs_f64().max(broker.used_before().cpu.as_secs_f64()),
        used.cpu.as_secs_f64(),
        used.resident_mib.max(broker.used_before().resident_mib)
    );
    println!(
        "| a board's part of its process: processor time, resident memory | {:.2} ms/s, {:.2} MiB |",
        fleet.cpu_ms_a_second, fleet.resident_mib
    );
}

/// A process with some of the boards.
struct Boards {
    process: Child,
    lines: BufReader<std::process::ChildStdout>,
    cpu_ms_a_second: f64,
    resident_mib: f64,
}

impl Boards {
    fn start(first: usize, count: usize, seconds: usize, port: u16) -> Self {
        let numbers = [first, count, seconds, port.into()].map(|number| number.to_string());
        let mut process = Command::new(env::current_exe().expect("it runs"))
            .arg("--boards")
            .args(numbers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was just started");
        let lines = BufReader::new(process.stdout.take().expect("it is piped"));
        Self { process, lines, cpu_ms_a_second: 0.0, resident_mib: 0.0 }
    }

    /// How many event messages they made, once they made all.
    fn sent(&mut self) -> usize {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("it says how many");
        let numbers: Vec<_> = line.split_whitespace().collect();
        let [sent, cpu, resident] = numbers[..] else { panic!("{line}") };
        self.cpu_ms_a_second = cpu.parse().expect("a number");
        self.resident_mib = resident.parse().expect("a number");
        sent.parse().expect("a number")
    }

    fn end(&mut self) {
        let _ = self.process.stdin.take().map(|mut stdin| stdin.write_all(b"end\n")); // it may have ended
        self.process.wait().expect("it was started here");
    }
}

impl Drop for Boards {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have ended
    }
}

/// Waits for something that has to happen.
fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < until, "{what}: not within {LIMIT:?}");
        thread::sleep(Duration::from_millis(20));
    }
}
